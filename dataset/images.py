"""Decodes stored crops at the size a stage needs."""

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
import simplejpeg

from config.errors import InputError
from face.geometry import crop_size

CACHE_BYTES = 128 * 2**20  # decoded crops that one process keeps: all of a small set, little of a large one


def cached_loader(mouth_size: int) -> Callable[[str, int], np.ndarray]:
    """load_crop with a memory of the last crops, CACHE_BYTES of them. The arrays are shared: do not write to them."""
    height, width = crop_size(mouth_size)
    return lru_cache(maxsize=CACHE_BYTES // (3 * height * width))(load_crop)


def load_crop(path: str, mouth_size: int) -> np.ndarray:
    """One crop as RGB uint8 (h, w, 3) at the size of this mouth size. Raises InputError for an unreadable file.

    libjpeg decodes at a half, a quarter or an eighth of the size directly, for less work than decoding the whole.
    """
    height, width = crop_size(mouth_size)
    try:
        with open(path, "rb") as file:
            data = file.read()
        image = simplejpeg.decode_jpeg(data, "RGB", min_height=height, min_width=width, min_factor=1)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a JPEG; run data_processing.py --crop_face again") from error
    if image.shape[:2] != (height, width):
        shrinking = image.shape[0] > height
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR)
    return image
