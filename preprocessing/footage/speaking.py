"""Who speaks, by the lips alone: their movement against speech activity.

It tells a listener from a speaker, and not a voice-over from speech. Movement is the standard deviation over one second
of the lips' opening in face sizes (brows to chin). In speech it is 0.02 to 0.04; on mouths at rest below 0.001 for
faces of 100 pixels, and up to 0.007 for noisy ones of 30.
"""

import numpy as np

from config.constants import FPS
from face.lips import lip_opening
from face.smoothing import stretches
from preprocessing.footage.turns import ANOTHER_SPEAKS, NO_FACE, Turn, cut_turns, long_runs, widened

MOVEMENT = 0.009  # face sizes, from which lips move
# A mouth that stays open is at rest only if it moves even less: mumbled speech keeps it at 0.06 and moves it by 0.006.
CLOSED, STILL = 0.03, 0.003  # face sizes, of the mean opening over the second, and of the movement
REACH = FPS // 2  # frames before and after that movement is taken over
LEAST_REST = FPS // 2  # frames of low movement that are a rest: with REACH on both sides, lips still for 1.5 s
LEAST_MOVEMENT = FPS  # frames that lips move to be taken for speaking: a smile or a nod is shorter
LIPS_REST = "the lips rest while somebody speaks"
SEVERAL_MOVE = "several mouths move, and no SyncNet says which speaks"


def moving_faces(landmarks: list[np.ndarray], speech: np.ndarray) -> list[list[Turn]]:
    """The turns of every face of a passage.

    landmarks: for every face (T, 68, 2) in pixels, not smoothed, NaN where it is not seen; speech (T,) bool. While
    several mouths move during speech, none is taken for the speaker's.
    """
    if not landmarks:
        return []
    moves = np.stack([moving(points) for points in landmarks])  # (faces, T)
    number = moves.sum(0)
    turns = []
    for points, own in zip(landmarks, moves, strict=True):
        because = np.full(len(speech), "", object)
        because[speech & ~own & (number > 0)] = ANOTHER_SPEAKS
        because[speech & (number == 0) & ~widened(speech & own, REACH)] = LIPS_REST
        because[speech & own & (number > 1)] = SEVERAL_MOVE
        because[np.isnan(points[:, 0, 0])] = NO_FACE
        turns.append(cut_turns(because, speech))
    return turns


def moving(landmarks: np.ndarray) -> np.ndarray:
    """(T,) bool: whether the lips of a face (T, 68, 2) move as in speech. Words' own pauses count as movement."""
    result = np.zeros(len(landmarks), bool)
    for start, stop in stretches(~np.isnan(landmarks[:, 0, 0])):
        result[start:stop] = ~resting(*movement(landmarks[start:stop]))
    return long_runs(result, LEAST_MOVEMENT)


def movement(landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Standard deviation and mean (T,) of the lip opening over a second, in face sizes; landmarks (T, 68, 2), NaN in
    gaps."""
    size = np.nanmedian(np.linalg.norm(landmarks[:, 8] - landmarks[:, 17:27].mean(1), axis=1))
    opening = np.pad(lip_opening(landmarks) / max(float(size), 1.0), REACH, constant_values=np.nan)
    seconds = np.lib.stride_tricks.sliding_window_view(opening, 2 * REACH + 1)
    return np.nanstd(seconds, axis=1), np.nanmean(seconds, axis=1)


def resting(movement: np.ndarray, opening: np.ndarray) -> np.ndarray:
    """(T,) bool: frames in which the lips are still: those of a low movement, and the seconds it is taken over."""
    still = movement < np.where(opening < CLOSED, MOVEMENT, STILL)
    return widened(long_runs(still, LEAST_REST), REACH)
