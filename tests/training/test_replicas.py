"""What DataParallel's replicas compute in, and that SyncNet's losses see the whole batch, without a GPU."""

from dataclasses import replace
from threading import Thread

import pytest
import torch
from torch import nn

from benchmarks.speed_networks import make_batch, make_phases
from config.config import ClipOptions, FrameOptions, SyncNetOptions
from models.warp import AdaAT
from training.parallel import MixedPrecision, unwrapped
from training.phases import chunks
from training.syncnet_losses import contrastive

CPU = torch.device("cpu")
STAGES = {
    "syncnet": SyncNetOptions(mouth_size=32, batch_size=4),
    "frame": FrameOptions(
        mouth_size=32, batch_size=2, base_channels=4, lamb_perception=0.0, lamb_gan=0.0, lamb_pixel=1.0
    ),
    "clip": ClipOptions(mouth_size=64, batch_size=2, base_channels=4, lamb_perception=0.0, lamb_gan=0.0),
}


def parallel_apply(module: nn.Module, batch: dict[str, torch.Tensor]) -> None:
    """As torch.nn.parallel.parallel_apply: in a thread that enters autocast anew, in float16, CUDA's default."""
    failures = []

    def work() -> None:
        try:
            with torch.autocast("cpu", torch.float16):
                module(batch)
        except Exception as error:
            failures.append(error)

    thread = Thread(target=work)
    thread.start()
    thread.join()
    assert not failures, failures


def dtypes_of(module: nn.Module, batch: dict[str, torch.Tensor]) -> set[tuple[bool, torch.dtype]]:
    """Of what every convolution and linear layer gives in a replica's thread, and whether it is a warp's."""
    seen = set()
    warps = {layer for warp in module.modules() if isinstance(warp, AdaAT) for layer in warp.modules()}
    layers = [m for m in module.modules() if isinstance(m, nn.Conv1d | nn.Conv2d | nn.Linear)]
    handles = [
        layer.register_forward_hook(lambda layer, _i, output: seen.add((layer in warps, output.dtype)))
        for layer in layers
    ]
    parallel_apply(module, batch)
    for handle in handles:
        handle.remove()
    return seen


@pytest.mark.parametrize("stage", STAGES)
def test_replicas_compute_in_bf16_whatever_their_threads_enter(stage):
    options = replace(STAGES[stage], precision="bf16")
    losses = make_phases(options, CPU)[0].losses
    if stage == "syncnet":  # DataParallel divides its encoders alone
        losses = MixedPrecision(unwrapped(losses).encoders, CPU, "bf16")
    warps = set() if stage == "syncnet" else {(True, torch.float32)}
    assert dtypes_of(losses, make_batch(options, CPU)) == {(False, torch.bfloat16)} | warps


def test_autocast_that_is_entered_outside_is_lost_in_the_threads():
    linear = nn.Linear(3, 2)
    wrapped = nn.Sequential(linear)
    with torch.autocast("cpu", torch.bfloat16):
        assert dtypes_of(wrapped, torch.zeros(1, 3)) == {(False, torch.float16)}


class Divided(nn.Module):
    """Encoders on parts of a batch, put together again, as DataParallel does on several GPUs."""

    def __init__(self, encoders: nn.Module, parts: int):
        super().__init__()
        self.encoders, self.parts = encoders, parts

    def forward(self, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
        found = [self.encoders(part) for part in chunks(batch, self.parts)]
        return tuple(torch.cat(tensors) for tensors in zip(*found, strict=True))


def test_syncnet_s_losses_compare_the_whole_batch_however_many_gpus_encode_it():
    options = replace(STAGES["syncnet"], precision="fp32")
    losses, batch = unwrapped(make_phases(options, CPU)[0].losses), make_batch(options, CPU)
    whole, _ = losses(batch)
    losses.encoders = Divided(losses.encoders, 2)
    divided, _ = losses(batch)
    half, _ = losses({name: tensor[:2] for name, tensor in batch.items()})
    for name, loss in whole.items():
        assert torch.allclose(divided[name], loss, rtol=1e-4), name
    assert not torch.allclose(half["contrast"], whole["contrast"], rtol=1e-2)


def test_cosines_are_not_rounded_under_autocast():
    torch.manual_seed(0)
    mouths, sounds = torch.randn(8, 16, 1, 1), torch.randn(8, 16)
    exact = contrastive(mouths, sounds, torch.arange(8))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(contrastive(mouths, sounds, torch.arange(8)), exact)
