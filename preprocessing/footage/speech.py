"""When somebody speaks, by the voice activity detector of the package silero-vad, whose weights come inside it.

Against webrtcvad on espeak-ng voices and real clips, clean and in noise and music: the same share of speech is found,
and music, hum and steady noise are not taken for speech, as webrtcvad takes them.
"""

import warnings

import numpy as np
import torch

from config.constants import FPS, SAMPLE_RATE

BLOCK = 512  # samples that the network takes at a time
FRAME = SAMPLE_RATE // FPS  # samples of a frame


class SpeechDetector:
    """Takes the sound of one recording piece by piece; holds less than a piece and a number for every 32 ms."""

    def __init__(self):
        self.model = load_model()
        self.rest = np.zeros(0, np.float32)
        self.length = 0
        self.probabilities: list[float] = []

    def feed(self, wave: np.ndarray) -> None:
        """The next samples (n,) float32 in [-1, 1] at 16 kHz, any number of them."""
        self.length += len(wave)
        wave = np.concatenate((self.rest, wave))
        whole = len(wave) // BLOCK * BLOCK
        self.rest = wave[whole:]
        self.listen(wave[:whole])

    def listen(self, blocks: np.ndarray) -> None:
        with torch.no_grad():
            for block in torch.from_numpy(blocks.reshape(-1, BLOCK)):
                self.probabilities.append(self.model(block, SAMPLE_RATE).item())

    def finish(self) -> np.ndarray:
        """(T,) bool: whether somebody speaks at the middle of frame k, (k + 1/2) / 25 s; T whole frames were fed.

        Pauses of less than 0.1 s belong to speech, and sounds of less than 0.25 s do not.
        """
        from silero_vad import get_speech_timestamps_from_probs

        if len(self.rest):
            self.listen(np.pad(self.rest, (0, BLOCK - len(self.rest))))
        speaks = np.zeros(self.length // FRAME, bool)
        for part in get_speech_timestamps_from_probs(self.probabilities, audio_length_samples=self.length):
            first, last = (round(part[side] / FRAME) for side in ("start", "end"))
            speaks[first:last] = True
        return speaks


def load_model() -> torch.nn.Module:
    """A network of its own for every recording: it carries its state from block to block."""
    threads = torch.get_num_threads()
    from silero_vad import load_silero_vad  # sets PyTorch's threads for the whole process

    torch.set_num_threads(threads)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch.jit.load is deprecated
        return load_silero_vad()


def speech_activity(wave: np.ndarray) -> np.ndarray:
    """(T,) bool for a whole recording (n,) float32 in [-1, 1] at 16 kHz; see SpeechDetector.finish."""
    detector = SpeechDetector()
    detector.feed(wave)
    return detector.finish()
