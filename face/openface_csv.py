"""Landmark tracks as OpenFace writes them: CSV, one row a frame, columns found by name.

Columns used: frame (from 1), confidence (0 to 1), success (0 or 1), x_0 .. x_67 and y_0 .. y_67 in video pixels.
Others (face_id, timestamp, gaze, pose, action units) may be missing or stand anywhere.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from config.constants import FPS, NUM_LANDMARKS
from config.errors import InputError
from media.files import written_whole

POINT_COLUMNS = [f"{axis}_{index}" for axis in "xy" for index in range(NUM_LANDMARKS)]


@dataclass(frozen=True)
class FaceTrack:
    """landmarks (T, 68, 2) float32 in video pixels, confidence (T,) in [0, 1], success (T,) bool."""

    landmarks: np.ndarray
    confidence: np.ndarray
    success: np.ndarray


def write_openface_csv(path: str | Path, track: FaceTrack, fps: float = FPS) -> None:
    """Write a track whole, with OpenFace's column names and separators. Rows without success hold zeros."""
    with written_whole(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        file.write(", ".join(["frame", "face_id", "timestamp", "confidence", "success", *POINT_COLUMNS]) + "\n")
        rows = zip(track.landmarks, track.confidence, track.success, strict=True)
        for index, (points, confidence, success) in enumerate(rows):
            numbers = points.T.ravel() if success else np.zeros(2 * NUM_LANDMARKS)
            head = [str(index + 1), "0", f"{index / fps:.3f}", f"{confidence:.2f}", str(int(success))]
            file.write(", ".join(head + [f"{number:.2f}" for number in numbers]) + "\n")


def read_openface_csv(path: str | Path) -> FaceTrack:
    """Read a track. Where a frame has several faces the most confident one is taken.

    Raises InputError naming file and line for missing columns, values that are no numbers and frames out of order.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} is not a file; give an OpenFace CSV")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file, skipinitialspace=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not a CSV text file ({error}); give an OpenFace CSV") from error
    columns = {name.strip(): index for index, name in enumerate(rows[0])} if rows else {}
    missing = [name for name in ("frame", "confidence", "success", *POINT_COLUMNS) if name not in columns]
    if missing:
        raise InputError(f"{path}, line 1: has no column {missing[0]}; give a CSV made by OpenFace with 2D landmarks")
    table = numbers_of(path, rows, [columns[name] for name in ("frame", "confidence", "success", *POINT_COLUMNS)])
    return to_track(path, table)


def numbers_of(path: Path, rows: list[list[str]], wanted: list[int]) -> np.ndarray:
    """The wanted columns of every row after the first, float64 (rows, columns)."""
    table = []
    for line, row in enumerate(rows[1:], start=2):
        if not row:
            continue
        try:
            values = [float(row[index]) for index in wanted]
        except (ValueError, IndexError) as error:
            raise InputError(f"{path}, line {line}: not a row of numbers ({error}); export the CSV again") from error
        if not np.isfinite(values).all():
            raise InputError(f"{path}, line {line}: holds a value that is not finite; export the CSV again")
        table.append(values)
    if not table:
        raise InputError(f"{path} has no rows; give the CSV of the whole video")
    return np.array(table)


def to_track(path: Path, table: np.ndarray) -> FaceTrack:
    frames = table[:, 0].astype(np.int64)
    order = np.lexsort((-table[:, 1], frames))  # by frame, the most confident face first
    table = table[order][np.unique(frames[order], return_index=True)[1]]
    expected = np.arange(1, len(table) + 1)
    wrong = np.flatnonzero(table[:, 0] != expected)
    if len(wrong):
        raise InputError(f"{path}: frame {expected[wrong[0]]} is missing; export the CSV of the whole video again")
    x, y = table[:, 3 : 3 + NUM_LANDMARKS], table[:, 3 + NUM_LANDMARKS :]
    return FaceTrack(np.stack((x, y), -1).astype(np.float32), table[:, 1].astype(np.float32), table[:, 2] > 0)
