"""How close a generated mouth is to the true one."""

import numpy as np
import torch
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from evaluation.pairs import Pair, lip_opening
from face.geometry import mouth_box

MOUTH_SIZE = 256  # of the 416 x 320 crop
MOUTH_LANDMARKS = slice(48, 68)


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
    """PSNR and SSIM of one frame's crops (416, 320, 3) uint8."""
    rows, columns = mouth_box(MOUTH_SIZE)
    scores = {}
    for name, part in (("mouth", (rows, columns)), ("crop", (slice(None), slice(None)))):
        ours, theirs = (to_tensor(image[part]) for image in (generated, reference))
        scores[f"{name}_psnr"] = peak_signal_noise_ratio(ours, theirs, data_range=1.0).item()
        scores[f"{name}_ssim"] = structural_similarity_index_measure(ours, theirs, data_range=1.0).item()
    return scores


def to_tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() / 255


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's r; 0 where one of the curves does not move."""
    if a.std() < 1e-6 or b.std() < 1e-6:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
