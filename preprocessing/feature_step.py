"""Step 3: one row of audio feature for every video frame."""

from pathlib import Path

import numpy as np

from audio.features import AudioFeature, frame_features
from config.constants import FPS, SAMPLE_RATE
from config.errors import InputError
from dataset.layout import TrainingSetLayout
from media.audio import read_audio
from media.files import atomic_write, is_up_to_date
from preprocessing.jobs import Outcome
from preprocessing.media_steps import probe_25fps

SILENCE = ".silence.npy"  # beside the videos' features; no video's name starts with a dot


def extract_feature(name: str, video: Path, layout: TrainingSetLayout, feature: AudioFeature) -> Outcome:
    """split_video_25fps_<feature>/NAME.npy, (frames of the video, values) float32, from the WAV of step 2."""
    target = layout.features(feature.name) / f"{name}.npy"
    sound = layout.audio / f"{name}.wav"
    if not sound.exists():
        raise InputError(f"{sound} is missing; run --extract_audio first")
    if is_up_to_date(target, video, sound):
        return Outcome(name, "kept")
    rows = frame_features(feature, read_audio(sound), probe_25fps(video).num_frames)
    save_rows(target, rows)
    save_silence(target.with_name(SILENCE), feature)
    return Outcome(name, "done", f"{rows.shape[0]} x {rows.shape[1]}")


def save_silence(path: Path, feature: AudioFeature) -> None:
    """The feature's row in the middle of a second of digital silence, (1, values), for features that have one."""
    if path.exists():
        return
    rows = feature.compute(np.zeros(SAMPLE_RATE, np.float32))
    if np.isfinite(rows).all():
        save_rows(path, rows[len(rows) // 2][None])


def save_rows(path: Path, rows: np.ndarray) -> None:
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.save(file, np.asarray(rows, dtype=np.float32))


def adopt_published_text(name: str, folder: Path, num_frames: int) -> None:
    """Take over NAME_deepspeech.txt of the published code as NAME.npy, if only the text is there.

    Its rows step at 25 a second, so row k belongs to frame k; it is cut, or its last row repeated, to the frame count.
    """
    text, target = folder / f"{name}_deepspeech.txt", folder / f"{name}.npy"
    if target.exists() or not text.exists():
        return
    rows = np.loadtxt(text, ndmin=2)[:num_frames]
    if abs(len(rows) - num_frames) > FPS:
        raise InputError(f"{text} has {len(rows)} rows for {num_frames} frames; extract the feature again")
    save_rows(target, np.pad(rows, ((0, num_frames - len(rows)), (0, 0)), mode="edge"))
