"""Step 3: one row of audio feature for every video frame."""

from pathlib import Path

import numpy as np

from audio.features import AudioFeature, frame_features
from config.constants import FPS, SAMPLE_RATE
from config.errors import InputError
from dataset.layout import TrainingSetLayout
from media.audio import read_audio
from media.files import load_array, save_array
from preprocessing.jobs import Outcome
from preprocessing.media_steps import probe_25fps
from preprocessing.origin import Origin

SILENCE = ".silence.npy"  # beside the videos' features; no video's name starts with a dot
ANEW = "remove it and run --extract_audio_feature again"


def extract_feature(name: str, video: Path, layout: TrainingSetLayout, feature: AudioFeature) -> Outcome:
    """split_video_25fps_<feature>/NAME.npy, (frames of the video, values) float32, from the WAV of step 2."""
    target = layout.features(feature.name) / f"{name}.npy"
    sound = layout.audio / f"{name}.wav"
    if not sound.exists():
        raise InputError(f"{sound} is missing; run --extract_audio first")
    origin = Origin.of(layout.root, video, sound)
    if origin.made(target):
        return Outcome(name, "kept")
    rows = frame_features(feature, read_audio(sound), probe_25fps(video).num_frames)
    save_array(target, rows.astype(np.float32))
    origin.remember(target)
    return Outcome(name, "done", f"{rows.shape[0]} x {rows.shape[1]}")


def save_silence(name: str, layout: TrainingSetLayout, feature: AudioFeature) -> Outcome:
    """The feature's row in the middle of a second of digital silence, (1, values), for features that have one."""
    path = layout.features(feature.name) / name
    if is_silence(path, feature.dim):
        return Outcome(name, "kept")
    rows = feature.compute(np.zeros(SAMPLE_RATE, np.float32))
    if np.isfinite(rows).all():
        save_array(path, rows[len(rows) // 2][None].astype(np.float32))
    return Outcome(name, "done")


def is_silence(path: Path, values: int) -> bool:
    """Whether a file is there and holds one row of so many values."""
    try:
        return path.exists() and read_rows(path).shape == (1, values)
    except InputError:
        return False


def read_rows(path: Path) -> np.ndarray:
    """The rows of an audio feature's file, float (n, values). Raises InputError for anything else."""
    rows = load_array(path, ANEW)
    if rows.dtype.kind != "f":
        raise InputError(f"{path} holds values of type {rows.dtype}, expected floats; {ANEW}")
    if rows.ndim != 2 or not rows.size:
        raise InputError(f"{path} holds an array of shape {rows.shape}, expected (frames, values); {ANEW}")
    if not np.isfinite(rows).all():
        raise InputError(f"{path} holds values that are not finite; {ANEW}")
    return rows


def adopt_published_text(name: str, folder: Path, num_frames: int) -> None:
    """Take over NAME_deepspeech.txt of the published code as NAME.npy, if only the text is there.

    Its rows step at 25 a second, so row k belongs to frame k; it is cut, or its last row repeated, to the frame count.
    """
    text, target = folder / f"{name}_deepspeech.txt", folder / f"{name}.npy"
    if target.exists() or not text.exists():
        return
    try:
        rows = np.loadtxt(text, ndmin=2)[:num_frames]
    except ValueError as error:
        raise InputError(f"{text} is no table of numbers ({error}); extract the feature again") from error
    if abs(len(rows) - num_frames) > FPS:
        raise InputError(f"{text} has {len(rows)} rows for {num_frames} frames; extract the feature again")
    save_array(target, np.pad(rows, ((0, num_frames - len(rows)), (0, 0)), mode="edge").astype(np.float32))
