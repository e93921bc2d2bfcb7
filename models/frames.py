"""Batches of frames as the networks take them."""

from torch import Tensor


def to_unit(images: Tensor) -> Tensor:
    """uint8 (..., H, W, 3) to float32 (..., 3, H, W) in [0, 1]."""
    return images.movedim(-1, -3).float() / 255


def fold_frames(clip: Tensor) -> Tensor:
    """(B, T, 3, H, W) -> (B, 3 T, H, W), as clip discriminators and SyncNet take it."""
    return clip.flatten(1, 2)
