"""Spatial deformation of feature maps, one transformation per channel.

The published code calls a 3-D grid_sample whose depth axis is the channel. The same result comes from a fixed mix of
neighbouring channels followed by a 2-D grid_sample of every channel by itself. The few numbers that say how far a
channel is moved stay in float32: in bfloat16 a scale near 1 has steps of 0.008, a pixel at the edge of a mouth of 256.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.device import full_precision

CACHED_CHANNELS = 32


def sample_channels(features: Tensor, grid: Tensor) -> Tensor:
    """Sample every channel by its own grid.

    features (B, C, H, W); grid (B, C, H, W, 2), x then y in [-1, 1] (align_corners=False, zero outside).
    """
    batch, channels, height, width = features.shape
    planes = features.float().reshape(batch * channels, 1, height, width)
    sampled = F.grid_sample(planes, grid.reshape(batch * channels, height, width, 2), align_corners=False)
    return sampled.reshape(batch, channels, height, width).to(features.dtype)


def mix_neighbours(features: Tensor) -> Tensor:
    """DINet's interpolation along the channel axis.

    Channel c is read at depth c * C / (C - 1) - 0.5 with zeros outside, which blends it with one neighbour.
    """
    channels = features.shape[1]
    depth = torch.arange(channels, device=features.device) * (channels / (channels - 1)) - 0.5
    lower = depth.floor()
    upper_weight = (depth - lower).view(1, -1, 1, 1).to(features.dtype)
    padded = F.pad(features, (0, 0, 0, 0, 1, 1))  # (B, C + 2, H, W): a zero channel at either end
    index = lower.long() + 1
    return padded[:, index] * (1 - upper_weight) + padded[:, index + 1] * upper_weight


class AdaAT(nn.Module):
    """Adaptive affine transformation (AdaAT, AAAI 2022): scale, rotation and translation of every channel.

    `forward` takes features already passed through mix_neighbours (B, C, H, W), and a code (B, code_channels).
    """

    def __init__(self, code_channels: int, feature_channels: int):
        super().__init__()
        self.commn_linear = nn.Sequential(nn.Linear(code_channels, code_channels), nn.ReLU())
        self.scale = nn.Sequential(nn.Linear(code_channels, feature_channels), nn.Sigmoid())
        self.rotation = nn.Sequential(nn.Linear(code_channels, feature_channels), nn.Tanh())
        self.translation = nn.Sequential(nn.Linear(code_channels, 2 * feature_channels), nn.Tanh())

    def forward(self, features: Tensor, code: Tensor) -> Tensor:
        batch, channels, height, width = features.shape
        with full_precision(features.device):
            code = self.commn_linear(code.float())
            scale = self.scale(code)[:, :, None, None] * 2  # (B, C, 1, 1)
            angle = self.rotation(code)[:, :, None, None] * 3.14159  # the published constant
            shift = self.translation(code).view(batch, channels, 2, 1, 1)
        x = torch.linspace(-1, 1, width, device=features.device).view(1, 1, 1, width)
        y = torch.linspace(-1, 1, height, device=features.device).view(1, 1, height, 1)
        cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
        grid = torch.stack((cos * x - sin * y + shift[:, :, 0], sin * x + cos * y + shift[:, :, 1]), dim=-1)
        return sample_channels(features, grid)


class LocalAffineWarp(nn.Module):
    """LawDNet's local affine warp (arXiv 2409.09326): similarities around key points, blended by distance.

    Every channel has `num_kpoints` key points, each with a radius and a similarity transformation. The deformation is
    computed on a square grid of `grid_size` and resized to the features.
    """

    def __init__(self, code_channels: int, feature_channels: int, num_kpoints: int, grid_size: int):
        super().__init__()
        outputs = num_kpoints * feature_channels
        self.num_kpoints, self.grid_size = num_kpoints, grid_size
        self.commn_linear = nn.Sequential(nn.Linear(code_channels, code_channels), nn.ReLU())
        self.kpoints_normalized_layer = nn.Sequential(nn.Linear(code_channels, 2 * outputs), nn.Tanh())
        self.similarity_params_layer = nn.Sequential(nn.Linear(code_channels, 4 * outputs), nn.Tanh())
        self.radius_layer = nn.Sequential(nn.Linear(code_channels, outputs), nn.Sigmoid())

    def forward(self, features: Tensor, code: Tensor) -> Tensor:
        """features (B, C, H, W), code (B, code_channels) -> (B, C, H, W)."""
        batch, channels, height, width = features.shape
        shape = (batch, self.num_kpoints, channels, -1)
        with full_precision(features.device):
            code = self.commn_linear(code.float())
            kpoints = self.kpoints_normalized_layer(code).view(shape)
            similarity = self.similarity_params_layer(code).view(shape)
            radius = self.radius_layer(code).view(shape)
        # On a CPU, a few channels at a time, whose grids stay in its cache.
        size = CACHED_CHANNELS if features.device.type == "cpu" else channels
        parts = zip(*(tensor.split(size, 2) for tensor in (kpoints, similarity, radius)), strict=True)
        deformation = torch.cat([self.deformation(*part) for part in parts], 1)  # (B, C, G, G, 2)
        # The published code lays columns, rows and x, y out in this order and then reads the memory as two G x G
        # planes, so x comes from the left half of the deformation and y from the right. Its weights need it so.
        planes = deformation.transpose(2, 3).reshape(batch, channels * 2, self.grid_size, self.grid_size)
        planes = F.interpolate(planes, (height, width), mode="bilinear", align_corners=False, antialias=True)
        grid = planes.view(batch, channels, 2, height, width).permute(0, 1, 3, 4, 2)
        return sample_channels(features, grid)

    def deformation(self, kpoints: Tensor, similarity: Tensor, radius: Tensor) -> Tensor:
        """Blend the key points' similarities; one key point at a time, so that no (B, N, C, G, G) tensor is made.

        Returns the x, y in [-1, 1] that each cell of the grid is read from, (B, C, G, G, 2).
        kpoints (B, N, C, 2), similarity (B, N, C, 4) = scale, angle, shift x, shift y, radius (B, N, C, 1).
        """
        half = 1 / self.grid_size
        axis = torch.linspace(-1 + half, 1 - half, self.grid_size, device=kpoints.device)
        x, y = axis.view(1, 1, 1, -1), axis.view(1, 1, -1, 1)
        total_x = total_y = total_weight = torch.zeros((), device=kpoints.device)
        for point, move, reach in zip(kpoints.unbind(1), similarity.unbind(1), radius.unbind(1), strict=True):
            px, py = point[..., None, None].unbind(2)  # (B, C, 1, 1) each
            scale, angle, shift_x, shift_y = move[..., None, None].unbind(2)
            dx, dy = x - px, y - py  # (B, C, 1, G) and (B, C, G, 1): what follows is of full size
            distance = ((dx * dx).clamp_min(1e-12) + dy * dy).sqrt()
            near = torch.exp(distance * (-1 / reach[..., None]))  # 1 at the key point, 0 far away
            zoom, turn = 1 + scale * near, math.pi * angle * near
            cos, sin = zoom * torch.cos(turn), zoom * torch.sin(turn)
            weight = torch.exp(near)  # the softmax over key points, normalised below
            moved_x = px.addcmul(shift_x, near).addcmul(cos, dx).addcmul(sin, dy)
            moved_y = py.addcmul(shift_y, near).addcmul(cos, dy).addcmul(sin, -dx)
            total_x = torch.addcmul(total_x, weight, moved_x)
            total_y = torch.addcmul(total_y, weight, moved_y)
            total_weight = total_weight + weight
        return torch.stack((total_x, total_y), dim=-1) / total_weight.unsqueeze(-1)
