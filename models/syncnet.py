"""DINet's SyncNet: scores whether mouth frames and audio belong together. Published names, no norm layers."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.blocks import ConvBlock


class ResBlock(nn.Module):
    """ReLU and convolution, twice, plus the input."""

    def __init__(self, conv: type[nn.Module], channels: int):
        super().__init__()
        self.conv1 = conv(channels, channels, 3, padding=1)
        self.conv2 = conv(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(F.relu(self.conv1(F.relu(x)))) + x


class PooledConv(nn.Module):
    """Convolution, ReLU, then the mean of 2 x 2 pixels."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(F.relu(self.conv(x)), 2)


class FaceEncoder(nn.Module):
    """(B, inputs, S, S) -> (B, out_dim, S / 32, S / 32)."""

    def __init__(self, inputs: int, out_dim: int):
        super().__init__()
        layers: list[nn.Module] = [ConvBlock(2, inputs, 64, 7, norm=False)]
        for channels in (64, 128, 128, 128, 128):
            layers += [ResBlock(nn.Conv2d, channels), PooledConv(channels), ConvBlock(2, channels, 128, 3, norm=False)]
        layers[-1] = ConvBlock(2, 128, out_dim, 1, norm=False)
        self.face_conv = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.face_conv(x)


class AudioEncoder(nn.Module):
    """(B, inputs, T) -> (B, out_dim)."""

    def __init__(self, inputs: int, out_dim: int):
        super().__init__()
        layers: list[nn.Module] = [ConvBlock(1, inputs, 128, 7, norm=False)]
        for _ in range(3):
            layers += [ResBlock(nn.Conv1d, 128), ConvBlock(1, 128, 128, 3, stride=2, norm=False)]
        layers.append(ConvBlock(1, 128, out_dim, 3, norm=False))
        self.audio_conv = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.audio_conv(x).mean(2)


class SyncNet(nn.Module):
    """Raw score maps, 1 = in sync, 0 = not.

    image (B, 15, S, S): five RGB mouth frames in [0, 1], S a multiple of 32; audio (B, in_channel_audio, 9): the nine
    40 ms steps around them. Returns (B, 1, S / 32, S / 32).
    """

    def __init__(self, in_channel_image: int = 15, in_channel_audio: int = 29, out_dim: int = 128):
        super().__init__()
        self.face_encoder = FaceEncoder(in_channel_image, out_dim)
        self.audio_encoder = AudioEncoder(in_channel_audio, out_dim)
        self.merge_encoder = nn.Sequential(
            nn.Conv2d(out_dim * 2, out_dim, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(out_dim, 1, 3, padding=1),
        )

    def score(self, image_embedding: Tensor, audio_embedding: Tensor) -> Tensor:
        """Score maps from the two encoders' outputs, (B, out_dim, h, w) and (B, out_dim)."""
        spread = audio_embedding[:, :, None, None].expand(-1, -1, *image_embedding.shape[2:])
        return self.merge_encoder(torch.cat((image_embedding, spread), dim=1))

    def forward(self, image: Tensor, audio: Tensor) -> Tensor:
        return self.score(self.face_encoder(image), self.audio_encoder(audio))
