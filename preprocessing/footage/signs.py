"""What one frame says of one face: sharpness, light, and a small picture by which a covered mouth is found."""

from typing import NamedTuple

import numpy as np


class FrameSigns(NamedTuple):
    """sharpness: mouth size in pixels up to which the mouth region has detail; brightness: median luma of the face,
    0..1; overexposed: share of its pixels that are burnt out; picture (26, 20, 3) uint8 BGR: the aligned face.
    """

    sharpness: float
    brightness: float
    overexposed: float
    picture: np.ndarray


def frame_signs(frame: np.ndarray, landmarks: np.ndarray) -> FrameSigns:
    """Of a frame (H, W, 3) uint8 BGR and one face's landmarks (68, 2) in its pixels."""
    return FrameSigns(0.0, 0.0, 0.0, np.zeros((26, 20, 3), np.uint8))
