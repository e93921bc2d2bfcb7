"""What SyncNet is trained by: scores of matching and of foreign audio, and a contrast over the whole batch."""

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from models.device import full_precision
from models.frames import fold_frames, to_unit
from models.syncnet import SyncNet
from training.generator_losses import Batch, Losses, lsgan

TEMPERATURE = 0.07  # of the contrastive loss, the usual value
SCORED_NEGATIVES = 3  # of each sample, whose score is pushed to 0; the contrastive loss takes all


class SyncNetEncoders(nn.Module):
    """The part of the losses that looks at every sample by itself, which DataParallel may divide.

    Returns embeddings of mouths (B, D, h, w), of their audio (B, D) and of audio at other times (B, K, D).
    """

    def __init__(self, syncnet: SyncNet):
        super().__init__()
        self.syncnet = syncnet

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        mouths = self.syncnet.face_encoder(fold_frames(to_unit(batch["mouth"])))
        sounds = self.syncnet.audio_encoder(torch.cat((batch["audio"], batch["negatives"].flatten(0, 1))))
        own, away = sounds[: len(mouths)], sounds[len(mouths) :]
        return mouths, own, away.view(len(mouths), -1, away.shape[1])


class SyncNetLosses(nn.Module):
    """SyncNet on matching audio, audio of the same video at another time, and audio of other samples.

    Batch: mouth (B, 5, S, S, 3), audio (B, C, 9), negatives (B, K, C, 9). The score's target is 1 or 0 by MSE, as the
    clip stage uses it; chance is 0.25. `contrast` weighs a second loss on the two encoders alone (InfoNCE, arXiv
    1807.03748): among all audio of the batch, the direction of a mouth's embedding must be nearest to its own. It
    brings the encoders together long before the score moves. Both losses compare samples, so the embeddings of a batch
    are together on one device, however many GPUs encoded them.
    """

    def __init__(self, syncnet: SyncNet, contrast: float):
        super().__init__()
        self.syncnet, self.contrast = syncnet, contrast
        self.encoders: nn.Module = SyncNetEncoders(syncnet)

    def forward(self, batch: Batch) -> tuple[Losses, Batch]:
        mouths, own, away = self.encoders(batch)
        size = len(mouths)
        everyone = over_processes(own.float())
        places = places_among(everyone, size)
        in_sync = self.score(mouths, own)
        scored = away[:, :SCORED_NEGATIVES]
        shifted = self.score(mouths.repeat_interleave(scored.shape[1], 0), scored.flatten(0, 1))
        foreign = self.score(mouths, everyone[places - 1]) if len(everyone) > 1 else shifted
        losses = {"in_sync": lsgan(in_sync, 1.0) / 2, "out_of_sync": lsgan(torch.cat((shifted, foreign)), 0.0) / 2}
        if self.contrast:
            candidates = torch.cat((everyone, over_processes(away.flatten(0, 1).float())))
            losses["contrast"] = self.contrast * contrastive(mouths, candidates, places)
        return losses, {}

    def score(self, mouths: Tensor, sounds: Tensor) -> Tensor:
        return self.syncnet.score(mouths, sounds).float().mean((1, 2, 3))


def contrastive(mouths: Tensor, sounds: Tensor, places: Tensor) -> Tensor:
    """InfoNCE of mouth embeddings (B, D, h, w) against sound embeddings (N, D); mouth i belongs to sound places[i].

    In float32: autocast would round cosines of 0.9 to steps of 0.004, which the temperature makes 0.06.
    """
    with full_precision(mouths.device):
        directions = F.normalize(mouths.float().mean((2, 3)), dim=1)
        similarity = directions @ F.normalize(sounds.float(), dim=1).T
    return F.cross_entropy(similarity / TEMPERATURE, places)


def over_processes(rows: Tensor) -> Tensor:
    """(N, D) of every process, (processes * N, D), in the order in which one process would have them.

    Processes take turns in a global batch (dataset/sampler.py). Gradients flow back to the process a row came from.
    """
    if not dist.is_initialized():
        return rows
    return AllGather.apply(rows.contiguous()).transpose(0, 1).flatten(0, 1)


class AllGather(torch.autograd.Function):
    """(N, D) of every process as (processes, N, D), with gradients.

    PyTorch's own has had another name in each of its latest versions; the two collectives here are in all of them.
    """

    @staticmethod
    def forward(_context, rows: Tensor) -> Tensor:
        everyone = [torch.empty_like(rows) for _ in range(dist.get_world_size())]
        dist.all_gather(everyone, rows)
        return torch.stack(everyone)

    @staticmethod
    def backward(_context, gradient: Tensor) -> Tensor:
        total = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total[dist.get_rank()]


def places_among(everyone: Tensor, own: int) -> Tensor:
    """Where the `own` rows of this process stand among the rows of all processes."""
    processes = len(everyone) // own
    rank = dist.get_rank() if processes > 1 else 0
    return torch.arange(own, device=everyone.device) * processes + rank
