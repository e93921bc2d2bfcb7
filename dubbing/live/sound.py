"""The sound of a live stream on its one clock: a sample's number since the beginning."""

from collections import deque

import numpy as np

from config.constants import SAMPLE_RATE

FADE = round(0.005 * SAMPLE_RATE)  # samples over which sound that is interrupted ends, so that it does not click


class LiveSound:
    """Samples from `start` to `end`, float32 mono at 16 kHz, and which of them are speech that somebody gave."""

    def __init__(self) -> None:
        self.samples, self.start = np.zeros(0, np.float32), 0
        self.speech: deque[tuple[int, int]] = deque()  # spans, rising

    @property
    def end(self) -> int:
        return self.start + len(self.samples)

    def append(self, samples: np.ndarray, is_speech: bool) -> None:
        if is_speech and len(samples):
            begin = self.speech.pop()[0] if self.speech and self.speech[-1][1] == self.end else self.end
            self.speech.append((begin, self.end + len(samples)))
        self.samples = np.concatenate((self.samples, samples))

    def silence_from(self, position: int) -> np.ndarray:
        """Make all samples from `position` on silence, after a short fade. Returns what they are now."""
        tail = self.samples[position - self.start :]
        fade = np.linspace(1, 0, FADE, endpoint=False, dtype=np.float32)[: len(tail)]
        tail[: len(fade)] *= fade
        tail[len(fade) :] = 0
        self.speech = deque((begin, min(end, position)) for begin, end in self.speech if begin < position)
        return tail

    def is_speech(self, begin: int, end: int) -> bool:
        """Whether any of these samples is."""
        return any(first < end and begin < last for first, last in self.speech)

    def cut(self, begin: int, end: int) -> np.ndarray:
        """A copy of these samples; silence after the last."""
        part = self.samples[begin - self.start : end - self.start]
        return np.pad(part, (0, end - begin - len(part)))

    def forget(self, position: int) -> None:
        """Drop what is before `position`."""
        if position > self.start:
            self.samples, self.start = self.samples[position - self.start :].copy(), position
        while self.speech and self.speech[0][1] <= position:
            self.speech.popleft()
