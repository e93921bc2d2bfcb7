"""The files of a video, checked before they are trained on."""

import os
from pathlib import Path

import numpy as np

from config.errors import InputError
from dataset.video import Video, map_array
from face.geometry import crop_size


def check_files(video: Video) -> None:
    """Raise InputError unless the first crop exists, and audio and packed crops hold what the video's frames need.

    Every value of the audio is looked at; of the crops only the first is looked for, as sets have millions.
    """
    arrays = [] if isinstance(video.audio_source, np.ndarray) else [video.audio_source]
    for file in (video.paths[0], *video.packed_crops.values(), *arrays):
        if not os.path.isfile(file):
            raise InputError(
                f"{file} is missing; move the whole folder together, "
                "or run data_processing.py --generate_training_json again"
            )
    for file in arrays:
        check_audio(map_array(file), int(video.frame_numbers[-1]), file)
    for mouth_size in video.packed_crops:
        check_packed_crops(video, mouth_size)


def check_audio(rows: np.ndarray, last_frame: int, file: Path) -> None:
    wrong = ""
    if rows.ndim != 2 or rows.dtype.kind not in "fiu":
        wrong = f"has shape {rows.shape} of {rows.dtype}, expected rows of real numbers"
    elif len(rows) <= last_frame:
        wrong = f"has {len(rows)} rows, the clips go to frame {last_frame}"
    elif not is_finite(rows):
        wrong = "has values that are not finite"
    if wrong:
        raise InputError(f"{file} {wrong}; extract the audio feature again")


def is_finite(rows: np.ndarray) -> bool:
    """Whether all values are finite in float32. The sum says so in one pass, unless it overflows."""
    with np.errstate(all="ignore"):
        return bool(np.isfinite(rows.sum(dtype=np.float32)) or np.isfinite(rows.astype(np.float32)).all())


def check_packed_crops(video: Video, mouth_size: int) -> None:
    file = video.packed_crops[mouth_size]
    crops, shape = map_array(file), (*crop_size(mouth_size), 3)
    if crops.shape[1:] != shape or crops.dtype != np.uint8 or len(crops) <= video.frame_numbers[-1]:
        raise InputError(
            f"{file} has shape {crops.shape} of {crops.dtype}, expected uint8 pictures {shape} up to frame "
            f"{video.frame_numbers[-1]}; run data_processing.py --pack_crops and --generate_training_json again"
        )
