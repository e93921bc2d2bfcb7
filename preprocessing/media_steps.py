"""Steps 1 and 2: frames and sound of the 25 fps videos."""

from pathlib import Path

import cv2
import numpy as np

from config.constants import FPS
from config.errors import InputError
from dataset.layout import FRAME_NAME, TrainingSetLayout
from media.audio import read_audio, write_wav
from media.files import atomic_write_folder, is_up_to_date
from media.video import VIDEO_SUFFIXES, VideoInfo, probe, read_frames
from preprocessing.jobs import Outcome

JPEG_QUALITY = 95


def find_videos(layout: TrainingSetLayout) -> list[Path]:
    """Videos of the training set by name. Raises InputError when there are none."""
    if not layout.videos.is_dir():
        raise InputError(f"--training_data_path {layout.root}: has no folder {layout.videos.name}; see make_dataset.py")
    videos = sorted(path for path in layout.videos.iterdir() if path.suffix.lower() in VIDEO_SUFFIXES)
    if not videos:
        raise InputError(f"--training_data_path {layout.root}: {layout.videos.name} holds no videos")
    return videos


def probe_25fps(video: Path) -> VideoInfo:
    """Properties of a video. Raises InputError unless it is 25 fps throughout."""
    info = probe(video)
    if not info.is_constant_rate(FPS):
        raise InputError(
            f"{video} is not at constant {FPS} fps (mean {float(info.fps):.3f}); run make_dataset.py on it"
        )
    return info


def write_jpeg(path: Path, image: np.ndarray) -> None:
    """Write BGR uint8; cv2.imwrite itself fails on some systems' non-ASCII names."""
    encoded, data = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))
    if not encoded:
        raise OSError(f"{path}: the image could not be encoded")
    path.write_bytes(data.tobytes())


def extract_frames(name: str, video: Path, layout: TrainingSetLayout) -> Outcome:
    """Every frame of a video as split_video_25fps_frame/NAME/000000.jpg and so on."""
    folder = layout.frames / name
    if is_up_to_date(folder, video):
        return Outcome(name, "kept")
    probe_25fps(video)
    count = 0
    with atomic_write_folder(folder) as temporary:
        for count, frame in enumerate(read_frames(video), start=1):
            write_jpeg(temporary / FRAME_NAME.format(count - 1), frame)
    return Outcome(name, "done", f"{count} frames")


def extract_audio(name: str, video: Path, layout: TrainingSetLayout) -> Outcome:
    """The sound of a video as 16 kHz mono WAV, from the first frame's time to the end of the last frame."""
    target = layout.audio / f"{name}.wav"
    if is_up_to_date(target, video):
        return Outcome(name, "kept")
    samples = read_audio(video, duration=probe_25fps(video).duration)
    write_wav(target, samples)
    return Outcome(name, "done", f"{len(samples) / 16000:.2f} s")
