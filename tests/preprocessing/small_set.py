"""A training set of short videos whose landmarks are known without looking for them."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
from programs import run_program
from talking_photo import write_speech

from config.constants import NUM_LANDMARKS
from dataset.layout import TrainingSetLayout
from face.alignment import TEMPLATE_INDEX, template_pixels
from face.openface_csv import FaceTrack, write_openface_csv
from media.video import VideoWriter

ROOT = Path(__file__).resolve().parents[2]
FRAMES, SIZE = 20, 160
NAMES = ("a", "b", "c")


def face_points() -> np.ndarray:
    """(68, 2): landmarks whose crop lies inside a picture of SIZE x SIZE pixels."""
    points = np.repeat(template_pixels().mean(0)[None], NUM_LANDMARKS, 0)
    points[TEMPLATE_INDEX] = template_pixels()
    return (points * 0.3 + (30, 15)).astype(np.float32)


def write_video(path: Path, frames: int = FRAMES, shade: int = 90) -> Path:
    sound = write_speech(path.with_suffix(".speech.wav"), frames / 25)
    with VideoWriter(path, SIZE, SIZE, 25, audio_path=sound) as writer:
        for number in range(frames):
            writer.write(np.full((SIZE, SIZE, 3), (shade, 60 + 5 * number, 120), np.uint8))
    sound.unlink()
    return path


def write_track(path: Path, frames: int = FRAMES) -> Path:
    points = np.repeat(face_points()[None], frames, 0)
    write_openface_csv(path, FaceTrack(points, np.ones(frames, np.float32), np.ones(frames, bool)))
    return path


def write_set(root: Path, names: tuple[str, ...] = NAMES) -> TrainingSetLayout:
    layout = TrainingSetLayout(root)
    layout.videos.mkdir(parents=True)
    for number, name in enumerate(names):
        write_video(layout.videos / f"{name}.mp4", shade=60 + 20 * number)
        write_track(layout.landmarks / f"{name}.csv")
    return layout


def copy_set(layout: TrainingSetLayout, root: Path) -> TrainingSetLayout:
    shutil.copytree(layout.root, root)
    return TrainingSetLayout(root)


def run(*arguments: object, script: str = "data_processing.py") -> subprocess.CompletedProcess:
    return run_program(script, *arguments)


def steps(layout: TrainingSetLayout, *flags: str) -> subprocess.CompletedProcess:
    return run(*(f"--{flag}" for flag in flags), "--training_data_path", layout.root)
