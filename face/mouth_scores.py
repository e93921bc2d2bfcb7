"""How a generated mouth differs from the true one in what people see: texture, opening, jitter, and what it obeys.

Of landmarks and crops alone, with NumPy and OpenCV, so that training may choose checkpoints by them. What cannot be
measured is NaN.
"""

import cv2
import numpy as np

from config.constants import CROP_WIDTH
from face.lips import INNER_LIPS, MOUTH_LANDMARKS

# Pixels of the 320-wide crop; smaller crops scale them.
TEXTURE_SIGMA = 3.0  # of the high pass: edges of teeth and of the tongue stay, shadows go
LIP_MARGIN = 2.0  # left out along the lips, where landmarks are off by as much
LEAST_INNER = 150.0  # square pixels inside that margin from which a mouth shows something
LEAST_SPREAD = 1e-6  # of a curve, below which it does not move


def texture_ratio(generated: np.ndarray, true: np.ndarray) -> float:
    """High-frequency energy inside the lips, generated over true, from texture_energy (T,) of both: 1 is as sharp.

    Below 1 is soft, above 1 is noise or an edge that the truth has not: lips that the generated mouth shows where the
    true one is open count too. Close to people's votes (Spearman 0.88: RGOR, 2026, for the inner mouth's texture).
    """
    known = np.isfinite(generated) & np.isfinite(true)
    total = true[known].sum()
    return float(generated[known].sum() / total) if total > 0 else float("nan")


def texture_energy(crops: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Mean square (T,) of the brightness inside the inner lips less its Gaussian mean, in squared grey levels.

    crops (T, h, w, 3) uint8 BGR or RGB; landmarks (T, 68, 2) in their pixels: the truth's, for both sides, so that both
    are looked at in the same place. The mean is taken over pixels inside the lips alone, so the lips' own edge adds
    nothing. NaN for a mouth that is nearly closed.
    """
    scale = crops.shape[2] / CROP_WIDTH
    return np.array([frame_energy(*both, scale) for both in zip(crops, landmarks, strict=True)])


def frame_energy(crop: np.ndarray, landmarks: np.ndarray, scale: float) -> float:
    inside = inner_mouth(crop.shape[:2], landmarks, LIP_MARGIN * scale)
    area = inside.sum()
    if area < LEAST_INNER * scale**2:
        return float("nan")
    grey = crop.astype(np.float32).mean(2)
    sigma = TEXTURE_SIGMA * scale
    mean = cv2.GaussianBlur(grey * inside, (0, 0), sigma) / np.maximum(cv2.GaussianBlur(inside, (0, 0), sigma), 1e-6)
    return float(((grey - mean) ** 2 * inside).sum() / area)


def inner_mouth(size: tuple[int, int], landmarks: np.ndarray, margin: float) -> np.ndarray:
    """1 inside the inner lips of landmarks (68, 2), `margin` pixels from them or more, else 0: (h, w) float32."""
    bits = 4  # of a pixel's fraction
    filled = np.zeros(size, np.uint8)
    cv2.fillPoly(filled, [np.round(landmarks[INNER_LIPS] * 2**bits).astype(np.int32)], 1, shift=bits)
    return (cv2.distanceTransform(filled, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) > margin).astype(np.float32)


def open_area_ratio(generated: np.ndarray, true: np.ndarray) -> float:
    """Area inside the inner lips over all frames, generated over true, of landmarks (T, 68, 2) in crop pixels."""
    total = inner_area(true).sum()
    return float(inner_area(generated).sum() / total) if total > 0 else float("nan")


def inner_area(landmarks: np.ndarray) -> np.ndarray:
    """Area (T,) of the inner lips' polygon of landmarks (T, 68, 2), 0 where the lower lip is above the upper one."""
    x, y = np.moveaxis(landmarks[:, INNER_LIPS].astype(np.float64), -1, 0)
    doubled = (x * np.roll(y, -1, 1) - y * np.roll(x, -1, 1)).sum(1)
    return np.maximum(doubled / 2, 0)


def opening_gain(generated: np.ndarray, true: np.ndarray) -> float:
    """Slope of the generated lip opening (T,) on the true one: 1 is right, below 1 opens too little.

    Ordinary least squares, r * spread of the generated / spread of the true: what the mouth opens more when it should
    open by a pixel more. A mouth that moves as much but at other times has a gain near 0, which the ratio of spreads
    would call 1. Noise in the truth's landmarks lowers it, by its share of the variance of what is measured (at most
    0.02 to 0.04 in speech, by third differences in time); noise in the generated ones does not.
    """
    known = np.isfinite(generated) & np.isfinite(true)
    ours, theirs = generated[known], true[known]
    if len(ours) < 2 or theirs.std() < LEAST_SPREAD:
        return float("nan")
    return float(np.cov(theirs, ours, bias=True)[0, 1] / theirs.var())


def jitter(generated: np.ndarray, true: np.ndarray, frames: np.ndarray) -> float:
    """Second difference of the mouth landmarks over time, its mean length, generated over true: above 1 trembles.

    landmarks (T, 68, 2) in crop pixels of frames number (T,), ascending; only three in a row count.
    """
    in_a_row = frames[2:] - frames[:-2] == 2
    ours, theirs = (np.diff(points[:, MOUTH_LANDMARKS], 2, axis=0)[in_a_row] for points in (generated, true))
    total = np.linalg.norm(theirs, axis=-1).sum()
    return float(np.linalg.norm(ours, axis=-1).sum() / total) if total > 0 else float("nan")


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's r of two curves (T,); 0 where one of them does not move."""
    if len(a) < 2 or a.std() < LEAST_SPREAD or b.std() < LEAST_SPREAD:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def partial_correlation(a: np.ndarray, b: np.ndarray, given: np.ndarray) -> float:
    """Pearson's r of what is left of a (T,) and b (T,) when the straight line on `given` (T,) is taken from both.

    0 where nothing is left of one of them.
    """
    design = np.stack((np.ones(len(given)), given), 1)
    left = [curve - design @ np.linalg.lstsq(design, curve, rcond=None)[0] for curve in (a, b)]
    return correlation(*left)
