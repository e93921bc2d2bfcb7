"""What a generator is trained by: frames are generated, and every row of losses looks at them.

Batches are dicts of tensors, images uint8, RGB, channels last: source (B, T, H, W, 3), reference (B, 5, H, W, 3),
audio (B, C, T + 4), silent (B,) bool, and for the loss "opening" heard (B, K, C, 5), audio of other frames, and opening
(B, K), how far the lips are open then. T is 1 in frame stages, 5 in clip stages.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from config.constants import WINDOW_FRAMES
from face.geometry import mouth_box
from face.masks import lip_weight
from models.discriminator import Discriminator
from models.frames import fold_frames, high_pass, to_unit
from models.syncnet import SyncNet
from models.vgg19 import VGG19Features

Batch = dict[str, Tensor]
Losses = dict[str, Tensor]
View = Callable[[Tensor], Tensor]  # clips (B, T, 3, H, W) as a discriminator takes them
DETAIL_BANDS = 3  # octaves
FINE, FINE_GAIN = 5, 8  # pixels of the mean that is taken away, and by how much the rest is enlarged


@dataclass(frozen=True)
class LossRow:
    """A loss by name: its weight, and `compute(real, fake, batch)` of frames (B, T, 3, H, W) in [0, 1]: a scalar."""

    name: str
    weight: float
    compute: nn.Module


class GeneratorLosses(nn.Module):
    """Generates the frames of a batch and scores them by every row.

    Returns losses, already weighted, and `real`, `fake` (B, T, 3, H, W) in [0, 1] without gradient. The rows' modules
    are submodules, so that DataParallel's replicas use their own.
    """

    def __init__(
        self,
        generator: nn.Module,
        mask: Tensor,
        rows: list[LossRow],
        freeze_norms: bool = False,
        freeze_hearing: bool = False,
    ):
        super().__init__()
        self.generator, self.freeze_norms, self.freeze_hearing = generator, freeze_norms, freeze_hearing
        if freeze_hearing:
            generator.audio_encoder.requires_grad_(False)
        self.register_buffer("mask", mask, persistent=False)
        self.weights = {row.name: row.weight for row in rows}
        self.terms = nn.ModuleDict({row.name: row.compute for row in rows})

    def train(self, mode: bool = True) -> "GeneratorLosses":
        """With `freeze_norms` the generator's batch norms stay in evaluation mode: few videos make poor statistics.

        Networks that are not trained here stay in evaluation mode, with `freeze_hearing` the audio encoder among them.
        """
        super().train(mode)
        self.terms.eval()
        self.generator.train(mode)
        if self.freeze_hearing:
            self.generator.audio_encoder.eval()
        if self.freeze_norms:
            for module in self.generator.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        return self

    def forward(self, batch: Batch) -> tuple[Losses, Batch]:
        real, fake = generate_frames(self.generator, self.mask, batch)
        losses = {name: self.weights[name] * term(real, fake, batch) for name, term in self.terms.items()}
        return losses, {"real": real, "fake": fake.detach()}


def generate_frames(generator: nn.Module, mask: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """True and generated frames (B, T, 3, H, W) in [0, 1]; mask (H, W) hides the source's mouth."""
    real = to_unit(batch["source"])
    references = generator.encode_reference(to_unit(batch["reference"]).flatten(1, 2))
    references = type(references)(*(features.repeat_interleave(real.shape[1], 0) for features in references))
    windows = audio_windows(batch["audio"]).flatten(0, 1)  # (B * T, C, 5)
    fake = generator.generate((real * mask).flatten(0, 1), references, windows)
    return real, fake.float().view_as(real)


def audio_windows(audio: Tensor) -> Tensor:
    """(B, C, T + 4) -> (B, T, C, 5): the five audio steps that each of T frames sees."""
    return audio.unfold(2, WINDOW_FRAMES, 1).permute(0, 2, 1, 3)


def heard_opening(generator: nn.Module, windows: Tensor) -> Tensor:
    """The lip opening (B, K) that the audio code of windows (B, K, C, 5) says, by the code's first two channels.

    Trained to be the true one, it teaches the audio encoder what to listen for long before the pictures do. It reads
    channels of the published network, which are never negative, rather than adding a layer, so checkpoints keep the
    published names.
    """
    code = generator.audio_encoder(windows.flatten(0, 1)).float().mean(2)
    return (code[:, 0] - code[:, 1]).view(windows.shape[:2])


class OpeningLoss(nn.Module):
    """MSE of the lip opening heard in the audio code, in standard deviations of the video's."""

    def __init__(self, generator: nn.Module):
        super().__init__()
        self.generator = generator

    def forward(self, real: Tensor, fake: Tensor, batch: Batch) -> Tensor:
        return F.mse_loss(heard_opening(self.generator, batch["heard"]), batch["opening"])


class PerceptionLoss(nn.Module):
    """Mean L1 between VGG19 features, over five layers and two scales."""

    def __init__(self, vgg19: VGG19Features):
        super().__init__()
        self.vgg19 = vgg19

    def forward(self, real: Tensor, fake: Tensor, batch: Batch) -> Tensor:
        real, fake = real.flatten(0, 1), fake.flatten(0, 1)
        distances = []
        for fake_images, real_images in ((fake, real), (F.avg_pool2d(fake, 2), F.avg_pool2d(real, 2))):
            with torch.no_grad():
                targets = self.vgg19(real_images)
            maps = self.vgg19(fake_images)
            distances += [F.l1_loss(a.float(), b.float()) for a, b in zip(maps, targets, strict=True)]
        return torch.stack(distances).mean()


class PixelLoss(nn.Module):
    """MSE of whole crops."""

    def forward(self, real: Tensor, fake: Tensor, batch: Batch) -> Tensor:
        return F.mse_loss(fake, real)


class MouthLoss(nn.Module):
    """L1 in the mouth box, up to five times as much at the lips."""

    def __init__(self, mouth_size: int):
        super().__init__()
        self.box = mouth_box(mouth_size)
        self.register_buffer("lip_weight", torch.from_numpy(lip_weight(mouth_size)), persistent=False)

    def forward(self, real: Tensor, fake: Tensor, batch: Batch) -> Tensor:
        error = (fake[..., *self.box] - real[..., *self.box]).abs()
        return (error * self.lip_weight).mean()


class DetailLoss(nn.Module):
    """L1 between the bands of Laplacian pyramids of the mouth boxes, each of the same weight.

    The finest ones have so little energy that a pixel loss hardly sees them, and learns them last.
    """

    def __init__(self, mouth_size: int):
        super().__init__()
        self.box = mouth_box(mouth_size)

    def forward(self, real: Tensor, fake: Tensor, batch: Batch) -> Tensor:
        difference = (fake[..., *self.box] - real[..., *self.box]).flatten(0, 1)  # bands are linear
        bands = []
        for _ in range(DETAIL_BANDS):
            coarse = F.avg_pool2d(difference, 2)
            bands.append(difference - F.interpolate(coarse, difference.shape[-2:], mode="bilinear"))
            difference = coarse
        return torch.stack([band.abs().mean() for band in bands]).sum()


class SyncLoss(nn.Module):
    """MSE of a frozen SyncNet's scores of clips and their audio to 1, "in sync".

    Silent samples are left out: SyncNet is trained on speech and never heard silence.
    """

    def __init__(self, syncnet: SyncNet, syncnet_mouth_size: int, mouth_size: int):
        super().__init__()
        self.syncnet = syncnet.requires_grad_(False).eval()
        self.box, self.size = mouth_box(mouth_size), syncnet_mouth_size

    def forward(self, real: Tensor, fake: Tensor, batch: Batch) -> Tensor:
        errors = (self.score(fake, batch["audio"]) - 1).square().mean((1, 2, 3))  # (B,)
        spoken = 1 - batch["silent"].float()
        return (errors * spoken).mean()  # however the batch is divided

    def score(self, frames: Tensor, audio: Tensor) -> Tensor:
        """Score maps (B, 1, h, w) of clips (B, 5, 3, H, W) with their audio (B, C, 9)."""
        mouths = fold_frames(frames[..., *self.box])
        if mouths.shape[-1] != self.size:
            mouths = F.interpolate(mouths, (self.size, self.size), mode="bilinear", antialias=True)
        return self.syncnet(mouths, audio).float()


class AdversarialLoss(nn.Module):
    """LSGAN loss of what a discriminator, trained elsewhere, thinks of generated frames."""

    def __init__(self, discriminator: Discriminator, view: View):
        super().__init__()
        self.discriminator, self.view = frozen_twin(discriminator), view

    def forward(self, real: Tensor, fake: Tensor, batch: Batch) -> Tensor:
        return lsgan(self.discriminator(self.view(fake))[1], 1.0)


class DiscriminatorLosses(nn.Module):
    """A discriminator on `real` and `fake` (B, T, 3, H, W) of a batch, without gradient to the generator."""

    def __init__(self, name: str, discriminator: Discriminator, view: View):
        super().__init__()
        self.name, self.discriminator, self.view = name, discriminator, view

    def forward(self, batch: Batch) -> tuple[Losses, Batch]:
        fake, real = self.discriminator(torch.cat((self.view(batch["fake"]), self.view(batch["real"]))))[1].chunk(2)
        return {f"d_{self.name}": (lsgan(fake, 0.0) + lsgan(real, 1.0)) / 2}, {}


def single_frames(clips: Tensor) -> Tensor:
    """(B, T, 3, H, W) -> (B * T, 3, H, W)."""
    return clips.flatten(0, 1)


def fine_mouths(clips: Tensor) -> Tensor:
    """(B, T, 3, H, W) -> what is fine in the mouth boxes, (B * T, 3, S, S) of mean 0 and a spread of about 0.4.

    In the pictures a discriminator does not learn to see blur in 200 steps, in this it does in fifty.
    """
    mouths = single_frames(clips)[..., *mouth_box(clips.shape[-1] * 4 // 5)]
    return FINE_GAIN * high_pass(mouths, FINE)


def lsgan(scores: Tensor, target: float) -> Tensor:
    """Least-squares GAN loss (arXiv 1611.04076)."""
    return (scores.float() - target).square().mean()


def frozen_twin(network: nn.Module) -> nn.Module:
    """A copy that shares the parameters' memory but takes no gradient.

    The generator's losses look through it at a discriminator that is trained elsewhere: DDP and the generator's
    backward pass then leave the discriminator alone, and its updates show here at once.
    """
    twin = copy.deepcopy(network)
    for own, shared in zip(twin.modules(), network.modules(), strict=True):
        for name, parameter in shared.named_parameters(recurse=False):
            setattr(own, name, nn.Parameter(parameter.detach(), requires_grad=False))
    return twin
