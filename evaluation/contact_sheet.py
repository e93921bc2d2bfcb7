"""A picture to judge a result by: rows of source, generated and true faces, one column a moment."""

from pathlib import Path

import cv2
import numpy as np

from face.alignment import crop_face
from media.files import atomic_write
from media.video import VideoInfo, read_chosen_frames

COLUMNS = 8
LABEL_HEIGHT = 34


def write_contact_sheet(path: Path, rows: dict[str, tuple[VideoInfo, np.ndarray]], matrices: np.ndarray) -> None:
    """Write a PNG: a row for every label of `rows`, COLUMNS moments spread evenly over N.

    A row is a video and the numbers (N,) of its frames at the N moments. matrices (N, 3, 3) are the moments'
    video_to_crop. They cut every row, so that rows can be compared point for point.
    """
    chosen = np.unique(np.linspace(0, len(matrices) - 1, COLUMNS).round().astype(int))
    faces = {label: crops(info, numbers[chosen], matrices[chosen]) for label, (info, numbers) in rows.items()}
    sheet = np.vstack([labelled_row(label, row) for label, row in faces.items()])
    encoded, data = cv2.imencode(".png", sheet)
    if not encoded:
        raise OSError(f"{path}: the picture could not be encoded")
    with atomic_write(path) as temporary:
        temporary.write_bytes(data.tobytes())


def crops(info: VideoInfo, numbers: np.ndarray, matrices: np.ndarray) -> list[np.ndarray]:
    """Crops of a video's frames of these numbers (n,), in any order, each cut by its matrix."""
    order = np.argsort(numbers)
    frames = read_chosen_frames(info, numbers[order].tolist())
    cut = {index: crop_face(frame, matrices[index]) for index, frame in zip(order, frames, strict=True)}
    return [cut[index] for index in range(len(numbers))]


def labelled_row(label: str, faces: list[np.ndarray]) -> np.ndarray:
    row = np.hstack(faces)
    strip = np.full((LABEL_HEIGHT, row.shape[1], 3), 255, np.uint8)
    cv2.putText(strip, label, (8, LABEL_HEIGHT - 10), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (0, 0, 0), 2, cv2.LINE_AA)
    return np.vstack((strip, row))
