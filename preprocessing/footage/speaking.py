"""Who speaks, by the lips alone: their movement against speech activity. Tells a listener from a speaker."""

import numpy as np

from preprocessing.footage.turns import NO_FACE, Turn, cut_turns


def moving_faces(landmarks: list[np.ndarray], speech: np.ndarray) -> list[list[Turn]]:
    """The turns of every face of a passage.

    landmarks: for every face (T, 68, 2) in pixels as found, not smoothed, NaN where it is not seen; speech (T,) bool.
    """
    return [cut_turns(np.where(np.isnan(points[:, 0, 0]), NO_FACE, "").astype(object), speech) for points in landmarks]
