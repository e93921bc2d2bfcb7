"""How much a run will still write: checkpoints, as all else is small beside them."""

from pathlib import Path

import torch
from torch import nn

from config.config import GeneratorOptions, StageOptions
from models.loading import NetworkSpec
from training.checkpoints import best_checkpoint, existing_checkpoints
from training.generator_stage import build_discriminators

COPIES = 3  # of every weight: itself and Adam's two moments


def checkpoint_bytes(options: StageOptions, spec: NetworkSpec) -> int:
    """How large a checkpoint of this stage is, nearly."""
    with torch.device("meta"):
        first, others = spec.build(), {}
        if isinstance(options, GeneratorOptions):
            others = build_discriminators(options)
    averaged = bytes_of(first) if options.ema else 0
    return averaged + COPIES * sum(bytes_of(network) for network in (first, *others.values()))


def bytes_of(network: nn.Module) -> int:
    return sum(parameter.nbytes for parameter in network.parameters())


def bytes_to_write(options: StageOptions, one: int, folder: Path) -> int:
    """By how much a stage's checkpoints, of `one` size, will grow its folder until it ends.

    Where they are replaced, each is written before another goes: that takes room for one more, once a run.
    """
    epochs = options.non_decay + options.decay
    kept = min(options.keep_checkpoints, -(-epochs // options.checkpoint_every))
    best = 1 if options.val_fraction else 0
    there = {best_checkpoint(folder), *existing_checkpoints(folder)} - {None}
    return max(0, (kept + best) * one - sum(path.stat().st_size for path in there))
