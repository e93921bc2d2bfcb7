"""Where two pictures of a mouth show the same."""

import cv2
import numpy as np

NEIGHBOURHOOD = 1 / 48  # standard deviation of the window they are compared in, in mouth boxes


def agreement(mouth: np.ndarray, other: np.ndarray, level: float) -> np.ndarray:
    """1 where two mouths (S, S, 3) uint8 are alike, a third where they differ by `level` of 255, 0 far beyond: (S, S)
    float32."""
    difference = cv2.absdiff(mouth, other).max(2).astype(np.float32)
    difference = cv2.GaussianBlur(difference, (0, 0), NEIGHBOURHOOD * len(mouth))
    return np.exp(-np.square(difference / level))
