"""How close a generated mouth is to the true one."""

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from evaluation.pairs import Pair
from face.geometry import mouth_box
from face.lips import lip_opening

MOUTH_SIZE = 256  # of the 416 x 320 crop
MOUTH_LANDMARKS = slice(48, 68)
IDENTICAL_PSNR = 100.0  # dB, instead of infinity for identical pictures


def score_pair(pair: Pair) -> dict[str, float]:
    """Scores by name; larger is better but for LMD.

    mouth_psnr (dB) and mouth_ssim of the 256 x 256 mouth box, crop_psnr and crop_ssim of the whole crop, means over
    frames; lmd: mean distance of the 20 mouth landmarks in crop pixels; lip_correlation: Pearson's r of the two lip
    opening curves; frames: how many were scored.
    """
    images = [image_scores(generated, reference) for generated, reference in pair.crops()]
    scores = {name: float(np.mean([row[name] for row in images])) for name in images[0]}
    distances = np.linalg.norm(pair.generated[:, MOUTH_LANDMARKS] - pair.reference[:, MOUTH_LANDMARKS], axis=-1)
    scores["lmd"] = float(distances.mean())
    scores["lip_correlation"] = correlation(lip_opening(pair.generated), lip_opening(pair.reference))
    scores["frames"] = float(len(pair.frames))
    return scores


def image_scores(generated: np.ndarray, reference: np.ndarray) -> dict[str, float]:
    """PSNR and SSIM (Gaussian window, sigma 1.5, as in its paper) of one frame's crops (416, 320, 3) uint8."""
    rows, columns = mouth_box(MOUTH_SIZE)
    scores = {}
    for name, part in (("mouth", (rows, columns)), ("crop", (slice(None), slice(None)))):
        ours, theirs = generated[part], reference[part]
        psnr = IDENTICAL_PSNR if (ours == theirs).all() else peak_signal_noise_ratio(theirs, ours)
        scores[f"{name}_psnr"] = float(psnr)
        scores[f"{name}_ssim"] = float(
            structural_similarity(
                theirs, ours, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
            )
        )
    return scores


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's r; 0 where one of the curves does not move."""
    if a.std() < 1e-6 or b.std() < 1e-6:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
