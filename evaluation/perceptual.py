"""LPIPS, DISTS and FID of crops, where their weights are at hand: nothing is downloaded behind the user's back.

torchmetrics computes them; what LPIPS and DISTS add to AlexNet and VGG16 lies in its package. The weights lie where
PyTorch's own download would put them.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from config.errors import InputError
from evaluation.pairs import Pair

if TYPE_CHECKING:  # the import takes seconds, and most runs have no use for it
    from torchmetrics import Metric

WEIGHTS = {
    "lpips": ("alexnet-owt-7be5be79.pth", "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth"),
    "dists": ("vgg16-397923af.pth", "https://download.pytorch.org/models/vgg16-397923af.pth"),
    "fid": (
        "weights-inception-2015-12-05-6726825d.pth",
        "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
    ),
}
BATCH = 16


def missing_weights(metric: str) -> str | None:
    """What to do to have the metric, or None where its weights are at hand."""
    path = weights_path(metric)
    return None if path.is_file() else f"{metric} left out: put {WEIGHTS[metric][1]} at {path}"


def weights_path(metric: str) -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints" / WEIGHTS[metric][0]


def make_meters(metrics: Sequence[str]) -> "dict[str, Metric | DistsMeter]":
    """The meters of lpips, dists and fid. Raises InputError for weights that are damaged."""
    meters = {}
    for name in metrics:
        try:
            meters[name] = make_meter(name)
        except Exception as error:  # damaged weights raise almost anything
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise InputError(
                f"--metrics: {name} cannot use {weights_path(name)} ({reason}); download that file again"
            ) from error
    return meters


@torch.inference_mode()
def perceptual_scores(pairs: Sequence[Pair], meters: "dict[str, Metric | DistsMeter]") -> dict[str, float]:
    """lpips (AlexNet, arXiv 1801.03924) and dists (VGG16, arXiv 2004.07728), means over frames, and fid (arXiv
    1706.08500), over all crops of all videos.

    fid is left out where there is but one frame: it compares two distributions.
    """
    if "fid" in meters and sum(len(pair.frames) for pair in pairs) < 2:
        print("fid left out: it needs two frames or more")
        meters = {name: meter for name, meter in meters.items() if name != "fid"}
    for pair in pairs:
        for generated, reference in batches(pair):
            for name in meters.keys() & {"lpips", "dists"}:
                meters[name].update(generated.float() / 255, reference.float() / 255)
            if "fid" in meters:
                meters["fid"].update(generated, real=False)
                meters["fid"].update(reference, real=True)
    return {name: float(meter.compute()) for name, meter in meters.items()}


class DistsMeter:
    """The mean DISTS of images. torchmetrics' own meter reads VGG16's half gigabyte anew for every batch."""

    def __init__(self):
        from torchmetrics.functional.image.dists import DISTSNetwork

        self.network, self.scores = DISTSNetwork(), []

    def update(self, generated: Tensor, reference: Tensor) -> None:
        """RGB in [0, 1], (B, 3, H, W)."""
        self.scores.append(self.network(generated, reference).reshape(-1))

    def compute(self) -> Tensor:
        return torch.cat(self.scores).mean()


def make_meter(name: str) -> "Metric | DistsMeter":
    if name == "lpips":
        from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

        return LearnedPerceptualImagePatchSimilarity(net_type="alex", normalize=True)
    if name == "dists":
        return DistsMeter()
    from torchmetrics.image.fid import FrechetInceptionDistance

    return FrechetInceptionDistance()


def batches(pair: Pair) -> Iterator[tuple[Tensor, ...]]:
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
