"""The driving speech, as the generator sees it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audio.features import get_audio_feature, windows_at
from config.constants import FPS, SAMPLE_RATE
from config.errors import InputError
from media.audio import read_audio
from models.loading import NetworkSpec


@dataclass(frozen=True)
class Speech:
    """Audio features (n, dim) at `rate` rows a second of a recording of `duration` seconds; smooth: as --smooth."""

    features: np.ndarray
    rate: float
    duration: float
    smooth: int = 0

    def windows(self, times: np.ndarray) -> np.ndarray:
        """What a generator sees at `times` (B,) in seconds: float32 (B, 5, dim)."""
        shifts = np.arange(-self.smooth, self.smooth + 1)
        weights = (self.smooth + 1 - np.abs(shifts)) / (self.smooth + 1) ** 2
        windows = [windows_at(self.features, self.rate, times + shift / FPS) for shift in shifts]
        return np.tensordot(weights, windows, 1).astype(np.float32) if self.smooth else windows[0]


def read_speech(
    path: str | Path, spec: NetworkSpec, deepspeech_model_path: str, device: str, smooth: int = 0
) -> Speech:
    """The speech of any sound or video file, in the audio feature that the checkpoint was trained with.

    Raises InputError when the file has no sound, or the feature's model cannot be used.
    """
    wave = read_audio(path)
    feature = get_audio_feature(spec.audio_feature, deepspeech_model_path, device)
    expected = spec.arguments["audio_channel"]
    if feature.dim != expected:
        raise InputError(
            f"--pretrained_clip_DINet_path: trained on {spec.audio_feature} with {expected} values a step, but that "
            f"model gives {feature.dim}; use the model it was trained with"
        )
    features = feature.compute(wave)
    if not np.isfinite(features).all():
        raise InputError(
            f"--driving_audio_path {path}: its {spec.audio_feature} features hold values that are not finite; "
            "the sound or that model is damaged"
        )
    return Speech(features, feature.rate, len(wave) / SAMPLE_RATE, smooth)
