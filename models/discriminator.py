"""Patch discriminator of DINet, for one frame (3 channels) or five (15). Published state-dict names."""

import torch.nn.functional as F
from torch import Tensor, nn

SMALLEST_SIDE = 53  # pixels of a frame that the four published blocks leave something of


class DownBlock(nn.Module):
    """4 x 4 convolution without padding, leaky ReLU, then the mean of 2 x 2 pixels if `pool`."""

    def __init__(self, inputs: int, outputs: int, pool: bool):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 4)
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        x = F.leaky_relu(self.conv(x), 0.2)
        return F.avg_pool2d(x, 2) if self.pool else x


def mouth_discriminator(width: int) -> "Discriminator":
    """For mouth boxes (B, 3, S, S) of 32 pixels or more: it scores patches of 25 pixels, a few teeth."""
    return Discriminator(3, width, num_blocks=3)


class Discriminator(nn.Module):
    """(B, num_channels, H, W) in [0, 1] -> the feature map of every block, and scores (B, 1, h, w); 1 = real."""

    def __init__(self, num_channels: int, block_expansion: int = 64, num_blocks: int = 4, max_features: int = 256):
        super().__init__()
        widths = [num_channels] + [min(max_features, block_expansion * 2 ** (i + 1)) for i in range(num_blocks)]
        self.down_blocks = nn.ModuleList(
            DownBlock(widths[i], widths[i + 1], pool=i < num_blocks - 1) for i in range(num_blocks)
        )
        self.conv = nn.Conv2d(widths[-1], 1, 1)

    def forward(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        feature_maps = []
        for block in self.down_blocks:
            x = block(x)
            feature_maps.append(x)
        return feature_maps, self.conv(x)
