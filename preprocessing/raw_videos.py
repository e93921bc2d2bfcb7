"""Finds raw videos in a folder and names them."""

from collections import Counter
from pathlib import Path

from config.errors import InputError
from media.video import VIDEO_SUFFIXES


def find_raw_videos(root: Path, *made_folders: Path) -> dict[str, Path]:
    """Every video below `root` by a name of its own: folders become prefixes, equal names get their suffix added.

    Hidden files and folders, and what lies in `made_folders`, such as the results of an earlier run, are left out.
    """
    if not root.is_dir():
        raise InputError(f"--root_folder {root}: no such folder; give the folder of your videos")
    root = root.resolve()
    made = {folder.resolve() for folder in made_folders} - {root, *root.parents}
    paths = [
        path
        for path in sorted(root.rglob("*"))
        if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file() and made.isdisjoint(path.parents)
        if not any(part.startswith(".") for part in path.relative_to(root).parts)
    ]
    if not paths:
        raise InputError(f"--root_folder {root}: holds no videos; expected files such as .mp4, .mov or .mkv")
    stems = ["_".join(path.relative_to(root).with_suffix("").parts) for path in paths]
    counts = Counter(stems)
    videos: dict[str, Path] = {}
    for path, name in zip(paths, stems, strict=True):
        if counts[name] > 1:
            name += f"_{path.suffix[1:]}"
        while name in videos:
            name += "_"
        videos[name] = path
    return videos
