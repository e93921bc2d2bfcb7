"""Decodes stored crops at the size a stage needs."""

from collections.abc import Callable, Sequence
from functools import lru_cache

import cv2
import numpy as np

from config.constants import CROP_WIDTH
from config.errors import InputError
from dataset.video import Video, map_array
from face.geometry import crop_size

# libjpeg decodes at a half, a quarter and an eighth of the size directly, for less work than decoding the whole.
REDUCED = {2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}
CACHE_BYTES = 128 * 2**20  # decoded crops that one process keeps: all of a small set, little of a large one


def video_crops(video: Video, positions: Sequence[int], mouth_size: int) -> np.ndarray:
    """RGB uint8 (n, h, w, 3) of a video's frames at `positions`: from its packed crops if it has any of this size."""
    packed = video.packed_crops.get(mouth_size)
    if packed is not None:
        return map_array(packed)[video.frame_numbers[positions]]
    load = cached_load_crop(mouth_size)
    return np.stack([load(video.paths[position], mouth_size) for position in positions])


@lru_cache(maxsize=1)  # a process draws crops of one size at a time
def cached_load_crop(mouth_size: int) -> Callable[[str, int], np.ndarray]:
    """load_crop with a memory of this process's last crops, CACHE_BYTES of them. Do not write to the arrays.

    It belongs to the process and not to a data set, which must be pickled where loading processes are spawned.
    """
    height, width = crop_size(mouth_size)
    return lru_cache(maxsize=CACHE_BYTES // (3 * height * width))(load_crop)


def load_crop(path: str, mouth_size: int) -> np.ndarray:
    """One crop as RGB uint8 (h, w, 3) at the size of this mouth size. Raises InputError for an unreadable file."""
    height, width = crop_size(mouth_size)
    flag = REDUCED.get(CROP_WIDTH // width, cv2.IMREAD_COLOR)
    # cv2.imread fails on some file systems' non-ASCII names; decoding the bytes does not.
    try:
        with open(path, "rb") as file:
            image = cv2.imdecode(np.frombuffer(file.read(), np.uint8), flag)
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing; run data_processing.py --crop_face again") from error
    except ValueError:  # a name that no file can have
        image = None
    except cv2.error as error:  # an empty file, among others
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError from error
        image = None
    if image is None:
        raise InputError(f"{path} cannot be read as an image; run data_processing.py --crop_face again")
    if image.shape[:2] != (height, width):
        shrinking = image.shape[0] > height
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
