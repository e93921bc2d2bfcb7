"""What somebody asks for, checked as far as that can be done without opening a file."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from config.config import AppOptions, InferenceOptions
from config.options import check
from dubbing.job_file import plain_value
from serving.avatars import Avatars
from serving.callbacks import check_callback
from serving.job_files import Upload
from serving.refused import Refused

INPUTS = ("video", "speech")
NAMES = ("video", "avatar", "speech", "kind", "callback")  # of a job's values, beside options
# Of inference.py, that a job may set.
OPTIONS = ("reference_frames", "lip_strength", "smooth", "detail", "crf", "preset", "seed")
KINDS = ("dub", "preview")
LONGEST_KEY = 200


@dataclass(frozen=True)
class Order:
    """`inputs`: by role, what was sent, or where it lies on this machine. `options`: of inference.py or avatar.py."""

    kind: str
    inputs: dict[str, Upload | Path]
    options: dict[str, Any]
    callback: str = ""
    key: str | None = None


def make_order(given: Mapping[str, Any], app: AppOptions, key: str | None = None) -> Order:
    """A dub or a preview, of what a request holds: values by name, uploads among them; an avatar may be the video.

    Raises InputError that names the value.
    """
    rest = dict(given)
    kind = rest.pop("kind", "dub")
    if kind not in KINDS:
        raise Refused(f"kind is {kind!r}; expected one of {', '.join(KINDS)}")
    avatar = rest.pop("avatar", "")
    if avatar and "video" in rest:
        raise Refused("video and avatar are both given; leave one of them out")
    roles = INPUTS[1:] if avatar else INPUTS
    inputs = {"video": Avatars(Path(app.avatars)).find(avatar)} if avatar else {}
    inputs |= {role: input_file(role, rest.pop(role, None), app.media_root) for role in roles}
    callback = allowed_callback(rest.pop("callback", ""), app)
    return Order(kind, inputs, job_options(rest), callback, usable_key(key))


def make_avatar_order(given: Mapping[str, Any], app: AppOptions, key: str | None = None) -> Order:
    """An avatar of a video or picture, of what a request holds. Raises InputError that names the value."""
    rest = dict(given)
    folder = Avatars(Path(app.avatars)).vacant(rest.pop("name", ""))
    inputs = {"video": input_file("video", rest.pop("video", None), app.media_root)}
    callback = allowed_callback(rest.pop("callback", ""), app)
    if rest:
        raise Refused(f"{min(rest)[:40]!r} is nothing that an avatar has; it has name, video, callback")
    return Order("avatar", inputs, {"output_folder": str(folder)}, callback, usable_key(key))


def allowed_callback(url: Any, app: AppOptions) -> str:
    return check_callback(str(url), app.callback_host) if url else ""


def usable_key(key: str | None) -> str | None:
    if key is not None and not (key.isprintable() and 0 < len(key) <= LONGEST_KEY):
        raise Refused(f"Idempotency-Key: expected 1 to {LONGEST_KEY} printable characters")
    return key


def job_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Options of inference.py that a job may set, each of its type. Raises InputError."""
    fields = {field.name: field for field in dataclasses.fields(InferenceOptions) if field.name in OPTIONS}
    for name in given:
        if name not in fields:
            known = ", ".join((*NAMES, *OPTIONS))
            raise Refused(f"{name[:40]!r} is nothing that a job has; it has {known}")
    options = {name: plain_value(name, value, fields[name]) for name, value in given.items()}
    check(dataclasses.replace(InferenceOptions(), **options), origin="")
    return options


def input_file(role: str, value: Any, media_root: str) -> Upload | Path:
    """What was sent, or the file in --media_root that is named. Raises Refused for anything else."""
    if isinstance(value, Upload):
        return value
    if not isinstance(value, str) or not value:
        raise Refused(f"{role} is missing; send a file, or name one in the server's --media_root")
    if not media_root:
        raise Refused(f"{role}: this server has no --media_root, so files must be sent", HTTPStatus.FORBIDDEN)
    return inside(Path(media_root), value, role)


def inside(root: Path, name: str, role: str) -> Path:
    """The file of this name in a folder, links followed. Raises Refused for one that is not there or leads out."""
    root = root.resolve()
    try:
        path = (root / name).resolve()
        is_inside, is_file = path.is_relative_to(root), path.is_file()
    except (OSError, ValueError):
        is_inside = is_file = False
    if not (is_inside and is_file):
        raise Refused(f"{role}: no such file in the server's folder", HTTPStatus.NOT_FOUND)
    return path
