"""Raw videos: brought to 25 fps, faces tracked, and placed in a training set. Raw files are only read."""

import filecmp
import os
import shutil
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
from media.files import atomic_write, is_up_to_date
from media.video import VIDEO_SUFFIXES, VideoInfo, VideoWriter, probe, read_frames_at
from preprocessing.jobs import Outcome

MIN_FOUND = 0.5  # share of frames that must show a face


def find_raw_videos(root: Path, *made_folders: Path) -> dict[str, Path]:
    """Every video below `root` by a name of its own: folders become prefixes, equal names get their suffix added.

    Hidden files and what lies in `made_folders`, such as the results of an earlier run, are left out.
    """
    if not root.is_dir():
        raise InputError(f"--root_folder {root}: no such folder; give the folder of your videos")
    root = root.resolve()
    made = {folder.resolve() for folder in made_folders} - {root, *root.parents}
    paths = [
        path
        for path in sorted(root.rglob("*"))
        if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file() and not path.name.startswith(".")
        if made.isdisjoint(path.parents)
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
    if is_up_to_date(table, video):
        found, status = read_openface_csv(table).success, "kept"
    else:
        with FaceLandmarker(model_path or None) as landmarker:
            track = smooth_track(track_video(probe(video), landmarker))
        found, status = track.success, "done"
        if usable(found):
            write_openface_csv(table, track)
    if len(found) < CLIP_FRAMES:
        raise InputError(f"lasts {len(found)} frames; a training clip has {CLIP_FRAMES}")
    if not usable(found):
        seen = f"{found.mean():.0%} of {len(found)} frames"
        raise InputError(f"shows a face in {seen}; at least {MIN_FOUND:.0%} are needed")
    if training_data_path:
        layout = TrainingSetLayout(Path(training_data_path))
        place(video, layout.videos / f"{name}{video.suffix}")
        place(table, layout.landmarks / f"{name}.csv")
    size = f"{len(found)} frames, {len(found) / FPS:.1f} s"
    return Outcome(name, status, f"{story}, {size}, face in {found.mean():.0%}")


def usable(found: np.ndarray) -> bool:
    return len(found) >= CLIP_FRAMES and found.mean() >= MIN_FOUND


def at_25fps(raw: Path, info: VideoInfo, target: Path) -> tuple[Path, str]:
    """The video itself if it is constantly 25 fps, else `target`, resampled by time with its sound in step."""
    if info.is_constant_rate(FPS):
        return raw, "25 fps as it was"
    story = f"resampled from {float(info.fps):.3f} fps"
    if not is_up_to_date(target, raw):
        times = np.arange(max(1, round(info.duration * FPS))) / FPS
        with VideoWriter(target, info.width, info.height, FPS, audio_path=raw, crf=14) as writer:
            for frame in read_frames_at(raw, times):
                writer.write(frame)
    return target, story


def place(source: Path, target: Path) -> None:
    """Put a file into the training set: a hard link, else a symbolic link, else a copy. Never replaces another file.

    A link shares the source's mode and times, so only a copy may go through atomic_write, which sets them.
    """
    if target.exists():
        if os.path.samefile(source, target) or filecmp.cmp(source, target, shallow=False):
            return
        raise InputError(f"{target} exists and is another file; move it away to use {source}")
    target.parent.mkdir(parents=True, exist_ok=True)
    for link in (os.link, os.symlink):
        try:
            return link(source.resolve(), target)
        except OSError:
            continue
    with atomic_write(target) as temporary:
        shutil.copyfile(source, temporary)
