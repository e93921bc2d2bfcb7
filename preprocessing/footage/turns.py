"""Who speaks when: the stretches of a face that clips are cut from, and those that are left out, with the reason."""

from dataclasses import dataclass

import numpy as np

from config.constants import FPS

LONGEST_PAUSE = 2 * FPS  # frames of silence that a stretch keeps whole
MARGIN = FPS // 2  # of a longer silence: frames that it keeps beside speech
NO_SPEECH = "no speech"
NO_FACE = "no face"
ANOTHER_SPEAKS = "another face speaks"


@dataclass(frozen=True)
class Turn:
    """Frames start .. stop - 1 of a passage. `reason` says why this face does not speak in them, "" where it does."""

    start: int
    stop: int
    speaks: bool
    reason: str = ""


def cut_turns(silent_because: np.ndarray, speech: np.ndarray) -> list[Turn]:
    """The turns of one face, in order, that together are all frames in which it is seen.

    silent_because (T,) str: why this face is not the one that speaks in a frame, "" where it is or nobody speaks, and
    NO_FACE where it is not seen; speech (T,) bool: speech activity. A turn that speaks keeps silence of up to
    LONGEST_PAUSE, and MARGIN of a longer one.
    """
    own = speech & (silent_because == "")
    labels = np.where((silent_because == "") & ~near(own), NO_SPEECH, silent_because)
    borders = [0, *(np.flatnonzero(labels[1:] != labels[:-1]) + 1).tolist(), len(labels)]
    pieces = [(str(labels[start]), start, stop) for start, stop in zip(borders, borders[1:], strict=False)]
    return [Turn(start, stop, reason == "", reason) for reason, start, stop in pieces if reason != NO_FACE]


def near(speech: np.ndarray) -> np.ndarray:
    """(T,) bool: frames of speech (T,), of silence between and around it up to LONGEST_PAUSE, else MARGIN of it."""
    if not speech.any():
        return speech
    return ~long_runs(~speech, LONGEST_PAUSE + 1) | widened(speech, MARGIN)


def widened(states: np.ndarray, reach: int) -> np.ndarray:
    """(T,) bool: frames of `states` (T,) bool and up to `reach` frames before and after."""
    return np.lib.stride_tricks.sliding_window_view(np.pad(states, reach), 2 * reach + 1).any(1)


def long_runs(states: np.ndarray, least: int) -> np.ndarray:
    """(T,) bool: frames of `states` (T,) bool in unbroken runs of at least `least` frames."""
    result = np.zeros(len(states), bool)
    for start, stop in runs(states):
        result[start:stop] = stop - start >= least
    return result


def runs(states: np.ndarray) -> list[tuple[int, int]]:
    """Ranges of frames, in order, in which `states` (T,) bool are true without a break."""
    borders = np.flatnonzero(np.diff(np.r_[False, states, False]))
    return [(int(start), int(stop)) for start, stop in borders.reshape(-1, 2)]
