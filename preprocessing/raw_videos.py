"""Raw videos: brought to 25 fps, faces tracked, and placed in a training set. Raw files are only read."""

import filecmp
import os
from collections import Counter
from pathlib import Path

import numpy as np

from config.constants import CLIP_FRAMES, FPS
from config.errors import InputError
from dataset.layout import TrainingSetLayout
from face.landmarks import FaceLandmarker
from face.openface_csv import read_openface_csv, write_openface_csv
from face.smoothing import smooth_track
from face.tracking import track_video
from media.files import is_same
from media.links import link_file
from media.video import VIDEO_SUFFIXES, VideoInfo, VideoWriter, probe, read_frames_at
from preprocessing.jobs import Outcome
from preprocessing.origin import Origin, fingerprint, is_ours, recall

MIN_FOUND = 0.5  # share of frames that must show a face


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


def prepare_video(name: str, raw: Path, output: Path, training_data_path: str, model_path: str) -> Outcome:
    """Make OUT/NAME.csv, and OUT/NAME.mp4 if the video is not at 25 fps; place both in the training set if asked.

    Raises InputError when the video has no picture, no sound or no usable face.
    """
    table = output / f"{name}.csv"
    info = probe(raw)
    if not info.has_audio:
        raise InputError("has no sound, and training needs speech")
    video, story = at_25fps(raw, info, output / f"{name}.mp4")
    origin = Origin.of(output, video)
    if origin.made(table):
        found, status = read_openface_csv(table).success, "kept"
    else:
        refuse_foreign(table, video)
        with FaceLandmarker(model_path or None) as landmarker:
            track = smooth_track(track_video(probe(video), landmarker))
        found, status = track.success, "done"
        if usable(found):
            write_openface_csv(table, track)
            origin.remember(table)
    if len(found) < CLIP_FRAMES:
        raise InputError(f"lasts {len(found)} frames; a training clip has {CLIP_FRAMES}")
    if not usable(found):
        seen = f"{found.mean():.0%} of {len(found)} frames"
        raise InputError(f"shows a face in {seen}; at least {MIN_FOUND:.0%} are needed")
    if training_data_path:
        place_pair(name, video, table, TrainingSetLayout(Path(training_data_path)))
    size = f"{len(found)} frames, {len(found) / FPS:.1f} s"
    return Outcome(name, status, f"{story}, {size}, face in {found.mean():.0%}")


def refuse_foreign(table: Path, video: Path) -> None:
    """Raise InputError where a CSV that would be replaced came from elsewhere."""
    if table.exists() and not is_ours(table, table.parent) and not read_openface_csv(table).smoothed:
        raise InputError(f"{table} is not of {video} as it is now, nor made by make_dataset.py; move it away")


def usable(found: np.ndarray) -> bool:
    return len(found) >= CLIP_FRAMES and found.mean() >= MIN_FOUND


def at_25fps(raw: Path, info: VideoInfo, target: Path) -> tuple[Path, str]:
    """The video itself if it is constantly 25 fps, else `target`, resampled by time with its sound in step."""
    if info.is_constant_rate(FPS):
        return raw, "25 fps as it was"
    story = f"resampled from {float(info.fps):.3f} fps"
    origin = Origin.of(target.parent, raw)
    if not origin.made(target):
        if target.exists() and not is_ours(target, target.parent):
            raise InputError(f"{target} was not made by make_dataset.py and is in the way; move it away to use {raw}")
        times = np.arange(max(1, round(info.duration * FPS))) / FPS
        with VideoWriter(target, info.width, info.height, FPS, audio_path=raw, crf=14) as writer:
            for frame in read_frames_at(raw, times):
                writer.write(frame)
        origin.remember(target)
    return target, story


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
