"""A picture to judge a result by: rows of source, generated and true faces, one column a moment."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from face.alignment import crop_face
from media.files import atomic_write
from media.video import read_frames

COLUMNS = 8
LABEL_HEIGHT = 34


def write_contact_sheet(path: Path, rows: dict[str, Path], frames: np.ndarray, matrices: np.ndarray) -> None:
    """Write a PNG: a row for every label and video of `rows`, COLUMNS moments spread evenly over `frames` (N,).

    matrices (N, 3, 3) are the video_to_crop of `frames`. They cut every row, so that rows can be compared point for
    point.
    """
    chosen = np.unique(np.linspace(0, len(frames) - 1, COLUMNS).round().astype(int))
    moments = {int(frames[index]): matrices[index] for index in chosen}
    sheet = np.vstack([labelled_row(label, faces(video, moments)) for label, video in rows.items()])
    encoded, data = cv2.imencode(".png", sheet)
    if not encoded:
        raise OSError(f"{path}: the picture could not be encoded")
    with atomic_write(path) as temporary:
        temporary.write_bytes(data.tobytes())


def faces(video: Path, moments: dict[int, np.ndarray]) -> Iterator[np.ndarray]:
    """Crops of a video at the moments, in order. A video that ends earlier goes on with its last frame."""
    waiting = dict(moments)
    frame = None
    for number, frame in enumerate(read_frames(video, stop=max(moments) + 1)):
        if number in waiting:
            yield crop_face(frame, waiting.pop(number))
    for matrix in waiting.values():
        yield crop_face(frame, matrix)


def labelled_row(label: str, crops: Iterator[np.ndarray]) -> np.ndarray:
    row = np.hstack(list(crops))
    strip = np.full((LABEL_HEIGHT, row.shape[1], 3), 255, np.uint8)
    cv2.putText(strip, label, (8, LABEL_HEIGHT - 10), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (0, 0, 0), 2, cv2.LINE_AA)
    return np.vstack((strip, row))
