"""The two halves of a generator as modules that take and give tensors alone."""

import torch
from torch import Tensor, nn

from config.constants import NUM_REFERENCES, WINDOW_FRAMES
from face.geometry import crop_size
from face.masks import source_mask
from models.dinet import ReferenceFeatures
from models.spec import NetworkSpec


class ReferenceHalf(nn.Module):
    """reference (1, 15, h, w), five RGB crops in [0, 1] -> encoded, appearance (1, C, h / 4, w / 4)."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, reference: Tensor) -> tuple[Tensor, Tensor]:
        return tuple(self.network.encode_reference(reference))


class FrameHalf(nn.Module):
    """source (B, 3, h, w), whole RGB crops in [0, 1], and audio (B, dim, 5) -> faces (B, 3, h, w) in [0, 1]."""

    def __init__(self, network: nn.Module, spec: NetworkSpec):
        super().__init__()
        self.network = network
        self.register_buffer("mask", torch.from_numpy(source_mask(spec.mask, spec.mouth_size)))

    def forward(self, source: Tensor, encoded: Tensor, appearance: Tensor, audio: Tensor) -> Tensor:
        return self.network.generate(source * self.mask, ReferenceFeatures(encoded, appearance), audio)


def reference_example(spec: NetworkSpec, rng: torch.Generator) -> Tensor:
    return torch.rand(1, 3 * NUM_REFERENCES, *crop_size(spec.mouth_size), generator=rng)


def frame_example(spec: NetworkSpec, batch: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Crops and audio windows of a batch."""
    crops = torch.rand(batch, 3, *crop_size(spec.mouth_size), generator=rng)
    return crops, torch.randn(batch, spec.arguments["audio_channel"], WINDOW_FRAMES, generator=rng)
