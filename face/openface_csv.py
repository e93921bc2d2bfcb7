"""Landmark tracks as OpenFace writes them: CSV, one row a frame, columns found by name.

Columns used: frame (from 1), confidence (0 to 1), success (0 or 1), x_0 .. x_67 and y_0 .. y_67 in video pixels.
Others (face_id, timestamp, gaze, pose, action units) may be missing or stand anywhere.
"""

import csv
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from config.constants import FPS, NUM_LANDMARKS
from config.errors import InputError
from media.files import atomic_write

POINT_COLUMNS = [f"{axis}_{index}" for axis in "xy" for index in range(NUM_LANDMARKS)]
LARGEST = 10**7  # of a frame's number or a landmark's pixels
COLUMNS = ["frame", "confidence", "success", *POINT_COLUMNS]


@dataclass(frozen=True)
class FaceTrack:
    """landmarks (T, 68, 2) float32 in video pixels, confidence (T,) in [0, 1], success (T,) bool.

    `smoothed`: the landmarks went through face/smoothing.py and need not again.
    """

    landmarks: np.ndarray
    confidence: np.ndarray
    success: np.ndarray
    smoothed: bool = False


def write_openface_csv(path: str | Path, track: FaceTrack, fps: float = FPS) -> None:
    """Write a track whole, with OpenFace's column names and separators. Rows without success hold zeros.

    A last column of our own, `smoothed`, is there when the track is.
    """
    own = ["smoothed"] if track.smoothed else []
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        file.write(", ".join(["frame", "face_id", "timestamp", "confidence", "success", *POINT_COLUMNS, *own]) + "\n")
        rows = zip(track.landmarks, track.confidence, track.success, strict=True)
        for index, (points, confidence, success) in enumerate(rows):
            numbers = points.T.ravel() if success else np.zeros(2 * NUM_LANDMARKS)
            head = [str(index + 1), "0", f"{index / fps:.3f}", f"{confidence:.2f}", str(int(success))]
            file.write(", ".join(head + [f"{number:.2f}" for number in numbers] + ["1" for _ in own]) + "\n")


def read_openface_csv(path: str | Path) -> FaceTrack:
    """Read a track. Where a frame has several faces, the one that is largest and surest over the whole video is taken.

    A row of zeros is not a success whatever it claims: OpenFace writes such rows where tracking failed.
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
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        raise InputError(f"{path}, line 1: has no column {missing[0]}; give a CSV made by OpenFace with 2D landmarks")
    wanted = [*COLUMNS, "face_id"] if "face_id" in columns else COLUMNS
    track = to_track(path, *numbers_of(path, rows, [columns[name] for name in wanted]))
    return replace(track, smoothed="smoothed" in columns)


def numbers_of(path: Path, rows: list[list[str]], wanted: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Line numbers (N,) of the rows after the first, and their wanted columns, float64 (N, columns)."""
    lines, table = [], []
    for line, row in enumerate(rows[1:], start=2):
        if not row:
            continue
        try:
            values = [float(row[index]) for index in wanted]
        except (ValueError, IndexError) as error:
            raise InputError(f"{path}, line {line}: not a row of numbers ({error}); export the CSV again") from error
        if not np.isfinite(values).all():
            raise InputError(f"{path}, line {line}: holds a value that is not finite; export the CSV again")
        if np.abs(values).max() > LARGEST or not 0 <= values[1] <= 1:
            raise InputError(
                f"{path}, line {line}: expected a confidence of 0 to 1 and numbers up to {LARGEST:,}; "
                "export the CSV again"
            )
        lines.append(line)
        table.append(values)
    if not table:
        raise InputError(f"{path} has no rows; give the CSV of the whole video")
    return np.array(lines), np.array(table)


def to_track(path: Path, lines: np.ndarray, table: np.ndarray) -> FaceTrack:
    """One row a frame: a success before a failure, and of several the face with the greatest weight in the video.

    table (N, columns): COLUMNS, then the face's number if the file has it.
    """
    frames, confidence, success = table[:, 0], table[:, 1], table[:, 2] > 0
    points = table[:, 3 : len(COLUMNS)].reshape(-1, 2, NUM_LANDMARKS).transpose(0, 2, 1)  # (N, 68, 2)
    size = np.ptp(points, axis=1).max(-1)
    success &= size > 0
    _, face = np.unique(table[:, len(COLUMNS) :].sum(1), return_inverse=True)
    weight = np.bincount(face, weights=size * confidence * success)[face]

    order = np.lexsort((-weight, ~success, frames))
    chosen = order[np.unique(frames[order], return_index=True)[1]]
    wrong = np.flatnonzero(frames[chosen] != np.arange(1, len(chosen) + 1))
    if len(wrong):
        line, frame = lines[chosen[wrong[0]]], wrong[0] + 1
        raise InputError(f"{path}, line {line}: expected frame {frame}; export the CSV of the whole video again")
    return FaceTrack(points[chosen].astype(np.float32), confidence[chosen].astype(np.float32), success[chosen])
