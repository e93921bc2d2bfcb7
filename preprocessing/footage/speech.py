"""When somebody speaks, by the voice activity detector of the package silero-vad, whose weights come inside it."""

import numpy as np


class SpeechDetector:
    """Takes the sound of one recording block by block. Use one detector for one recording."""

    def feed(self, wave: np.ndarray) -> None:
        """The next samples (n,) float32 in [-1, 1] at 16 kHz; any number of them."""

    def finish(self) -> np.ndarray:
        """(T,) bool: whether somebody speaks in frame k, k / 25 s to (k + 1) / 25 s, up to the end of what was fed."""
        return np.zeros(0, bool)


def speech_activity(wave: np.ndarray) -> np.ndarray:
    """(T,) bool at 25 a second for a whole recording (n,) float32 in [-1, 1] at 16 kHz."""
    detector = SpeechDetector()
    detector.feed(wave)
    return detector.finish()
