"""Records of where the landmarks lie in crops, as landmark_crop_dic.npy and every video's own file hold them."""

from pathlib import Path

import numpy as np

from config.constants import NUM_LANDMARKS
from config.errors import InputError
from media.files import load_array


def landmark_records(names: list[str], points: np.ndarray) -> np.ndarray:
    """(n,) records of `path` and `landmarks` (68, 2) in crop pixels; saved, they load without pickle."""
    longest = max(len(name) for name in names)
    records = np.empty(len(names), [("path", f"U{longest}"), ("landmarks", "f4", (NUM_LANDMARKS, 2))])
    records["path"], records["landmarks"] = names, points
    return records


def read_landmark_records(path: Path, advice: str) -> np.ndarray:
    """The records of a file. Raises InputError, which ends in `advice`, where it holds anything else."""
    records = load_array(path, advice)
    expected = landmark_records(["0"], np.zeros((1, NUM_LANDMARKS, 2))).dtype["landmarks"]
    fields = records.dtype.fields or {}
    if fields.keys() != {"path", "landmarks"} or records.dtype["landmarks"] != expected or records.ndim != 1:
        raise InputError(f"{path} does not hold landmarks of crops; {advice}")
    return records
