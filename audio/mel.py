"""The feature "mel": log-mel energies, normalised for the level of the recording. Needs no model."""

import math
from collections.abc import Iterator

import numpy as np

from audio.mel_bands import mel_bands
from audio.sound import check_sound
from config.constants import SAMPLE_RATE

WINDOW = 400  # samples, 25 ms
HOP = 160  # samples, 10 ms
FFT_SIZE = 512
BANDS = 40
LOWEST, HIGHEST = 55.0, 7600.0  # Hz, edges of the bands
RANGE = 80.0  # dB below the reference that are kept, and mapped to [-1, 1]
LEAST_POWER = 1e-12  # below anything that 16-bit sound holds; keeps the logarithm finite
SPEECH_DEPTH = 40.0  # dB below the loudest row; what is weaker counts as a pause
# Power of the loudest band of clear speech whose loud parts are at about -46 dB of full scale (RMS). The recordings
# this was measured on have -12 to -25 dB, and reach +15 to +2 dB here; white room noise of -60 dB reaches -45 dB.
LEAST_REFERENCE = -20.0  # dB
BLOCK_ROWS = 6000  # rows computed at once: one minute, about 50 MB


class MelFeature:
    """Two rows of 40 log-mel energies, 10 ms before and 10 ms after the time; values in [-1, 1]."""

    name = "mel"
    dim = 2 * BANDS
    rate = SAMPLE_RATE / HOP
    future = (HOP + FFT_SIZE // 2) / SAMPLE_RATE  # 26 ms

    def compute(self, wave: np.ndarray) -> np.ndarray:
        """Float32 16 kHz mono (samples,) -> float32 (n, 80) at 100 rows a second. Raises InputError for NaN samples."""
        check_sound(wave)
        rows = max(1, math.ceil(len(wave) / HOP))
        decibels = np.concatenate(list(mel_blocks(wave, first=-1, last=rows + 1)))  # (rows + 2, 40): one more each side
        return scaled_rows(decibels, reference_level(decibels[1:-1]))


def scaled_rows(decibels: np.ndarray, reference: float) -> np.ndarray:
    """Log-mel rows (n + 2, 40), one more at each side, and the level (dB) that becomes 1 -> float32 (n, 80)."""
    scaled = np.clip((decibels - np.float32(reference)) * (2 / RANGE) + 1, -1, 1)
    return np.concatenate([scaled[:-2], scaled[2:]], axis=1)


def mel_blocks(wave: np.ndarray, first: int, last: int) -> Iterator[np.ndarray]:
    """Log-mel energies in dB of rows first .. last-1, float32 (<= BLOCK_ROWS, 40) a block; row i is centred on sample
    i * HOP. Beyond the sound there is silence."""
    bands = mel_bands(SAMPLE_RATE, FFT_SIZE, BANDS, LOWEST, HIGHEST)
    taper = np.pad(np.hanning(WINDOW + 1)[:-1], (FFT_SIZE - WINDOW) // 2).astype(np.float32)
    for row in range(first, last, BLOCK_ROWS):
        count = min(BLOCK_ROWS, last - row)
        begin = row * HOP - FFT_SIZE // 2
        sound = cut_with_silence(wave, begin, begin + (count - 1) * HOP + FFT_SIZE)
        windows = np.lib.stride_tricks.sliding_window_view(sound, FFT_SIZE)[::HOP]
        power = np.abs(np.fft.rfft(windows * taper)) ** 2
        yield 10 * np.log10(np.maximum(power @ bands.T, LEAST_POWER))


def cut_with_silence(wave: np.ndarray, begin: int, end: int) -> np.ndarray:
    """Samples begin .. end-1 of `wave`, zeros where it has none."""
    inside = wave[max(0, begin) : max(0, end)]
    before = min(max(0, -begin), end - begin)
    return np.pad(inside, (before, end - begin - before - len(inside)))


def reference_level(decibels: np.ndarray) -> float:
    """The level (dB) of loud speech in a recording of log-mel rows (n, 40), the value that becomes 1.

    It is the 99th percentile of the rows' loudest bands over the rows that are no pause, so neither the share of
    pauses nor silence around the speech matters. A recording without speech is not amplified: the level has a floor.
    """
    loudest = decibels.max(axis=1)
    speech = loudest[loudest > loudest.max() - SPEECH_DEPTH]
    return max(float(np.percentile(speech, 99)), LEAST_REFERENCE)
