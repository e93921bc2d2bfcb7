"""Finds raw videos in a folder and names them."""

import hashlib
from collections import Counter
from collections.abc import Container
from pathlib import Path

from config.errors import InputError
from media.video import VIDEO_SUFFIXES

CLIP_DIGITS = 3  # of the number that a clip's name ends in, at least
LONGEST_NAME = 200  # bytes of a video's name


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
        if path.suffix.lower() in VIDEO_SUFFIXES and is_listed(path) and made.isdisjoint(path.parents)
        if not any(part.startswith(".") for part in path.relative_to(root).parts)
    ]
    if not paths:
        raise InputError(f"--root_folder {root}: holds no videos; expected files such as .mp4, .mov or .mkv")
    stems = [shortened("_".join(path.relative_to(root).with_suffix("").parts)) for path in paths]
    counts = Counter(stems)
    videos: dict[str, Path] = {}
    for path, name in zip(paths, stems, strict=True):
        if counts[name] > 1:
            name += f"_{path.suffix[1:]}"
        while name in videos or is_clip_of(name, counts):
            name += "_"
        videos[name] = path
    return videos


def is_listed(path: Path) -> bool:
    """Whether a path counts as a video: a file, or a link that leads nowhere, so that somebody hears of it."""
    return path.is_file() or (path.is_symlink() and not path.exists())


def shortened(name: str) -> str:
    """A name that leaves room for what is added to it; a long one ends in a hash of the whole."""
    whole = name.encode("utf-8", "surrogateescape")
    if len(whole) <= LONGEST_NAME:
        return name
    digest = hashlib.blake2b(whole, digest_size=4).hexdigest()
    return f"{whole[: LONGEST_NAME - len(digest) - 1].decode('utf-8', 'ignore')}~{digest}"


def is_clip_of(name: str, videos: Container[str]) -> bool:
    """Whether a clip of another video would have this name: video 4 and its clip 002 are 4_002."""
    video, separator, number = name.rpartition("_")
    return bool(separator) and number.isdigit() and len(number) >= CLIP_DIGITS and video in videos
