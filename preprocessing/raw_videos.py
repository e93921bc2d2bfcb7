"""Raw videos: brought to 25 fps, faces tracked, and placed in a training set. Raw files are only read."""

import filecmp
import os
import shutil
from functools import cache
from pathlib import Path

import numpy as np

from config.constants import CLIP_FRAMES, FPS, NUM_LANDMARKS
from config.errors import InputError
from dataset.layout import TrainingSetLayout
from face.landmarks import FaceLandmarker, track_faces
from face.openface_csv import FaceTrack, read_openface_csv, write_openface_csv
from face.smoothing import smooth_landmarks
from media.files import is_up_to_date, written_whole
from media.video import VideoInfo, VideoWriter, probe, read_frames, read_frames_at
from preprocessing.jobs import Outcome

RAW_SUFFIXES = {
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".wmv", ".flv", ".f4v", ".mpg", ".mpeg", ".m2v", ".ts", ".mts"),
    *(".m2ts", ".vob", ".3gp", ".3g2", ".ogv", ".ogm", ".mxf", ".asf", ".rm", ".rmvb", ".divx", ".y4m", ".gif"),
}
MIN_FOUND = 0.5  # share of frames that must show a face


def find_raw_videos(root: Path) -> dict[str, Path]:
    """Every video below `root` by a name of its own: folders become prefixes, equal names get their suffix added."""
    if not root.is_dir():
        raise InputError(f"--root_folder {root}: no such folder; give the folder of your videos")
    paths = sorted(path for path in root.rglob("*") if path.suffix.lower() in RAW_SUFFIXES and path.is_file())
    if not paths:
        raise InputError(f"--root_folder {root}: holds no videos; expected files such as .mp4, .mov or .mkv")
    videos: dict[str, Path] = {}
    for path in paths:
        name = "_".join(path.relative_to(root).with_suffix("").parts)
        while name in videos:
            name += f"_{path.suffix[1:]}"
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
        track = track_video(video, model_path)
        found, status = track.success, "done"
        if usable(found):
            write_openface_csv(table, track)
    if not usable(found):
        raise InputError(f"shows a face in {found.mean():.0%} of {len(found)} frames; at least {MIN_FOUND:.0%} are needed")
    if training_data_path:
        layout = TrainingSetLayout(Path(training_data_path))
        place(video, layout.videos / f"{name}{video.suffix}")
        place(table, layout.landmarks / f"{name}.csv")
    return Outcome(name, status, f"{story}, {len(found)} frames, face in {found.mean():.0%}")


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


@cache
def landmarker(model_path: str) -> FaceLandmarker:
    """One landmarker for all videos of a process; loading it takes a second."""
    return FaceLandmarker(model_path or None)


def track_video(video: Path, model_path: str) -> FaceTrack:
    """Smoothed landmarks of every frame."""
    points, confidence = [], []
    for landmarks, score in track_faces(read_frames(video), landmarker(model_path)):
        points.append(np.zeros((NUM_LANDMARKS, 2), np.float32) if landmarks is None else landmarks)
        confidence.append(score)
    found = np.array(confidence) > 0
    return FaceTrack(smooth_landmarks(np.array(points), found), np.array(confidence), found)


def place(source: Path, target: Path) -> None:
    """Put a file into the training set: a hard link, else a symbolic link, else a copy. Never replaces another file."""
    if target.exists():
        if os.path.samefile(source, target) or filecmp.cmp(source, target, shallow=False):
            return
        raise InputError(f"{target} exists and is another file; move it away to use {source}")
    with written_whole(target) as temporary:
        temporary.unlink()
        for link in (os.link, os.symlink, shutil.copyfile):
            try:
                link(source.resolve(), temporary)
                return
            except OSError as error:
                failure = error
        raise failure
