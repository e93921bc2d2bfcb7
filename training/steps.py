"""What is optimised: modules that take a batch and return named, weighted losses and what later phases need.

A step is wrapped as a whole for DataParallel or DDP. Batches are dicts of tensors: images uint8, RGB, channels
last.
"""

import copy

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributed.nn.functional import all_gather

from config.constants import WINDOW_FRAMES
from face.geometry import mouth_box
from face.masks import lip_weight
from models.discriminator import Discriminator
from models.frames import fold_frames, to_unit
from models.syncnet import SyncNet
from models.vgg19 import VGG19Features

Losses = dict[str, Tensor]
TEMPERATURE = 0.07  # of the contrastive loss, the usual value
SCORED_NEGATIVES = 3  # of each SyncNet sample, whose score is pushed to 0; the contrastive loss takes all


def audio_windows(audio: Tensor) -> Tensor:
    """(B, C, T + 4) -> (B, T, C, 5): the five audio steps that each of T frames sees."""
    return audio.unfold(2, WINDOW_FRAMES, 1).permute(0, 2, 1, 3)


def half_size(images: Tensor) -> Tensor:
    return F.avg_pool2d(images, 2)


def lsgan(scores: Tensor, target: float) -> Tensor:
    """Least-squares GAN loss (arXiv 1611.04076)."""
    return (scores.float() - target).square().mean()


def frozen_twin(network: nn.Module) -> nn.Module:
    """A copy that shares the parameters' memory but takes no gradient.

    The generator's step looks through it at a discriminator that is trained elsewhere: DDP and the generator's
    backward pass then leave the discriminator alone, and its updates show here at once.
    """
    twin = copy.deepcopy(network)
    for own, shared in zip(twin.parameters(), network.parameters(), strict=True):
        own.data = shared.data
    return twin.requires_grad_(False)


class GeneratorLosses(nn.Module):
    """Generates the frames of a batch and scores them.

    Batch: source (B, T, H, W, 3), reference (B, 5, H, W, 3), audio (B, C, T + 4); with the loss "opening" also heard
    (B, K, C, 5), audio of other frames, and opening (B, K), how far the lips are open then. T is 1 in frame stages, 5
    in clip stages. Returns losses, already weighted, and `real`, `fake` (B, T, 3, H, W) in [0, 1] without gradient.
    """

    def __init__(
        self,
        generator: nn.Module,
        mask: Tensor,
        mouth_size: int,
        weights: dict[str, float],
        perceptual: VGG19Features | None = None,
        discriminators: dict[str, Discriminator] | None = None,
        syncnet: SyncNet | None = None,
        syncnet_mouth_size: int = 0,
        freeze_norms: bool = False,
    ):
        super().__init__()
        self.generator, self.freeze_norms = generator, freeze_norms
        self.register_buffer("mask", mask, persistent=False)
        self.register_buffer("lip_weight", torch.from_numpy(lip_weight(mouth_size)), persistent=False)
        self.mouth_size, self.weights = mouth_size, weights
        self.perceptual = perceptual
        self.discriminators = nn.ModuleDict({name: frozen_twin(net) for name, net in (discriminators or {}).items()})
        self.syncnet = syncnet.requires_grad_(False).eval() if syncnet else None
        self.syncnet_mouth_size = syncnet_mouth_size

    def train(self, mode: bool = True) -> "GeneratorLosses":
        """With `freeze_norms` the generator's batch norms stay in evaluation mode: few videos make poor statistics."""
        super().train(mode)
        if self.freeze_norms:
            for module in self.generator.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        return self

    def forward(self, batch: dict[str, Tensor]) -> tuple[Losses, dict[str, Tensor]]:
        real, fake = self.generate(batch)
        losses = self.losses(real, fake, batch["audio"])
        if self.weights["opening"]:
            losses["opening"] = F.mse_loss(self.heard_opening(batch["heard"]), batch["opening"])
        weighted = {name: loss * self.weights[name] for name, loss in losses.items()}
        return weighted, {"real": real, "fake": fake.detach()}

    def heard_opening(self, windows: Tensor) -> Tensor:
        """The lip opening (B, K) that the audio code of windows (B, K, C, 5) says, by the code's first two channels.

        Trained to be the true one, it teaches the audio encoder what to listen for long before the pictures do. It
        reads channels of the published network, which are never negative, rather than adding a layer, so checkpoints
        keep the published names.
        """
        code = self.generator.audio_encoder(windows.flatten(0, 1)).float().mean(2)
        return (code[:, 0] - code[:, 1]).view(windows.shape[:2])

    def generate(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """True and generated frames (B, T, 3, H, W) in [0, 1]."""
        real = to_unit(batch["source"])
        references = self.generator.encode_reference(to_unit(batch["reference"]).flatten(1, 2))
        references = type(references)(*(features.repeat_interleave(real.shape[1], 0) for features in references))
        windows = audio_windows(batch["audio"]).flatten(0, 1)  # (B * T, C, 5)
        fake = self.generator.generate((real * self.mask).flatten(0, 1), references, windows)
        return real, fake.float().view_as(real)

    def losses(self, real: Tensor, fake: Tensor, audio: Tensor) -> Losses:
        rows, columns = mouth_box(self.mouth_size)
        losses = {}
        if self.perceptual:
            losses["perception"] = self.perception(real.flatten(0, 1), fake.flatten(0, 1))
        if self.weights["pixel"]:
            losses["pixel"] = F.mse_loss(fake, real)
        if self.weights["mouth"]:
            error = (fake[..., rows, columns] - real[..., rows, columns]).abs()
            losses["mouth"] = (error * self.lip_weight).mean()
        for name, discriminator in self.discriminators.items():
            losses[name] = lsgan(discriminator(discriminator_view(name, fake))[1], 1.0)
        if self.syncnet:
            losses["sync"] = lsgan(self.sync_score(fake, audio), 1.0)
        return losses

    def sync_score(self, frames: Tensor, audio: Tensor) -> Tensor:
        """SyncNet's score maps of clips (B, 5, 3, H, W) with their audio (B, C, 9)."""
        rows, columns = mouth_box(self.mouth_size)
        mouths = fold_frames(frames[..., rows, columns])
        if self.syncnet_mouth_size != self.mouth_size:
            mouths = F.interpolate(mouths, (self.syncnet_mouth_size,) * 2, mode="bilinear", antialias=True)
        return self.syncnet(mouths, audio)

    def perception(self, real: Tensor, fake: Tensor) -> Tensor:
        """Mean L1 between VGG19 features, over five layers and two scales."""
        distances = []
        for fake_images, real_images in ((fake, real), (half_size(fake), half_size(real))):
            with torch.no_grad():
                targets = self.perceptual(real_images)
            maps = self.perceptual(fake_images)
            distances += [F.l1_loss(a.float(), b.float()) for a, b in zip(maps, targets, strict=True)]
        return torch.stack(distances).mean()


def discriminator_view(name: str, images: Tensor) -> Tensor:
    """(B, T, 3, H, W) as the discriminator of that name takes it: frame by frame, or whole clips."""
    return fold_frames(images) if name == "gan_clip" else images.flatten(0, 1)


class DiscriminatorLosses(nn.Module):
    """Batch: `real` and `fake` (B, T, 3, H, W), no gradient to the generator."""

    def __init__(self, name: str, discriminator: Discriminator):
        super().__init__()
        self.name, self.discriminator = name, discriminator

    def forward(self, batch: dict[str, Tensor]) -> tuple[Losses, dict[str, Tensor]]:
        views = [discriminator_view(self.name, batch[kind]) for kind in ("fake", "real")]
        fake, real = self.discriminator(torch.cat(views))[1].chunk(2)
        return {f"d_{self.name}": (lsgan(fake, 0.0) + lsgan(real, 1.0)) / 2}, {}


class SyncNetLosses(nn.Module):
    """SyncNet on matching audio, audio of the same video at another time, and audio of other samples.

    Batch: mouth (B, 5, S, S, 3), audio (B, C, 9), negatives (B, K, C, 9). The score's target is 1 or 0 by MSE, as the
    clip stage uses it; chance is 0.25. `contrast` weighs a second loss on the two encoders alone (InfoNCE, arXiv
    1807.03748): among all audio of the batch, the direction of a mouth's embedding must be nearest to its own. It
    brings the encoders together long before the score moves.
    """

    def __init__(self, syncnet: SyncNet, contrast: float):
        super().__init__()
        self.syncnet, self.contrast = syncnet, contrast

    def forward(self, batch: dict[str, Tensor]) -> tuple[Losses, dict[str, Tensor]]:
        mouths = self.syncnet.face_encoder(fold_frames(to_unit(batch["mouth"])))
        size = len(mouths)
        sounds = self.syncnet.audio_encoder(torch.cat((batch["audio"], batch["negatives"].flatten(0, 1))))
        own, away = sounds[:size], sounds[size:]
        everyone = over_processes(own)
        places = places_among(everyone, size)
        in_sync = self.score(mouths, own)
        scored = away.view(size, -1, away.shape[1])[:, :SCORED_NEGATIVES]
        shifted = self.score(mouths.repeat_interleave(scored.shape[1], 0), scored.flatten(0, 1))
        foreign = self.score(mouths, everyone[places - 1]) if len(everyone) > 1 else shifted
        losses = {"in_sync": lsgan(in_sync, 1.0) / 2, "out_of_sync": lsgan(torch.cat((shifted, foreign)), 0.0) / 2}
        if self.contrast:
            candidates = torch.cat((everyone, over_processes(away)))
            losses["contrast"] = self.contrast * contrastive(mouths, candidates, places)
        return losses, {}

    def score(self, mouths: Tensor, sounds: Tensor) -> Tensor:
        return self.syncnet.score(mouths, sounds).float().mean((1, 2, 3))


def contrastive(mouths: Tensor, sounds: Tensor, places: Tensor) -> Tensor:
    """InfoNCE of mouth embeddings (B, D, h, w) against sound embeddings (N, D); mouth i belongs to sound places[i]."""
    directions = F.normalize(mouths.float().mean((2, 3)), dim=1)
    similarity = directions @ F.normalize(sounds.float(), dim=1).T
    return F.cross_entropy(similarity / TEMPERATURE, places)


def over_processes(rows: Tensor) -> Tensor:
    """(N, D) of every process, (processes * N, D), in the order in which one process would have them.

    Processes take turns in a global batch (dataset/sampler.py). Gradients flow back to the process a row came from.
    """
    if not dist.is_initialized():
        return rows
    return torch.stack(all_gather(rows.contiguous())).transpose(0, 1).flatten(0, 1)


def places_among(everyone: Tensor, own: int) -> Tensor:
    """Where the `own` rows of this process stand among the rows of all processes."""
    processes = len(everyone) // own
    rank = dist.get_rank() if processes > 1 else 0
    return torch.arange(own, device=everyone.device) * processes + rank
