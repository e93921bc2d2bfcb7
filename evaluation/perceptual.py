"""LPIPS and FID of crops, where their weights are at hand: nothing is downloaded behind the user's back.

torchmetrics computes both. The weights lie where PyTorch's own download would put them.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from evaluation.pairs import Pair

WEIGHTS = {
    "lpips": ("alexnet-owt-7be5be79.pth", "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth"),
    "fid": (
        "weights-inception-2015-12-05-6726825d.pth",
        "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
    ),
}
BATCH = 16


def missing_weights(metric: str) -> str | None:
    """What to do to have the metric, or None where its weights are at hand."""
    name, url = WEIGHTS[metric]
    path = Path(torch.hub.get_dir()) / "checkpoints" / name
    return None if path.is_file() else f"{metric} left out: put {url} at {path}"


@torch.inference_mode()
def perceptual_scores(pairs: Sequence[Pair], metrics: Sequence[str]) -> dict[str, float]:
    """lpips (AlexNet, arXiv 1801.03924), mean over frames, and fid (arXiv 1706.08500), over all crops of all videos."""
    meters = {name: make_meter(name) for name in metrics}
    for pair in pairs:
        for generated, reference in batches(pair):
            if "lpips" in meters:
                meters["lpips"].update(generated.float() / 255, reference.float() / 255)
            if "fid" in meters:
                meters["fid"].update(generated, real=False)
                meters["fid"].update(reference, real=True)
    return {name: float(meter.compute()) for name, meter in meters.items()}


def make_meter(name: str):
    if name == "lpips":
        from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

        return LearnedPerceptualImagePatchSimilarity(net_type="alex", normalize=True)
    from torchmetrics.image.fid import FrechetInceptionDistance

    return FrechetInceptionDistance()


def batches(pair: Pair):
    """Generated and reference crops as RGB uint8 (B, 3, 416, 320)."""
    waiting: list[np.ndarray] = []
    for crops in pair.crops():
        waiting.append(np.stack(crops))
        if len(waiting) == BATCH:
            yield to_tensors(waiting)
            waiting = []
    if waiting:
        yield to_tensors(waiting)


def to_tensors(crops: list[np.ndarray]) -> tuple[Tensor, ...]:
    stacked = np.stack(crops, axis=1)[..., ::-1]  # (2, B, h, w, 3)
    return tuple(torch.from_numpy(np.ascontiguousarray(side.transpose(0, 3, 1, 2))) for side in stacked)
