"""Puts videos and landmarks that make_dataset.py made into a training set, and takes them out again."""

import filecmp
import os
from contextlib import suppress
from pathlib import Path

from config.errors import InputError
from dataset.layout import TrainingSetLayout
from face.openface_csv import read_openface_csv
from media.files import is_same
from media.links import link_file
from media.video import VIDEO_SUFFIXES
from preprocessing.crop_step import LANDMARKS, REPORT
from preprocessing.origin import Origin, fingerprint, is_ours, memory_of, recall


def refuse_foreign(table: Path, video: Path) -> None:
    """Raise InputError where a CSV that would be replaced came from elsewhere."""
    if table.exists() and not is_ours(table, table.parent) and not read_openface_csv(table).smoothed:
        raise InputError(f"{table} is not of {video} as it is now, nor made by make_dataset.py; move it away")


def place_pair(name: str, video: Path, table: Path, layout: TrainingSetLayout) -> None:
    """Put a 25 fps video and its landmarks into the training set, and remember which belong together.

    What an earlier run made and placed there is replaced; raw videos, and anything of the user's, never. Raises
    InputError where such a file is in the way.
    """
    placed, landmarks = layout.videos / f"{name}{video.suffix}", layout.landmarks / f"{name}.csv"
    for suffix in (*VIDEO_SUFFIXES, *map(str.upper, VIDEO_SUFFIXES)):
        other = placed.with_name(f"{name}{suffix}")
        if other.exists() and other.name != placed.name and not is_same(other, placed):
            raise InputError(f"{other} is another video of this name; move it away to use {video}")
    place(video, placed, layout.root)
    if video.parent == table.parent:  # resampled, so not the user's
        Origin.of(layout.root, video).remember(placed)
    place(table, landmarks, layout.root)
    Origin.of(layout.root, table, video).remember(landmarks)


def is_as_placed(target: Path, root: Path) -> bool:
    """Whether a file of the training set was made and placed there by make_dataset.py, and is what it was then."""
    known = recall(target, root)
    return known is not None and known["inputs"][:1] == [fingerprint(target, root)]


def place(source: Path, target: Path, root: Path) -> None:
    """Put a file into the training set at `root`: a hard link, else a symbolic link, else a copy.

    Replaces only what was placed by make_dataset.py.
    """
    if target.exists():
        if os.path.samefile(source, target) or filecmp.cmp(source, target, shallow=False):
            return
        if not is_as_placed(target, root):
            raise InputError(f"{target} exists and is another file; move it away to use {source}")
        target.unlink()
    link_file(source, target)


def withdraw(name: str, raw: Path, output: Path, training_set: Path | None) -> None:
    """Remove a clip and its landmarks from the training set and from `output`: only what make_dataset.py made or linked
    there and nobody has changed since. Where no video of that name is left in the set, what data_processing.py made of
    it goes too, which would be trained on otherwise.
    """
    if training_set is not None:
        layout = TrainingSetLayout(training_set)
        videos = [layout.videos / f"{name}{end}" for end in VIDEO_SUFFIXES]
        for placed in (layout.landmarks / f"{name}.csv", *videos):
            if placed.exists() and (is_as_placed(placed, layout.root) or is_second_name(placed, raw)):
                forget(placed, layout.root)
        if not any(video.exists() for video in videos):
            for derived in derived_of(name, layout):
                forget(derived, layout.root)
    for made in (output / f"{name}.mp4", output / f"{name}.csv"):
        if made.exists() and is_ours(made, output):
            forget(made, output)


def is_second_name(path: Path, raw: Path) -> bool:
    """Whether `path` is a link to a raw video, so that the video is still there without it."""
    if path.parent.resolve() / path.name == raw.parent.resolve() / raw.name or not os.path.samefile(path, raw):
        return False
    return path.is_symlink() or path.resolve() != raw.resolve()


def derived_of(name: str, layout: TrainingSetLayout) -> list[Path]:
    """What data_processing.py made of a video: frames, sound, crops, packed crops, audio features."""
    pair = (layout.videos, layout.landmarks)
    folders = [folder for folder in layout.root.glob(f"{layout.videos.name}_*") if folder not in pair]
    outputs = [folder / f"{name}{end}" for folder in folders for end in ("", ".wav", ".npy")]
    return [output for output in outputs if output.exists() and is_ours(output, layout.root)]


def forget(path: Path, root: Path) -> None:
    """Remove a file, a link, or of a folder the files that data_processing.py writes, and what it was made from."""
    if path.is_dir() and not path.is_symlink():
        for made in (*path.glob("**/*.jpg"), *(path / name for name in (LANDMARKS, REPORT))):
            made.unlink(missing_ok=True)
        for folder in sorted((path, *(each for each in path.glob("**") if each.is_dir())), reverse=True):
            with suppress(OSError):  # something of the user's is in it
                folder.rmdir()
    else:
        path.unlink()
    memory_of(path, root).unlink(missing_ok=True)
