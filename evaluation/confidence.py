"""How sure the best offset of a clip is, from the distances of its windows to the sound at every offset."""

import numpy as np

from config.constants import FPS, MAX_OFFSET

NUM_OFFSETS = 2 * MAX_OFFSET + 1
PEAK = 3  # frames around the best offset within which sound is not out of step


def relative_distances(distances: np.ndarray) -> np.ndarray:
    """(W, 31) less every window's own mean, so that a window that fits no sound, or every sound, says nothing."""
    known = np.isfinite(distances)
    means = np.where(known, distances, 0).sum(1) / np.maximum(known.sum(1), 1)
    return distances - means[:, None]


def mean_curve(distances: np.ndarray) -> np.ndarray:
    """(31,) mean over windows of relative distances (W, 31), infinite where less than half of the windows have one."""
    known = np.isfinite(distances)
    counts = known.sum(0)
    enough = 2 * counts >= max(1, counts.max())
    return np.where(enough, np.where(known, distances, 0).sum(0) / np.maximum(counts, 1), np.inf)


def depth(distances: np.ndarray) -> float:
    """LSE-C: by how much the least mean distance is below the median of all, from relative distances (W, 31)."""
    curve = mean_curve(distances)
    return float(np.median(curve[np.isfinite(curve)]) - curve.min())


def standard_depth(distances: np.ndarray) -> float:
    """The depth in spreads of a single window's distances out of step, times the root of the seconds.

    The spread of a mean falls with that root, so that clips out of step have one distribution of it, whatever their
    length and whatever the scale of the judge's distances.
    """
    best = int(mean_curve(distances).argmin())
    others = distances[:, abs(np.arange(NUM_OFFSETS) - best) > PEAK]
    others = others[np.isfinite(others)]
    if not len(others):
        return 0.0
    seconds = np.isfinite(distances).any(1).sum() / FPS
    return depth(distances) / max(float(np.sqrt((others**2).mean())), 1e-9) * float(np.sqrt(seconds))
