"""How close a generated mouth is to the true one: pixels, landmarks, lip opening over time."""

from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from evaluation.pairs import Pair
from face.geometry import mouth_box
from face.lips import MOUTH_LANDMARKS, lip_opening
from face.mouth_scores import correlation, jitter, open_area_ratio, opening_gain, texture_energy, texture_ratio

MOUTH = mouth_box(256)  # of the 416 x 320 crop
IDENTICAL_PSNR = 100.0  # dB, instead of infinity for identical pictures
GROUP = 16  # frames in memory at a time
MAX_LAG = 10  # frames, either way


def image_scores(pair: Pair) -> dict[str, float]:
    """Means over frames of PSNR (dB) and SSIM of the 256 x 256 mouth box and of the whole crop, and two ratios.

    mouth_motion is the mean change of the mouth's pixels from frame to frame, over the truth's: 1 is as lively as the
    truth, more is flicker, less is a mouth that moves too little. texture_ratio: see face/mouth_scores.py.
    """
    rows, changes, energies, before = [], [], [], None
    crops = pair.crops()
    with ThreadPoolExecutor() as threads:
        while group := list(islice(crops, GROUP)):
            landmarks = pair.reference[len(rows) : len(rows) + len(group)]
            rows += threads.map(lambda both: frame_scores(*both), group)
            energies.append([texture_energy(np.stack(side), landmarks) for side in zip(*group, strict=True)])
            for generated, reference in group:
                mouths = np.stack([generated[MOUTH], reference[MOUTH]]).astype(np.int16)
                if before is not None:
                    changes.append(np.abs(mouths - before).mean((1, 2, 3)))
                before = mouths
    scores = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    ours, theirs = np.mean(changes, axis=0) if changes else (0.0, 0.0)
    scores["mouth_motion"] = float(ours / theirs) if theirs else 1.0
    return {**scores, "texture_ratio": texture_ratio(*np.concatenate(energies, axis=1))}


def frame_scores(generated: np.ndarray, reference: np.ndarray) -> dict[str, float]:
    """PSNR and SSIM (Gaussian window, sigma 1.5, as in its paper) of one frame's crops (416, 320, 3) uint8.

    The mouth's SSIM is the mean of the crop's map inside the mouth box.
    """
    ours, theirs = generated.astype(np.float32), reference.astype(np.float32)
    crop_ssim, similarity = structural_similarity(
        theirs,
        ours,
        data_range=255,
        channel_axis=2,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    scores = {"mouth_ssim": float(similarity[MOUTH].mean()), "crop_ssim": float(crop_ssim)}
    for name, part in (("mouth", MOUTH), ("crop", (slice(None), slice(None)))):
        same = (generated[part] == reference[part]).all()
        psnr = IDENTICAL_PSNR if same else peak_signal_noise_ratio(theirs[part], ours[part], data_range=255)
        scores[f"{name}_psnr"] = float(psnr)
    return scores


def landmark_scores(pair: Pair) -> dict[str, float]:
    """lmd: mean distance of the 20 mouth landmarks in pixels of the 416 x 320 crop. Of the two curves of lip opening:
    lip_correlation, Pearson's r; lip_lag, the shift in frames with the largest r (positive: the result comes late).
    open_area_ratio, opening_gain, jitter: see face/mouth_scores.py; NaN where the true mouth does not open or move."""
    distances = np.linalg.norm(pair.generated[:, MOUTH_LANDMARKS] - pair.reference[:, MOUTH_LANDMARKS], axis=-1)
    ours, theirs = lip_opening(pair.generated), lip_opening(pair.reference)
    return {
        "lmd": float(distances.mean()),
        "lip_correlation": correlation(ours, theirs),
        "lip_lag": float(best_lag(ours, theirs)),
        "open_area_ratio": open_area_ratio(pair.generated, pair.reference),
        "opening_gain": opening_gain(ours, theirs),
        "jitter": jitter(pair.generated, pair.reference, pair.frames),
    }


def best_lag(ours: np.ndarray, theirs: np.ndarray) -> int:
    """Frames by which `ours` (T,) follows `theirs` (T,), at most MAX_LAG and a quarter of the length."""
    most = min(MAX_LAG, len(ours) // 4)

    def at(lag: int) -> float:
        a, b = (ours[lag:], theirs[: len(theirs) - lag]) if lag >= 0 else (ours[:lag], theirs[-lag:])
        return correlation(a, b)

    return max(range(-most, most + 1), key=lambda lag: (round(at(lag), 9), -abs(lag)))
