"""The sound of raw footage: decoded once into a temporary file, read back a passage at a time, searched for speech."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from config.constants import FPS, SAMPLE_RATE
from media.audio import decode_pcm
from preprocessing.footage.speech import SpeechDetector

FRAME_SAMPLES = SAMPLE_RATE // FPS
SILENCE = -100.0  # dBFS, given for digital silence
BLOCKS = 64  # decoded blocks that go to the speech detector at once


class Sound:
    """Use as a context manager. `speech` (T,) bool: whether somebody speaks in frame k of 25 fps.

    On disk it takes 32 kB a second, in memory a few bytes. Raises InputError where the file has no sound or it cannot
    be decoded.
    """

    def __init__(self, video: Path, num_frames: int):
        self.video, self.num_frames = video, num_frames

    def __enter__(self) -> "Sound":
        self.file = tempfile.TemporaryFile()
        try:
            with one_thread():
                self.speech = self.decode()
        except BaseException:
            self.file.close()
            raise
        return self

    def decode(self) -> np.ndarray:
        """Fill the file; the speech activity (T,)."""
        detector = SpeechDetector()
        blocks = decode_pcm(self.video, SAMPLE_RATE, "mono", duration=self.num_frames / FPS)
        while group := list(islice(blocks, BLOCKS)):
            pcm = np.concatenate(group)
            self.file.write(pcm.astype("<i2").tobytes())
            detector.feed(as_float(pcm))
        return detector.finish()

    def __exit__(self, *exception: object) -> None:
        self.file.close()

    def read(self, start: int, stop: int) -> np.ndarray:
        """Samples of frames start .. stop - 1, float32 ((stop - start) * 640,) in [-1, 1]."""
        self.file.seek(2 * start * FRAME_SAMPLES)
        return as_float(np.frombuffer(self.file.read(2 * (stop - start) * FRAME_SAMPLES), "<i2"))


@contextmanager
def one_thread() -> Iterator[None]:
    """PyTorch with one thread: the speech detector's steps are too small to be shared, and several threads wait."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def as_float(pcm: np.ndarray) -> np.ndarray:
    return pcm.reshape(-1).astype(np.float32) / 32768


def loudness(wave: np.ndarray) -> np.ndarray:
    """Level (T,) of every frame's sound in dB of full scale; wave (T * 640,)."""
    power = (wave.reshape(-1, FRAME_SAMPLES).astype(np.float64) ** 2).mean(1)
    return np.maximum(SILENCE, 10 * np.log10(np.maximum(power, 1e-12))).astype(np.float32)
