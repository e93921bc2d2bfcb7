"""Batches of frames as the networks take them."""

import torch.nn.functional as F
from torch import Tensor


def to_unit(images: Tensor) -> Tensor:
    """uint8 (..., H, W, 3) to float32 (..., 3, H, W) in [0, 1]."""
    return images.movedim(-1, -3).float() / 255


def fold_frames(clip: Tensor) -> Tensor:
    """(B, T, 3, H, W) -> (B, 3 T, H, W), as clip discriminators and SyncNet take it."""
    return clip.flatten(1, 2)


def high_pass(images: Tensor, size: int) -> Tensor:
    """(N, C, H, W) less their mean over size x size pixels, an odd number: what is fine in them."""
    return images - F.avg_pool2d(images, size, 1, size // 2, count_include_pad=False)
