"""A training set of a few small pictures, for tests of everything that reads one."""

from pathlib import Path

import cv2
import numpy as np

from config.constants import CLIP_FRAMES, CROP_HEIGHT, CROP_WIDTH
from dataset.layout import FRAME_NAME, TrainingSetLayout
from dataset.manifest import ClipEntry, VideoEntry, write_manifest

CHANNELS = 12


def make_tiny_set(root: Path, videos: int = 5, clips: int = 4, skip_clip: int | None = None) -> Path:
    """Crops whose mouth is a dark ellipse as tall as the audio is loud. Returns the path of the training JSON.

    By the JSON, heads are turned to a side and back in 20 frames; the pictures do not show it.

    `skip_clip` leaves a clip out of every video, as data_processing.py does where the face was lost.
    """
    layout = TrainingSetLayout(root)
    rng = np.random.default_rng(0)
    entries = []
    for number in range(videos):
        name = f"video {number} [视频]"
        frames = clips * CLIP_FRAMES
        loudness = 0.5 + 0.5 * np.sin(np.arange(frames + 6) * rng.uniform(0.5, 1.5) + number)
        features = loudness[:, None] * np.linspace(-1, 1, CHANNELS) + 0.01 * rng.standard_normal((frames + 6, CHANNELS))
        path = layout.features("mel") / f"{name}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, features.astype(np.float32))
        chosen = [clip for clip in range(clips) if clip != skip_clip]
        clip_entries = [write_clip(layout, name, clip, number, loudness) for clip in chosen]
        entries.append(VideoEntry(name, path.relative_to(root).as_posix(), clip_entries))
    write_manifest(layout.training_json, "mel", CHANNELS, "aligned", entries, np.full(CHANNELS, -3.0, np.float32))
    return layout.training_json


def write_clip(layout: TrainingSetLayout, name: str, clip: int, number: int, loudness: np.ndarray) -> ClipEntry:
    folder = layout.crops / name / f"{clip:06d}"
    folder.mkdir(parents=True)
    paths, openings = [], []
    for frame in range(clip * CLIP_FRAMES, (clip + 1) * CLIP_FRAMES):
        image = np.full((CROP_HEIGHT, CROP_WIDTH, 3), (120, 150, 90 + 20 * number), np.uint8)
        cv2.ellipse(image, (160, 270), (60, int(5 + 50 * loudness[frame])), 0, 0, 360, (30, 20, 60), -1)
        path = folder / FRAME_NAME.format(frame)
        path.write_bytes(cv2.imencode(".jpg", image)[1].tobytes())
        paths.append(path.relative_to(layout.root).as_posix())
        openings.append(float(5 + 50 * loudness[frame]))
    yaw = [
        round(30 * float(np.sin(frame * np.pi / 10)), 1)
        for frame in range(clip * CLIP_FRAMES, (clip + 1) * CLIP_FRAMES)
    ]
    return ClipEntry(clip * CLIP_FRAMES, paths, {"lip_opening": openings, "yaw": yaw, "pitch": [5.0] * CLIP_FRAMES})
