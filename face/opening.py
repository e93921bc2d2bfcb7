"""Opens or closes a mouth in a picture by moving the lips."""

import cv2
import numpy as np

from face.alignment import transform
from face.geometry import STORED_MOUTH, mouth_box

NOSE, CHIN = 33, 8  # landmarks: below the nose, and the lowest of the jaw
UPPER_CURVE, LOWER_CURVE = [60, 61, 62, 63, 64], [60, 67, 66, 65, 64]  # inner lips from corner to corner
# Of a change of the opening: what the upper lip makes, and what the lower one does; the chin goes along in part.
UPPER_SHARE, LOWER_SHARE, CHIN_SHARE = 0.2, 0.8, 0.6
MOST_ROOM = 0.6  # of what is between the upper lip and the nose, or the chin and the box's lower edge, to move by
STORED_BOX = mouth_box(STORED_MOUTH)  # rows and columns of the stored crop


def scale_opening(frame: np.ndarray, landmarks: np.ndarray, video_to_crop: np.ndarray, strength: float) -> np.ndarray:
    """A copy of `frame` (H, W, 3) whose mouth is open `strength` times as far, 0 being closed.

    landmarks (68, 2) in pixels of the frame; video_to_crop (3, 3) maps them to the stored crop, where the face is
    upright. What lies between the lips is stretched, what is above and below gives way, up to the nose and the lower
    edge of the mouth box; pixels that do not move stay what they were, bit for bit.
    """
    crop_to_video = np.linalg.inv(video_to_crop)
    rows, columns = STORED_BOX
    corners = np.array([[x, y] for x in (columns.start, columns.stop) for y in (rows.start, rows.stop)], np.float64)
    corners = transform(corners, crop_to_video)
    left, top = np.maximum(np.floor(corners.min(0)).astype(int), 0)
    right, bottom = np.minimum(np.ceil(corners.max(0)).astype(int) + 1, frame.shape[1::-1])
    result = frame.copy()
    if right <= left or bottom <= top:
        return result
    places = np.stack(np.meshgrid(np.arange(left, right), np.arange(top, bottom)), -1).astype(np.float64)
    upright = transform(places, video_to_crop)
    shift = source_rows(upright, transform(landmarks.astype(np.float64), video_to_crop), strength) - upright[..., 1]
    moved = np.abs(shift) > 1e-3
    sources = (places + shift[..., None] * crop_to_video[:2, 1]).astype(np.float32)
    warped = cv2.remap(frame, sources, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    result[top:bottom, left:right][moved] = warped[moved]
    return result


def source_rows(places: np.ndarray, landmarks: np.ndarray, strength: float) -> np.ndarray:
    """Rows (h, w) of an upright face that appear at `places` (h, w, 2). landmarks (68, 2) in the same pixels."""
    x, y = places[..., 0], places[..., 1]
    upper, lower = (np.interp(x, *landmarks[curve].T) for curve in (UPPER_CURVE, LOWER_CURVE))
    top, bottom = landmarks[NOSE, 1], float(STORED_BOX[0].stop)
    chin = np.clip(landmarks[CHIN, 1], None, bottom - 1)
    room = MOST_ROOM * min((upper.min() - top) / UPPER_SHARE, (bottom - chin) / CHIN_SHARE)
    change = (strength - 1) * np.clip(lower - upper, 0, None)
    change *= min(1, max(room, 0) / max(np.abs(change).max(), 1e-6))
    # Rows of the face as it is, and as it will be; between them it is stretched evenly.
    before = [top, upper, lower, chin, bottom]
    moves = [0, -UPPER_SHARE * change, LOWER_SHARE * change, CHIN_SHARE * change, 0]
    after = [row + move for row, move in zip(before, moves, strict=True)]
    rows = y.copy()
    for k in range(len(before) - 1):
        share = (y - after[k]) / np.maximum(after[k + 1] - after[k], 1e-6)
        inside = (y > after[k]) & (y <= after[k + 1]) & (change != 0)
        rows = np.where(inside, before[k] + share * (before[k + 1] - before[k]), rows)
    return rows
