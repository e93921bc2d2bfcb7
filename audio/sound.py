"""What the audio features ask of a recording."""

import numpy as np

from config.errors import InputError


def check_sound(wave: np.ndarray) -> None:
    """Raise InputError for samples that are NaN or infinite."""
    if not np.isfinite(wave).all():
        raise InputError("the sound holds samples that are NaN or infinite; write it again as 16-bit sound")


def check_values(dense: np.ndarray, source: str) -> np.ndarray:
    """The rows that the model `source` gave. Raises InputError where one is NaN or infinite."""
    if not np.isfinite(dense).all():
        raise InputError(f"{source} gives values that are NaN or infinite; its file is damaged: give another one")
    return dense


def sounding_part(wave: np.ndarray) -> slice:
    """From the first to the last sample that is not exactly zero; everything where all are zero.

    Statistics of a recording are taken over this part, so that silence added to reach the length of a video does not
    change the values inside the speech.
    """
    sounding = wave != 0
    if not sounding.any():
        return slice(0, len(wave))
    return slice(int(sounding.argmax()), len(wave) - int(sounding[::-1].argmax()))
