"""Whether the mouth is closed while nobody speaks."""

import numpy as np

from config.constants import CROP_WIDTH, SAMPLE_RATE
from evaluation.opening import at_frames_of, opening
from evaluation.pairs import TrackedVideo
from face.lips import CLOSED
from media.audio import read_audio

BLOCK = 0.04  # seconds of sound whose level is one value
LOUD_SHARE = 1 / 3  # of the sound's energy that is in blocks as loud as loud speech: few of them where speech is rare
PAUSE_DEPTH = 25.0  # dB below loud speech, from which sound is a pause
SILENCE = -60.0  # dB of full scale, from which everything is silent
LEAST_PAUSE = 0.2  # seconds: shorter ones are stops, in which lips stay open
LIPS_AHEAD = 0.08  # seconds at either end of a pause in which lips still close, or open for what comes


def silence_scores(generated: TrackedVideo, reference: TrackedVideo | None) -> dict[str, float]:
    """closed_in_silence: share of the frames in silent sound whose lips are closed; {} where no frame is silent.

    closed_in_silence_true is the reference's, whose mouths may be open too: people breathe in pauses.
    """
    if not generated.info.has_audio:
        print(f"{generated.info.path}: silence left out: the video has no sound")
        return {}
    silent = is_silent(read_audio(generated.info.path), generated.info.screen_times)
    openings = {"closed_in_silence": opening(generated.track)}
    if reference:
        openings["closed_in_silence_true"] = at_frames_of(generated.info, reference)
    return {name: closed_share(curve[silent]) for name, curve in openings.items()}


def closed_share(openings: np.ndarray) -> float:
    """Share of lip openings (T,), in pixels of the 320-wide crop, that are none; NaN where no face is seen."""
    seen = openings[np.isfinite(openings)]
    return float((seen < CLOSED * CROP_WIDTH).mean()) if len(seen) else float("nan")


def is_silent(wave: np.ndarray, times: np.ndarray) -> np.ndarray:
    """(T,) bool: times (T,), in seconds, inside pauses of LEAST_PAUSE or more, LIPS_AHEAD from their ends.

    Before the first and after the last word lips have nothing to come from or to open for: the ends of the recording
    are no ends of a pause. What is beyond the sound is silent.
    """
    block = round(BLOCK * SAMPLE_RATE)
    count = max(1, len(wave) // block)
    blocks = np.pad(wave, (0, max(0, count * block - len(wave))))[: count * block].reshape(count, block)
    power = np.einsum("ij,ij->i", blocks, blocks) / block
    level = 10 * np.log10(np.maximum(power, 1e-12))
    quiet = (level < loud_level(level) - PAUSE_DEPTH) | (level < SILENCE)
    silent = times >= count * BLOCK
    for start, stop in runs(quiet):
        begin = -np.inf if start == 0 else start * BLOCK + LIPS_AHEAD
        end = np.inf if stop == count else stop * BLOCK - LIPS_AHEAD
        if (stop - start) * BLOCK >= LEAST_PAUSE - 1e-9:
            silent |= (times >= begin) & (times <= end)
    return silent


def loud_level(level: np.ndarray) -> float:
    """The level, of levels (T,) in dB, that the blocks with LOUD_SHARE of the sound's energy have at least.

    Within 1 dB of the 95th percentile where a recording is mostly speech, and the same where speech is 2 % of a noisy
    one: noise that is PAUSE_DEPTH lower has little energy, however long it is.
    """
    loudest = np.sort(level)[::-1]
    energy = np.cumsum(10 ** (loudest / 10))
    return float(loudest[np.searchsorted(energy, LOUD_SHARE * energy[-1])])


def runs(chosen: np.ndarray) -> np.ndarray:
    """First and one past the last index (N, 2) of every run of True in chosen (T,) bool."""
    return np.flatnonzero(np.diff(chosen, prepend=False, append=False)).reshape(-1, 2)
