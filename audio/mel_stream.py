"""The feature "mel" of sound that is still coming, in memory that does not grow with it.

Rows equal those of the whole recording but for one thing: the level of loud speech, which is their reference, must be
guessed from what was heard so far. On 19 recordings of 17 voices it was within 4.5 dB (0.11 of a row's values) of the
whole recording's after one second of speech in 90 of 100 cases, within 1.2 dB (0.03) in the middle one.
"""

import math

import numpy as np

from audio.features import windows_at
from audio.mel import BANDS, FFT_SIZE, HOP, LEAST_REFERENCE, SPEECH_DEPTH, MelFeature, mel_blocks, scaled_rows
from audio.sound import check_sound
from config.constants import FPS, WINDOW_FRAMES

KEPT_ROWS = 50  # before the last that was asked for: half a second, of which `cut` may take sound back
USUAL_LEVEL, USUAL_ROWS = 8.0, 25  # dB that loud speech reaches in recordings, and how many rows of speech outweigh it
MEMORY_ROWS = 6000  # a minute: rows of speech after which a row counts for 1 / e
LOWEST_LEVEL, HIGHEST_LEVEL, LEVEL_STEP = -120.0, 80.0, 0.05  # dB, of the table of levels
HALF_WINDOW = (WINDOW_FRAMES // 2) / FPS  # seconds that a generator's window reaches to either side


class RunningLevel:
    """What audio.mel.reference_level gives, of the last minute or so of speech; at first what recordings usually have.

    Before 25 rows of speech (0.25 s) were heard, guessing from them alone is worse: the first syllable is seldom loud.
    """

    def __init__(self) -> None:
        self.counts = np.zeros(round((HIGHEST_LEVEL - LOWEST_LEVEL) / LEVEL_STEP))
        self.levels = LOWEST_LEVEL + LEVEL_STEP * (np.arange(len(self.counts)) + 0.5)

    def add(self, decibels: np.ndarray) -> None:
        """Hear log-mel rows (n, 40)."""
        loudest = decibels.max(axis=1)
        loudest = loudest[loudest > LEAST_REFERENCE - SPEECH_DEPTH]
        self.counts *= math.exp(-np.count_nonzero(loudest > LEAST_REFERENCE) / MEMORY_ROWS)
        places = ((loudest - LOWEST_LEVEL) / LEVEL_STEP).astype(np.int64)
        np.add.at(self.counts, np.clip(places, 0, len(self.counts) - 1), 1)

    @property
    def value(self) -> float:
        """dB that become 1."""
        heard = np.flatnonzero(self.counts > 0.5)
        if not len(heard):
            return USUAL_LEVEL
        speech = np.where(self.levels > self.levels[heard[-1]] - SPEECH_DEPTH, self.counts, 0).cumsum()
        level = self.levels[np.searchsorted(speech, 0.99 * speech[-1])]
        rows = self.counts[self.levels > LEAST_REFERENCE].sum()
        return max((rows * level + USUAL_ROWS * USUAL_LEVEL) / (rows + USUAL_ROWS), LEAST_REFERENCE)


def last_row(time: float) -> int:
    """The last row that a generator's window at this time is read from."""
    return math.ceil((time + HALF_WINDOW) * MelFeature.rate - 1e-6)


class MelStream:
    """Takes sound as it comes, and gives a generator's windows for times that never decrease."""

    def __init__(self) -> None:
        self.level = RunningLevel()
        self.wave, self.wave_row = np.zeros(0, np.float32), 0  # the first sample is wave_row * HOP of the stream
        self.decibels, self.first_row = np.zeros((0, BANDS), np.float32), -1
        self.length, self.has_ended = 0, False

    @property
    def next_row(self) -> int:
        return self.first_row + len(self.decibels)

    def push(self, wave: np.ndarray) -> None:
        """Append 16 kHz mono float32 (samples,) in [-1, 1]. Raises InputError for samples that are not finite."""
        check_sound(wave)
        self.wave = np.concatenate((self.wave, wave))
        self.length += len(wave)

    def cut(self, position: int) -> None:
        """Take back the samples from `position` on, counted from the stream's first, at most KEPT_ROWS rows of them."""
        self.wave = self.wave[: position - self.wave_row * HOP]
        self.length = position
        valid = (position - FFT_SIZE // 2) // HOP + 1  # the first row that has seen what is taken back
        self.decibels = self.decibels[: max(0, valid - self.first_row)]

    def end(self) -> None:
        """Nothing more comes; what is beyond the sound is silence, and the last row is held, as in a recording."""
        self.has_ended = True

    def samples_for(self, time: float) -> int:
        """How many samples must have come for the window at this time, in seconds."""
        return (last_row(time) + 1) * HOP + FFT_SIZE // 2

    def windows(self, times: np.ndarray) -> np.ndarray:
        """What a generator sees at `times` (B,) in seconds from the stream's first sample: float32 (B, 5, 80).

        As many samples as `samples_for` says must have come, or the stream must have ended.
        """
        count = max(1, math.ceil(self.length / HOP))  # rows of a recording of this length
        last = last_row(times.max())
        first = min(max(0, math.floor((times.min() - HALF_WINDOW) * MelFeature.rate)), count - 1)
        if self.has_ended:
            last = min(last, count - 1)
        self.compute(last + 2)  # a row of the feature is made of the ones before and after it
        part = self.decibels[first - 1 - self.first_row : last + 2 - self.first_row]
        windows = windows_at(scaled_rows(part, self.level.value), MelFeature.rate, times - first / MelFeature.rate)
        self.forget(first - KEPT_ROWS)
        return windows

    def compute(self, stop: int) -> None:
        """Have all rows before `stop`."""
        if not self.has_ended and (stop - 1) * HOP + FFT_SIZE // 2 > self.length:
            raise ValueError(f"row {stop - 1} needs sound that has not come: {self.length} samples are there")
        if stop > self.next_row:
            rows = np.concatenate(list(mel_blocks(self.wave, self.next_row - self.wave_row, stop - self.wave_row)))
            self.level.add(rows)
            self.decibels = np.concatenate((self.decibels, rows))

    def forget(self, row: int) -> None:
        """Drop rows before `row` and sound that no later row needs."""
        if row > self.first_row:
            self.decibels = self.decibels[row - self.first_row :].copy()
            self.first_row = row
        needed = row - FFT_SIZE // HOP
        if needed > self.wave_row:
            self.wave = self.wave[(needed - self.wave_row) * HOP :].copy()
            self.wave_row = needed
