"""Reads off a picture of a mouth how far it is open, and how sharp it is, so that checkpoints are chosen by that."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from dataset.images import video_crops
from dataset.video import Video
from face.geometry import mouth_box
from models.frames import high_pass, to_unit

LIPS = (0.13, 0.83, 0.15, 0.85)  # top, bottom, left, right of the lips' part of the mouth box, in shares of it
GRID = (12, 16)  # rows and columns that the lips are reduced to
FRAMES, LEAST_FRAMES, ALL_FRAMES = 200, 40, 6000  # that a reader learns from: of a video, if there are many, in all
RIDGE = 0.1  # read off frames it has not seen, of three sample speakers and a woman, r is 0.97 to 0.98 with this
FINE = 5  # pixels, at mouth 64, of the mean that a high pass takes away


@dataclass(frozen=True)
class OpeningReader:
    """A ridge regression from the lips' pixels to the lip opening of one video, in standard deviations of it."""

    mean: Tensor  # (K,)
    weights: Tensor  # (K,)
    bias: float

    @classmethod
    def of(cls, video: Video, mouth_size: int, frames: int) -> "OpeningReader":
        """Learned from that many true frames of the video, whose lip_opening is known."""
        chosen = np.unique(np.linspace(0, len(video.paths) - 1, frames).astype(int))
        pixels = lip_pixels(to_unit(torch.from_numpy(video_crops(video, chosen, mouth_size)))).double()
        opening = torch.from_numpy(video.lip_opening[chosen].astype(np.float64))
        opening = (opening - video.lip_opening.mean()) / max(float(video.lip_opening.std()), 1e-3)
        mean, bias = pixels.mean(0), opening.mean()
        centred = pixels - mean
        gram = centred.T @ centred + RIDGE * torch.eye(centred.shape[1], dtype=torch.float64)
        return cls(mean, torch.linalg.solve(gram, centred.T @ (opening - bias)), bias.item())

    def read(self, pixels: Tensor) -> Tensor:
        """(N,) of lip_pixels (N, K)."""
        return (pixels.double() - self.mean) @ self.weights + self.bias


def opening_readers(videos: list[Video], mouth_size: int) -> list[OpeningReader] | None:
    """One for each video; None where the lip opening of any is not known."""
    if any(video.lip_opening is None for video in videos):
        return None
    frames = max(LEAST_FRAMES, min(FRAMES, ALL_FRAMES // len(videos)))
    return [OpeningReader.of(video, mouth_size, frames) for video in videos]


def lip_pixels(faces: Tensor) -> Tensor:
    """Brightness of the lips (N, K), much reduced, of face crops (N, 3, h, w) in [0, 1]."""
    return F.adaptive_avg_pool2d(lips(faces), GRID).flatten(1)


def texture(faces: Tensor) -> Tensor:
    """High-frequency energy (N,) around the lips of face crops (N, 3, h, w) in [0, 1]: of what a small mean lacks."""
    grey = lips(faces)
    size = max(1, round(grey.shape[-1] / 45 * FINE)) // 2 * 2 + 1
    return high_pass(grey, size).square().mean((1, 2, 3))


def lips(faces: Tensor) -> Tensor:
    """(N, 1, h, w) brightness of the lips' part of face crops (N, 3, H, W)."""
    size = faces.shape[-1] * 4 // 5
    top, bottom, left, right = (round(share * size) for share in LIPS)
    return faces[..., *mouth_box(size)][..., top:bottom, left:right].float().mean(1, keepdim=True)
