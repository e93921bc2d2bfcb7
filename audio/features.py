"""Audio features: 16 kHz sound and times in, one row of numbers per time out.

A feature turns a whole recording into dense rows at its own constant rate; rows for any time are then read off by
linear interpolation. So training at 25 fps and inference at any frame rate see the same numbers at the same times.
"""

import math
from typing import Protocol

import numpy as np

from config.constants import FPS, SAMPLE_RATE, WINDOW_FRAMES
from config.errors import InputError

KNOWN_FEATURES = "mel, deepspeech, hf:<model name or folder>"


class AudioFeature(Protocol):
    """What every audio feature offers."""

    name: str  # the spec it was made from, as the training JSON records it
    dim: int  # numbers per row
    rate: float  # dense rows a second
    future: float  # seconds of sound after its own time that a row depends on; infinite: on all of the recording

    def compute(self, wave: np.ndarray) -> np.ndarray:
        """Float32 16 kHz mono (samples,) in [-1, 1] -> float32 (n, dim), n >= 1; row i belongs to i / rate seconds."""
        ...


class FeatureStream(Protocol):
    """A feature of sound that is still coming."""

    def push(self, wave: np.ndarray) -> None:
        """Append 16 kHz mono float32 (samples,) in [-1, 1]."""
        ...

    def cut(self, position: int) -> None:
        """Take back the samples from `position` on, of the last half second."""
        ...

    def end(self) -> None:
        """Nothing more comes."""
        ...

    def windows(self, times: np.ndarray) -> np.ndarray:
        """As windows_at, of times (B,) that never decrease and whose sound has come."""
        ...

    def samples_for(self, time: float) -> int:
        """How many samples must have come for the window at this time, in seconds."""
        ...


def is_known_feature(spec: object) -> bool:
    """Whether get_audio_feature knows such a name. Of "hf:" it takes any model; whether there is one shows later."""
    if not isinstance(spec, str):
        return False
    return spec in ("mel", "deepspeech") or (spec.startswith("hf:") and len(spec) > len("hf:") and spec.isprintable())


def get_audio_feature(spec: str, deepspeech_model_path: str | None = None, device: str = "cpu") -> AudioFeature:
    """The feature that `spec` names: "mel", "deepspeech" or "hf:<model name or folder>".

    `deepspeech_model_path` is used by "deepspeech" alone and `device` (a torch device) by "hf:" alone. Raises
    InputError for an unknown spec and for a model that cannot be used. The large libraries are imported here, by need.
    """
    if spec == "mel":
        from audio.mel import MelFeature

        return MelFeature()
    if spec == "deepspeech":
        from audio.deepspeech import DeepSpeechFeature

        return DeepSpeechFeature(deepspeech_model_path)
    if spec.startswith("hf:") and len(spec) > len("hf:"):
        from audio.hf import HuggingFaceFeature

        return HuggingFaceFeature(spec.removeprefix("hf:"), device)
    raise InputError(f"audio feature {spec!r} is not known; expected one of {KNOWN_FEATURES}")


def open_stream(spec: str) -> FeatureStream:
    """The feature that `spec` names, for a new stream. Raises InputError where each row depends on the whole sound."""
    if spec == "mel":
        from audio.mel_stream import MelStream

        return MelStream()
    raise InputError(
        f"audio feature {spec} cannot be had live: its model hears the whole recording before the first frame; use a "
        "checkpoint that was trained on mel"
    )


def sample_feature(dense: np.ndarray, rate: float, times: np.ndarray) -> np.ndarray:
    """Rows of `dense` (n, dim) at `times` (seconds, any shape), float32 (*times.shape, dim).

    Between two rows the value is interpolated linearly; before the first and after the last it is held.
    """
    position = np.clip(np.asarray(times, np.float64) * rate, 0, len(dense) - 1)
    before = np.floor(position).astype(np.int64)
    after = np.minimum(before + 1, len(dense) - 1)
    weight = (position - before)[..., None].astype(np.float32)
    return dense[before] * (1 - weight) + dense[after] * weight


def frame_features(feature: AudioFeature, wave: np.ndarray, num_frames: int, fps: float = FPS) -> np.ndarray:
    """Exactly one row per video frame: float32 (num_frames, dim), row k at time k / fps of `wave`.

    The sound need not be as long as the video: sound that ends early goes on as digital silence, and sound that goes
    on after the last frame is left out.
    """
    missing = math.ceil(num_frames / fps * SAMPLE_RATE) - len(wave)
    dense = feature.compute(np.pad(wave, (0, missing)) if missing > 0 else wave)
    return sample_feature(dense, feature.rate, np.arange(num_frames) / fps)


def windows_at(dense: np.ndarray, rate: float, times: np.ndarray) -> np.ndarray:
    """The audio that a generator sees for frames on screen at `times` (T,) in seconds: float32 (T, 5, dim).

    Each window holds steps of 40 ms centred on the frame's own time, t - 80 ms to t + 80 ms; at 25 fps these are the
    rows k-2 .. k+2 of `frame_features`.
    """
    steps = (np.arange(WINDOW_FRAMES) - WINDOW_FRAMES // 2) / FPS
    return sample_feature(dense, rate, np.asarray(times, np.float64)[:, None] + steps)
