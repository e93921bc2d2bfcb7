"""One optimiser's part of a training step, and how it is taken: precision, parts of a batch, several GPUs."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from models.device import resolve_precision
from training.average import WeightAverage


@dataclass
class Phase:
    """`losses` reads the tensors `needs` of the batch and of earlier phases, and trains `network`.

    With `ema` a running average of the weights is kept, which is what validation, later stages and inference see. The
    network is on its device already. fp16 gradients are scaled, or most would be 0.
    """

    name: str
    losses: nn.Module
    network: nn.Module
    learning_rate: float
    needs: tuple[str, ...]
    ema: float = 0.0
    precision: str = "auto"
    optimizer: torch.optim.Optimizer = field(init=False)
    average: WeightAverage | None = field(init=False)
    scaler: torch.amp.GradScaler = field(init=False)

    def __post_init__(self) -> None:
        trainable = [p for p in self.network.parameters() if p.requires_grad]
        device = trainable[0].device
        self.optimizer = torch.optim.Adam(trainable, lr=self.learning_rate, fused=device.type == "cuda")
        self.average = WeightAverage(self.network, self.ema) if self.ema else None
        scaled = device.type == "cuda" and resolve_precision(device, self.precision) == "fp16"
        self.scaler = torch.amp.GradScaler("cuda" if scaled else "cpu", enabled=scaled)

    @property
    def used_network(self) -> nn.Module:
        """The network as it is validated and used."""
        return self.average.network if self.average else self.network

    def set_learning_rate(self, factor: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate * factor


def optimise(phase: Phase, batch: dict[str, Tensor], accumulate: int = 1) -> dict[str, Tensor]:
    """One optimiser step, in `accumulate` passes over a part of the batch each; the phase's outputs join the batch.

    Returns its losses, detached.
    """
    phase.optimizer.zero_grad(set_to_none=True)
    needed = {name: batch[name] for name in phase.needs}
    size = len(next(iter(needed.values())))
    losses: dict[str, Tensor] = defaultdict(float)
    outputs: dict[str, list[Tensor]] = defaultdict(list)
    parts = list(chunks(needed, accumulate))
    for number, part in enumerate(parts, 1):
        with sync_gradients(phase.losses, number == len(parts)):
            found, made = phase.losses(part)
            rows = len(next(iter(part.values())))
            found = {name: mean_over_gpus(loss, rows) * rows / size for name, loss in found.items()}
            phase.scaler.scale(sum(found.values())).backward()
        for name, loss in found.items():
            losses[name] = losses[name] + loss.detach()
        for name, tensor in made.items():
            outputs[name].append(tensor)
    phase.scaler.step(phase.optimizer)
    phase.scaler.update()
    if phase.average:
        phase.average.update()
    batch.update({name: torch.cat(tensors) for name, tensors in outputs.items()})
    return dict(losses)


def chunks(batch: dict[str, Tensor], count: int) -> Iterator[dict[str, Tensor]]:
    """The batch in `count` parts of nearly equal size, or in single rows where it has not so many."""
    for tensors in zip(*(tensor.tensor_split(min(count, len(tensor))) for tensor in batch.values()), strict=True):
        yield dict(zip(batch, tensors, strict=True))


def mean_over_gpus(loss: Tensor, rows: int) -> Tensor:
    """The mean over `rows` samples of a loss that DataParallel gives once a GPU, for unequal shares of the samples."""
    if loss.numel() == 1:
        return loss.mean()
    shares = [len(part) for part in torch.arange(rows).chunk(loss.numel())]
    return (loss.flatten() * loss.new_tensor(shares)).sum() / rows


def sync_gradients(losses: nn.Module, last: bool) -> AbstractContextManager:
    """Under DDP, let the processes exchange gradients after the last part of a batch alone."""
    return losses.no_sync() if isinstance(losses, DistributedDataParallel) and not last else nullcontext()
