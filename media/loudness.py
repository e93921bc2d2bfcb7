"""Loudness as of EBU R 128, measured and changed by FFmpeg's filters."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from config.errors import InputError
from media.sound_blocks import SoundFormat, filtered, to_block

SHORTEST = 0.4  # seconds, the length of a gating block
SILENCE = -70.0  # LUFS, the absolute gate: nothing below counts
PEAK_STEP = 0.001  # to which FFmpeg rounds the true peak
HIGHEST_PEAK = -1.0  # dB true peak, what R 128 allows for
LIMIT = 10 ** ((HIGHEST_PEAK - 0.3) / 20)  # what the limiter is set to, as resampling makes peaks a little higher
OVERSAMPLING = 4  # of the limiter, which would not see the peaks between samples
CLOSE_ENOUGH = 0.1  # LU
MOST_PASSES = 10


@dataclass(frozen=True)
class Loudness:
    """Integrated loudness in LUFS, and true peak in dB of full scale, rounded upwards."""

    integrated: float
    peak: float


def measure_loudness(blocks: Iterable[np.ndarray], sound: SoundFormat) -> Loudness:
    """Of a stream of blocks. Raises InputError where it is too short or too quiet to be measured."""
    samples, values = 0, {}
    for frame in filtered(blocks, sound, ("ebur128", "metadata=1:peak=true")):
        samples += frame.samples
        values = dict(frame.metadata) or values
    if samples < SHORTEST * sound.rate:
        raise InputError(f"lasts {samples / sound.rate:.2f} s, and loudness is that of at least {SHORTEST} s")
    loudness, peak = float(values["lavfi.r128.I"]), float(values["lavfi.r128.true_peak"])
    if loudness <= SILENCE:
        raise InputError(f"is silence: its loudness is below {SILENCE:.0f} LUFS")
    return Loudness(loudness, 20 * math.log10(peak + PEAK_STEP / 2))


def with_loudness(
    blocks: Callable[[], Iterator[np.ndarray]], sound: SoundFormat, target: float
) -> tuple[Iterator[np.ndarray], float]:
    """A stream brought to `target` LUFS, and the loudness that it has: one that is all peaks may stay below.

    Changed by one gain, and where peaks would exceed HIGHEST_PEAK by a limiter too. That takes loudness away, so that
    the gain is found in several passes, for each of which `blocks` gives the stream anew.
    """
    measured = measure_loudness(blocks(), sound)
    gain = target - measured.integrated
    if measured.peak + gain <= HIGHEST_PEAK:
        return amplified(blocks(), gain), target
    for number in range(MOST_PASSES):
        reached = measure_loudness(limited(amplified(blocks(), gain), sound), sound).integrated
        if abs(target - reached) < CLOSE_ENOUGH or number == MOST_PASSES - 1:
            break
        gain += target - reached
    return limited(amplified(blocks(), gain), sound), reached


def amplified(blocks: Iterable[np.ndarray], gain: float) -> Iterator[np.ndarray]:
    """`gain` in dB."""
    factor = np.float32(10 ** (gain / 20))
    return (block * factor for block in blocks)


def limited(blocks: Iterable[np.ndarray], sound: SoundFormat) -> Iterator[np.ndarray]:
    """Peaks brought down to LIMIT, a few milliseconds around them with them. The length stays."""
    finer = ("aresample", str(OVERSAMPLING * sound.rate))
    limiter = ("alimiter", f"limit={LIMIT}:level=false:latency=true")
    back = ("aresample", f"out_sample_rate={sound.rate}:out_sample_fmt=flt")
    return map(to_block, filtered(blocks, sound, finer, limiter, back))
