"""Takes the jitter out of landmark tracks without flattening speech.

Every frame is split into pose (the similarity that takes the track's mean shape to it) and shape (what is left). Pose
and shape are filtered over time with Savitzky-Golay filters, which follow motion without lag; the mouth, whose
closures last two or three frames, with a short one. Where a filter moves the points by more than the landmarker's
noise, the motion is real (a nod, a lip closure of one frame) and the filter gives way.
"""

from dataclasses import replace

import numpy as np

from face.alignment import RIGID_INDEX, similarity, transform
from face.lips import MOUTH_LANDMARKS
from face.openface_csv import FaceTrack

MAX_GAP = 5  # frames without a face that are bridged by interpolation
POSE_WINDOW, MOUTH_WINDOW, ORDER = 9, 5, 2  # frames, frames, degree of the local polynomial
# Shift by a filter, in face sizes, at which half of it is kept. Measured shifts of a still face: 0.004 and 0.002.
POSE_LIMIT, MOUTH_LIMIT = 0.01, 0.005


def smooth_track(track: FaceTrack) -> FaceTrack:
    """The track with smoothed landmarks; one that is smoothed already comes back as it is."""
    if track.smoothed:
        return track
    return replace(track, landmarks=smooth_landmarks(track.landmarks, track.success), smoothed=True)


def smooth_landmarks(landmarks: np.ndarray, found: np.ndarray) -> np.ndarray:
    """landmarks (T, 68, 2) and found (T,) -> smoothed landmarks, the same shape, float32.

    Gaps of up to MAX_GAP frames are filled by interpolation, though their frames remain not found; longer gaps
    separate stretches that are smoothed by themselves, and keep the values they had.
    """
    result = landmarks.astype(np.float32)
    for start, stop in stretches(found):
        seen = np.flatnonzero(found[start:stop])
        filled = fill(landmarks[start:stop].astype(np.float64), seen)
        result[start:stop] = smooth_stretch(filled)
    return result


def stretches(found: np.ndarray) -> list[tuple[int, int]]:
    """Ranges of frames that begin and end with a face and have no gap longer than MAX_GAP."""
    numbers = np.flatnonzero(found)
    if not len(numbers):
        return []
    breaks = np.flatnonzero(np.diff(numbers) > MAX_GAP + 1)
    starts = numbers[np.r_[0, breaks + 1]]
    ends = numbers[np.r_[breaks, len(numbers) - 1]]
    return [(int(start), int(end) + 1) for start, end in zip(starts, ends, strict=True)]


def fill(track: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Linear interpolation over the frames that were not seen; track (T, 68, 2)."""
    flat = track.reshape(len(track), -1)
    every = np.arange(len(track))
    return np.stack([np.interp(every, seen, column[seen]) for column in flat.T], axis=1).reshape(track.shape)


def smooth_stretch(track: np.ndarray) -> np.ndarray:
    """track (T, 68, 2), no gaps."""
    mean_shape = track.mean(0)
    face_size = np.ptp(mean_shape, axis=0).max()
    poses = np.stack([similarity(mean_shape[RIGID_INDEX], points[RIGID_INDEX]) for points in track])
    shapes = np.stack([transform(p, np.linalg.inv(m)) for p, m in zip(track, poses, strict=True)])

    smooth_poses = filtered(poses, POSE_WINDOW)
    raw, smooth = (np.stack([transform(mean_shape[RIGID_INDEX], m) for m in ms]) for ms in (poses, smooth_poses))
    keep = share_kept(raw, smooth, POSE_LIMIT * face_size)
    poses += (smooth_poses - poses) * keep

    mouths = shapes[:, MOUTH_LANDMARKS].copy()
    smooth_mouths = filtered(mouths, MOUTH_WINDOW)
    keep = share_kept(mouths, smooth_mouths, MOUTH_LIMIT * face_size)
    shapes = filtered(shapes, POSE_WINDOW)
    shapes[:, MOUTH_LANDMARKS] = mouths + (smooth_mouths - mouths) * keep
    return np.stack([transform(p, m) for p, m in zip(shapes, poses, strict=True)])


def share_kept(raw: np.ndarray, smooth: np.ndarray, limit: float) -> np.ndarray:
    """How much of a filter's shift each frame keeps (T, 1, 1): all of a small one, half at `limit` pixels, less beyond.

    raw and smooth are points (T, N, 2).
    """
    shift_squared = ((smooth - raw) ** 2).sum(-1).mean(-1)
    return (limit**2 / (limit**2 + shift_squared))[:, None, None]


def filtered(values: np.ndarray, window: int) -> np.ndarray:
    """Filter along the first axis; tracks shorter than the window come back unchanged."""
    if len(values) < window:
        return values.copy()
    from scipy.signal import savgol_filter  # 0.7 s, which only what smooths need take

    return savgol_filter(values, window, ORDER, axis=0)
