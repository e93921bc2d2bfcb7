"""Sizes of crops and of the mouth box inside them. Crop pixels only; rows grow downwards."""

import numpy as np

from config.constants import CROP_HEIGHT, CROP_WIDTH
from config.errors import InputError

STORED_MOUTH = CROP_WIDTH * 4 // 5  # mouth size of the stored crop, in which no detail of the video is lost


def crop_size(mouth_size: int) -> tuple[int, int]:
    """(height, width) of the face crop of a network with this mouth size: 64 -> (104, 80), 256 -> (416, 320)."""
    if mouth_size % 32 or mouth_size < 32:
        raise InputError(f"mouth_size is {mouth_size}; expected a multiple of 32, such as 64, 128 or 256")
    return mouth_size // 2 * 3 + mouth_size // 8, mouth_size + mouth_size // 4


def mouth_box(mouth_size: int) -> tuple[slice, slice]:
    """Rows and columns of the S x S mouth box inside the crop of that mouth size."""
    top, left = mouth_size // 2, mouth_size // 8
    return slice(top, top + mouth_size), slice(left, left + mouth_size)


def resize_matrix(factor: float) -> np.ndarray:
    """(3, 3) map of pixel coordinates under a resize that keeps the image's borders where they are."""
    shift = (factor - 1) / 2
    return np.array([[factor, 0, shift], [0, factor, shift], [0, 0, 1]])


def stored_to_network(mouth_size: int) -> np.ndarray:
    """(3, 3) from pixels of the stored 416 x 320 crop to pixels of the crop of this mouth size."""
    height, width = crop_size(mouth_size)
    if height * CROP_WIDTH != width * CROP_HEIGHT:
        raise InputError(f"mouth_size {mouth_size} does not keep the shape of the {CROP_HEIGHT} x {CROP_WIDTH} crop")
    return resize_matrix(width / CROP_WIDTH)
