"""avatar.json: what an avatar's folder says of itself. Read without loading anything large."""

import dataclasses
import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from config.config import AvatarOptions
from config.errors import InputError
from media.files import check_outputs

VERSION = 1  # of what a folder holds and of how it is made; a folder of another one is refused
RECORD, FRAMES, GENERATOR, PREVIEW = "avatar.json", "frames.mov", "generator.pth", "preview.png"
ARRAYS = ("landmarks", "confidence", "video_to_crop", "checksums", "reference_encoded", "reference_appearance")
MOUTHS = ("mouths.npy", "mouth_times.npy")  # avatars whose generator draws large mouths, and older ones, have none
CHECKED = (GENERATOR, *(f"{name}.npy" for name in ARRAYS))  # of these the record holds the hash of the content
ALL_FILES = {RECORD, FRAMES, PREVIEW, *CHECKED, *MOUTHS}
INPUTS = ("source_video_path", "pretrained_clip_DINet_path", "source_openface_landmark_path", "face_landmarker_model")
REMEDY = "make it anew with avatar.py"


@dataclass(frozen=True)
class AvatarRecord:
    """What avatar.json holds.

    `rest`: the frame whose closed mouth others show while nobody speaks; None where the mouth is never closed. `idle`:
    first frame, and the one after the last, of a long stretch with a closed mouth, or None.
    """

    version: int
    source: str  # name of the video or picture
    width: int
    height: int
    fps: str  # a fraction, as 25/1
    num_frames: int
    mouth_size: int
    audio_feature: str
    checkpoint: str  # hash of the content of the file that the generator was taken from
    rest: int | None
    idle: list[int] | None
    files: dict[str, str]  # hash of the content of each of CHECKED, and of MOUTHS where there are such

    @property
    def rate(self) -> Fraction:
        """Frames a second."""
        return Fraction(self.fps)


def is_avatar(path: str | Path) -> bool:
    """Whether this is a folder that avatar.py made, whole or damaged."""
    return (Path(path) / RECORD).is_file()


def read_record(folder: str | Path) -> AvatarRecord:
    """What an avatar says of itself. Raises InputError for other folders, other versions and damaged records."""
    if not is_avatar(folder):
        raise InputError(f"{folder} is no avatar: it has no {RECORD}; give a folder that avatar.py made")
    try:
        content = json.loads((Path(folder) / RECORD).read_text(encoding="utf-8"))
        version = content["version"]
        if version == VERSION:
            record = AvatarRecord(**content)
            check_record(record)
            return record
    except (ValueError, TypeError, KeyError, ZeroDivisionError, RecursionError) as error:
        raise InputError(f"{folder}: its {RECORD} is damaged ({error}); {REMEDY}") from error
    raise InputError(f"{folder}: made by version {version!r} of avatar.py, this is version {VERSION}; {REMEDY}")


def check_record(record: AvatarRecord) -> None:
    """Raise ValueError or TypeError for values that no avatar has."""
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if field.type in (int, str) and type(value) is not field.type:
            raise TypeError(f"{field.name} is {value!r}")
        if field.type is int and value < 1:
            raise ValueError(f"{field.name} is {value}")
    if not 0 < record.rate < 1000:
        raise ValueError(f"fps is {record.fps}")
    if set(record.files) not in (set(CHECKED), {*CHECKED, *MOUTHS}):
        raise ValueError("files are others than expected")
    if record.rest is not None and not 0 <= record.rest < record.num_frames:
        raise ValueError(f"rest is {record.rest}")
    if record.idle is not None:
        first, stop = record.idle
        if not 0 <= first < stop <= record.num_frames:
            raise ValueError(f"idle is {record.idle}")


def check_avatar_paths(options: AvatarOptions) -> Path:
    """The folder that is to be made. Raises InputError where an input is missing, or it would replace a user's file."""
    for name in ("source_video_path", "pretrained_clip_DINet_path", "output_folder"):
        if not getattr(options, name):
            raise InputError(f"--{name} is not given; see avatar.py --help")
    for name in INPUTS:
        path = getattr(options, name)
        if path and not Path(path).is_file():
            raise InputError(f"--{name}: {path} is not a file; give the path of a file that exists")
    output = Path(options.output_folder)
    check_outputs({"--output_folder": output}, {f"--{n}": getattr(options, n) for n in INPUTS}, are_folders=True)
    foreign = {path.name for path in output.iterdir()} - ALL_FILES if output.is_dir() else set()
    if foreign:
        raise InputError(
            f"--output_folder: {output} holds {min(foreign)}, which is of no avatar; give a folder for it alone"
        )
    return output
