"""Moves faces about in their crops, so that nothing is learned from where exactly they lie.

A mouth box that lies the same in every source and every reference lets a generator read the lips' opening off what
borders on the box, and copy a reference's mouth without looking where it is (MuseTalk, arXiv 2410.10122).
"""

import cv2
import numpy as np


def shift_source(crops: np.ndarray, jitter: float, rng: np.random.Generator) -> np.ndarray:
    """Crops (n, h, w, 3) all moved by the same whole pixels, up to `jitter` of their width either way.

    They are the truth that is learned, and whole pixels blur nothing: scale is left to the references.
    """
    reach = round(jitter * crops.shape[2])
    shift = rng.integers(-reach, reach, 2, endpoint=True)
    return np.stack([warp(crop, 1.0, shift) for crop in crops])


def move_references(crops: np.ndarray, jitter: float, rng: np.random.Generator) -> np.ndarray:
    """Crops (n, h, w, 3), each enlarged or reduced by up to `jitter` and moved by up to `jitter` of the width."""
    scales = 1 + rng.uniform(-jitter, jitter, len(crops))
    shifts = crops.shape[2] * rng.uniform(-jitter, jitter, (len(crops), 2))
    return np.stack([warp(*move) for move in zip(crops, scales, shifts, strict=True)])


def warp(crop: np.ndarray, scale: float, shift: np.ndarray) -> np.ndarray:
    """A crop (h, w, 3) enlarged about its middle and then moved by `shift` (x, y) pixels. Its border is repeated."""
    height, width = crop.shape[:2]
    middle = (np.array([width, height]) - 1) / 2
    matrix = np.column_stack((np.eye(2) * scale, middle - scale * middle + shift))
    return cv2.warpAffine(crop, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
