"""Steps 1 and 2: frames and sound of the 25 fps videos."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from config.constants import FPS
from config.errors import InputError
from dataset.layout import FRAME_NAME, TrainingSetLayout
from media.audio import read_audio, write_wav
from media.files import atomic_write_folder
from media.video import VIDEO_SUFFIXES, VideoInfo, probe, read_frames
from preprocessing.jobs import Outcome
from preprocessing.origin import Origin

JPEG_QUALITY = 95


def find_videos(layout: TrainingSetLayout) -> list[Path]:
    """Videos of the training set by name, but for hidden files. Raises InputError when there are none."""
    if not layout.videos.is_dir():
        raise InputError(f"--training_data_path {layout.root}: has no folder {layout.videos.name}; see make_dataset.py")
    videos = visible_videos(layout)
    if not videos:
        raise InputError(f"--training_data_path {layout.root}: {layout.videos.name} holds no videos")
    return videos


def visible_videos(layout: TrainingSetLayout) -> list[Path]:
    """The videos that find_videos gives, or none. Raises InputError where two would be known by one name."""
    if not layout.videos.is_dir():
        return []
    paths = sorted(layout.videos.iterdir())
    videos = [path for path in paths if path.suffix.lower() in VIDEO_SUFFIXES and not path.name.startswith(".")]
    for one, other in pairwise(sorted(videos, key=lambda path: path.stem)):
        if one.stem == other.stem:
            raise InputError(
                f"--training_data_path {layout.root}: {one.name} and {other.name} in {layout.videos.name} share "
                "a name, so that sound and crops would be mixed; rename or remove one, and what was made of it"
            )
    return videos


def probe_25fps(video: Path) -> VideoInfo:
    """Properties of a video. Raises InputError unless it is 25 fps throughout."""
    info = probe(video)
    if not info.is_constant_rate(FPS):
        raise InputError(
            f"{video} is not at constant {FPS} fps (mean {float(info.fps):.3f}); run make_dataset.py on it"
        )
    return info


def read_every_frame(info: VideoInfo) -> Iterator[np.ndarray]:
    """All frames, BGR uint8 (H, W, 3). Raises InputError where some cannot be decoded."""
    count = 0
    for count, frame in enumerate(read_frames(info.path, info=info), start=1):
        yield frame
    if count != info.num_frames:
        raise InputError(f"{info.path}: {count} of its {info.num_frames} frames can be decoded; convert it anew")


def write_jpeg(path: Path, image: np.ndarray) -> None:
    """Write BGR uint8; cv2.imwrite itself fails on some systems' non-ASCII names."""
    encoded, data = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))
    if not encoded:
        raise OSError(f"{path}: the image could not be encoded")
    path.write_bytes(data.tobytes())


def extract_frames(name: str, video: Path, layout: TrainingSetLayout) -> Outcome:
    """Every frame of a video as split_video_25fps_frame/NAME/000000.jpg and so on."""
    folder = layout.frames / name
    origin = Origin.of(layout.root, video)
    if origin.made(folder):
        return Outcome(name, "kept")
    info = probe_25fps(video)
    with atomic_write_folder(folder) as temporary:
        for number, frame in enumerate(read_every_frame(info)):
            write_jpeg(temporary / FRAME_NAME.format(number), frame)
    origin.remember(folder)
    return Outcome(name, "done", f"{info.num_frames} frames")


def extract_audio(name: str, video: Path, layout: TrainingSetLayout) -> Outcome:
    """The sound of a video as 16 kHz mono WAV, from the first frame's time to the end of the last frame."""
    target = layout.audio / f"{name}.wav"
    origin = Origin.of(layout.root, video)
    if origin.made(target):
        return Outcome(name, "kept")
    samples = read_audio(video, duration=probe_25fps(video).duration)
    write_wav(target, samples)
    origin.remember(target)
    return Outcome(name, "done", f"{len(samples) / 16000:.2f} s")
