"""Convolution blocks of DINet and LawDNet.

`norm=True` gives DINet's blocks with batch norm (arXiv 2303.03988); without it they are LawDNet's (arXiv 2409.09326).
Attribute names are those of the published state dicts.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CONV = {1: nn.Conv1d, 2: nn.Conv2d}
BATCH_NORM = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d}


class ConvBlock(nn.Module):
    """Convolution, batch norm if asked for, ReLU. `stride` 2 halves the size; `upsample` doubles it first (nearest)."""

    def __init__(
        self, dims: int, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, upsample: bool = False, norm=True
    ):
        super().__init__()
        self.conv = CONV[dims](inputs, outputs, kernel, stride=stride, padding=kernel // 2)
        self.norm = BATCH_NORM[dims](outputs) if norm else nn.Identity()
        self.upsample = upsample

    def forward(self, x: Tensor) -> Tensor:
        if self.upsample:
            x = F.interpolate(x, scale_factor=2)
        return F.relu(self.norm(self.conv(x)))


class PreNormResBlock(nn.Module):
    """DINet's residual block: norm, ReLU and convolution, twice."""

    def __init__(self, dims: int, channels: int):
        super().__init__()
        self.conv1 = CONV[dims](channels, channels, 3, padding=1)
        self.conv2 = CONV[dims](channels, channels, 3, padding=1)
        self.norm1 = BATCH_NORM[dims](channels)
        self.norm2 = BATCH_NORM[dims](channels)

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv1(F.relu(self.norm1(x)))
        return self.conv2(F.relu(self.norm2(out))) + x


class PlainResBlock(nn.Module):
    """LawDNet's residual block: convolution, ReLU, convolution.

    `unused_norms` holds two batch norms that the published state dict has and the published network never calls.
    """

    def __init__(self, dims: int, channels: int, unused_norms: bool = False):
        super().__init__()
        self.conv1 = CONV[dims](channels, channels, 3, padding=1)
        self.conv2 = CONV[dims](channels, channels, 3, padding=1)
        if unused_norms:
            self.norm1 = BATCH_NORM[dims](channels).requires_grad_(False)
            self.norm2 = BATCH_NORM[dims](channels).requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(F.relu(self.conv1(x))) + x


def image_encoder(inputs: int, base: int, norm: bool) -> nn.Sequential:
    """(B, inputs, H, W) -> (B, 4 * base, H / 4, W / 4)."""
    return nn.Sequential(
        ConvBlock(2, inputs, base, 7, norm=norm),
        ConvBlock(2, base, base * 2, 3, stride=2, norm=norm),
        ConvBlock(2, base * 2, base * 4, 3, stride=2, norm=norm),
    )


def alignment_encoder(base: int, norm: bool) -> nn.Sequential:
    """Source and reference features (B, 8 * base, h, w) -> (B, 2 * base, h / 16, w / 16)."""
    width = base * 2
    plan = [(3, 1), (11, 1), (11, 1), (3, 2), (7, 1), (7, 1), (3, 2), (3, 1), (3, 2), (3, 1), (3, 2)]
    inputs = [base * 8] + [width] * (len(plan) - 1)
    return nn.Sequential(
        *(ConvBlock(2, n, width, kernel, stride, norm=norm) for n, (kernel, stride) in zip(inputs, plan, strict=True))
    )


def audio_encoder(inputs: int, base: int, norm: bool) -> nn.Sequential:
    """(B, inputs, 5) -> (B, 2 * base, 2)."""
    width = base * 2

    def res_block() -> nn.Module:
        return PreNormResBlock(1, width) if norm else PlainResBlock(1, width, unused_norms=True)

    return nn.Sequential(
        ConvBlock(1, inputs, width, 5, norm=norm),
        res_block(),
        ConvBlock(1, width, width, 3, stride=2, norm=norm),
        res_block(),
        ConvBlock(1, width, width, 3, stride=2, norm=norm),
        ConvBlock(1, width, width, 3, norm=norm),
    )


def decoder(base: int, norm: bool) -> nn.Sequential:
    """(B, 8 * base, h, w) -> RGB in [0, 1] (B, 3, 4 h, 4 w)."""
    width = base * 2
    return nn.Sequential(
        ConvBlock(2, base * 8, width, 3, norm=norm),
        ConvBlock(2, width, width, 3, upsample=True, norm=norm),
        PreNormResBlock(2, width) if norm else PlainResBlock(2, width),
        ConvBlock(2, width, width, 3, upsample=True, norm=norm),
        nn.Conv2d(width, 3, 7, padding=3),
        nn.Sigmoid(),
    )


def match_batch(features: Tensor, batch: int) -> Tensor:
    """Repeat the features of one video's references over a batch of its frames, without copying."""
    return features if features.shape[0] == batch else features.expand(batch, *features.shape[1:])


def concat(*features: Tensor) -> Tensor:
    return torch.cat(features, dim=1)
