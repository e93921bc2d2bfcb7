"""Which landmarks the mouth has, and how far it is open."""

import numpy as np

from config.constants import CROP_WIDTH

MOUTH_LANDMARKS = slice(48, 68)
INNER_LIPS = slice(60, 68)  # in order around the opening
CLOSED = 0.02  # crop widths of lip opening, below which lips are closed: 6.4 of the 320 pixels; in speech they have 20
UPPER_INNER, LOWER_INNER = (61, 62, 63), (67, 66, 65)  # points that face each other


def lip_opening(landmarks: np.ndarray) -> np.ndarray:
    """Mean distance (T,) between the inner lips, in the unit of the landmarks (T, 68, 2)."""
    return np.linalg.norm(landmarks[:, LOWER_INNER] - landmarks[:, UPPER_INNER], axis=-1).mean(-1)


def is_closed(upright: np.ndarray) -> np.ndarray:
    """(T,) bool: whether the lips touch, of landmarks (T, 68, 2) in pixels of a crop aligned in each frame."""
    return lip_opening(upright) < CLOSED * CROP_WIDTH
