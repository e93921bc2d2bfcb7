"""Which videos belong together, and whether what is asked for can be written: known before the work begins."""

import os
from pathlib import Path

from config.config import EvaluateOptions
from config.errors import InputError
from media.files import check_outputs
from media.video import VIDEO_SUFFIXES

PICTURES = ("contact_sheet.png", "lip_opening.png", "sync.png")


def paired_paths(options: EvaluateOptions) -> dict[str, tuple[Path, Path]]:
    """Generated and reference paths by name. Raises InputError where one of a pair is missing."""
    for flag in ("generated", "reference"):
        path = getattr(options, flag)
        if not path:
            raise InputError(f"--{flag} is not set; see evaluate.py --help")
        if not Path(path).exists():
            raise InputError(f"--{flag} {path}: no such file or folder; give a video, or a folder of videos")
    generated, reference = Path(options.generated), Path(options.reference)
    if generated.is_dir() != reference.is_dir():
        folder, other = ("generated", "reference") if generated.is_dir() else ("reference", "generated")
        raise InputError(f"--{folder} is a folder, but --{other} is not; give two folders or two videos")
    if not generated.is_dir():
        return {generated.stem: (generated, reference)}
    if options.source:
        raise InputError("--source belongs to a single video, but --generated is a folder; leave it out")
    ours, theirs = videos_in(generated, "--generated"), videos_in(reference, "--reference")
    for name in ours:
        if name not in theirs:
            raise InputError(f"--reference {reference} holds no video named {name}, which is in --generated")
    return {name: (path, theirs[name]) for name, path in ours.items()}


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


def picture_folder(options: EvaluateOptions, paths: dict[str, tuple[Path, Path]], name: str) -> Path | None:
    """Where the pictures of a video go: --pictures itself, or a folder of the video's name where there are many."""
    if not options.pictures:
        return None
    return Path(options.pictures) / (name if len(paths) > 1 else "")


def check_paths(options: EvaluateOptions, paths: dict[str, tuple[Path, Path]]) -> None:
    """Raise InputError for an output that cannot be written or is an input, and for a --source that is missing."""
    if options.source and not Path(options.source).is_file():
        raise InputError(f"--source: {options.source} is not a file; give the video before dubbing")
    names = ("source", "syncnet", "face_landmarker_model", "deepspeech_model_path")
    inputs = {f"--{name}": getattr(options, name) for name in names}
    for generated, reference in paths.values():
        inputs |= {f"--generated {generated}": generated, f"--reference {reference}": reference}
    check_outputs({"--json": options.json}, inputs)
    if options.json and Path(options.json).is_dir():
        raise InputError(f"--json: {options.json} is a folder; give the path of a file")
    for name in paths:
        folder = picture_folder(options, paths, name)
        for path in (folder / picture for picture in PICTURES) if folder else ():
            check_outputs({"--pictures": path}, inputs if os.path.exists(path) else {})
