"""Which videos belong together, and whether what is asked for can be written: known before the work begins."""

import os
from pathlib import Path
from typing import NamedTuple

from config.config import EvaluateOptions
from config.errors import InputError
from media.files import check_outputs
from media.video import VIDEO_SUFFIXES

WITHOUT_REFERENCE = ("leak", "silence")  # metrics that need no true video of the same scene
PICTURES = ("contact_sheet.png", "lip_opening.png", "sync.png")


class Videos(NamedTuple):
    """What belongs to one result."""

    generated: Path
    reference: Path | None
    source: Path | None


def paired_paths(options: EvaluateOptions) -> dict[str, Videos]:
    """The videos of every result by its name. Raises InputError where one of them is missing."""
    for flag in ("generated", *(("reference",) if needs_reference(options) else ())):
        if not getattr(options, flag):
            raise InputError(f"--{flag} is not set; see evaluate.py --help")
    given = {flag: Path(getattr(options, flag)) for flag in Videos._fields if getattr(options, flag)}
    for flag, path in given.items():
        if not path.exists():
            raise InputError(f"--{flag} {path}: no such file or folder; give a video, or a folder of videos")
    generated = given["generated"]
    for flag, path in given.items():
        if path.is_dir() != generated.is_dir():
            folder, other = ("generated", flag) if generated.is_dir() else (flag, "generated")
            raise InputError(f"--{folder} is a folder, but --{other} is not; give folders or single videos")
    if not generated.is_dir():
        return {generated.stem: Videos(*(given.get(flag) for flag in Videos._fields))}
    found = {flag: videos_in(path, f"--{flag}") for flag, path in given.items()}
    for flag, videos in found.items():
        for name in found["generated"]:
            if name not in videos:
                raise InputError(f"--{flag} {given[flag]} holds no video named {name}, which is in --generated")
    return {
        name: Videos(*(found[flag][name] if flag in found else None for flag in Videos._fields))
        for name in found["generated"]
    }


def needs_reference(options: EvaluateOptions) -> bool:
    """Whether something is asked for that compares with the truth; of "auto", unless there is a --source."""
    if options.metrics == "auto":
        return not options.source
    return not set(options.metrics.split(",")) <= set(WITHOUT_REFERENCE)


def videos_in(folder: Path, flag: str) -> dict[str, Path]:
    """The videos of a folder by name, without suffix. Hidden files and what is no video are passed over.

    Raises InputError for an empty folder, and for two videos that differ in nothing but the suffix.
    """
    videos: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.suffix.lower() not in VIDEO_SUFFIXES or not path.is_file():
            continue
        if path.stem in videos:
            other = videos[path.stem].name
            raise InputError(f"{flag} {folder}: {other} and {path.name} have one name; move one of them away")
        videos[path.stem] = path
    if not videos:
        raise InputError(f"{flag} {folder} holds no video; expected files such as .mp4, .mov or .mkv")
    return videos


def picture_folder(options: EvaluateOptions, paths: dict[str, Videos], name: str) -> Path | None:
    """Where the pictures of a video go: --pictures itself, or a folder of the video's name where there are many."""
    if not options.pictures:
        return None
    return Path(options.pictures) / (name if len(paths) > 1 else "")


def check_paths(options: EvaluateOptions, paths: dict[str, Videos]) -> None:
    """Raise InputError for an output that cannot be written or is an input."""
    names = ("syncnet", "identity_weights", "face_landmarker_model", "deepspeech_model_path")
    inputs = {f"--{name}": getattr(options, name) for name in names}
    for videos in paths.values():
        inputs |= {f"--{flag} {path}": path for flag, path in videos._asdict().items() if path}
    check_outputs({"--json": options.json}, inputs)
    if options.json and Path(options.json).is_dir():
        raise InputError(f"--json: {options.json} is a folder; give the path of a file")
    for name in paths:
        folder = picture_folder(options, paths, name)
        for path in (folder / picture for picture in PICTURES) if folder else ():
            check_outputs({"--pictures": path}, inputs if os.path.exists(path) else {})
