"""Peak GPU memory of a training step, by stage, model and batch, computed without a GPU.

    python benchmarks/memory.py > table.md

The step's own code runs on tensors without content (benchmarks/fake_cuda.py) in bf16; every allocation counts until
its tensor is gone, in blocks of 512 bytes as PyTorch's allocator gives them. Not counted, and left free on every card
as SPARE: the CUDA context, what cuDNN works in, and gaps between blocks.
"""

import itertools
import sys
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from benchmarks.fake_cuda import CUDA, fake_cuda
from benchmarks.speed_networks import EXPERIMENT, STAGES, make_batch, make_phases, train
from config.config import MODELS, StageOptions, SyncNetOptions
from config.errors import run_script
from training.stage_files import read_stages

BLOCK = 512  # bytes
CARDS = (8, 12, 16, 24)  # GB
SPARE = 1.5  # GiB of a card for what is not counted


class AllocatedMemory(TorchDispatchMode):
    """Bytes on the GPU, now and at most, of what is allocated inside."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self.known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        outputs = func(*args, **(kwargs or {}))
        for tensor in tree_iter(outputs):
            if isinstance(tensor, Tensor) and tensor.device == CUDA:
                self.count(tensor.untyped_storage())
        return outputs

    def count(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key not in self.known:
            size = -(-storage.nbytes() // BLOCK) * BLOCK
            self.known.add(key)
            self.now += size
            self.most = max(self.most, self.now)
            weakref.finalize(storage, self.release, key, size)

    def release(self, key: int, size: int) -> None:
        self.known.discard(key)
        self.now -= size


def peak_memory(options: StageOptions, accumulate: int = 1) -> float:
    """GiB of the second step of a stage, whose optimisers have their moments."""
    saved: dict[int, Tensor] = {}
    numbers = itertools.count()

    def keep(tensor: Tensor) -> int:
        number = next(numbers)
        saved[number] = tensor
        return number

    # A backward node gives back what it has saved, as PyTorch's own engine does.
    with fake_cuda(), AllocatedMemory() as memory, saved_tensors_hooks(keep, saved.pop):
        phases, batch = make_phases(replace(options, precision="bf16"), CUDA), make_batch(options, CUDA)
        for _ in range(2):
            train(phases, batch, CUDA, accumulate)
            saved.clear()
    return memory.most / 2**30


def main() -> None:
    stages = {stage.name: stage.options for stage in read_stages("", str(EXPERIMENT), {})}
    print("| stage | model | batch | GiB |" + "".join(f" {size} GB card |" for size in CARDS))
    print("|" + " --- |" * (4 + len(CARDS)))
    for name in STAGES:
        options = stages[name]
        for model in ("",) if isinstance(options, SyncNetOptions) else MODELS:
            print_row(name, replace(options, model=model) if model else options, model)


def print_row(name: str, options: StageOptions, model: str) -> None:
    peaks: dict[int, float] = {}
    cells = [fitting(options, size, peaks) for size in CARDS]
    print(f"| {name} | {model} | {options.batch_size} | {peaks[1]:.1f} | {' | '.join(cells)} |", flush=True)


def fitting(options: StageOptions, card: int, peaks: dict[int, float]) -> str:
    """What to set for a card of so many GB: passes of a generator's batch, or SyncNet's batch. `peaks` by divisor."""
    room = card * 1e9 / 2**30 - SPARE
    divisor = 1
    while True:
        if divisor not in peaks:
            peaks[divisor] = peak_divided(options, divisor)
        if peaks[divisor] <= room:
            break
        if divisor >= options.batch_size:
            return "too small"
        divisor = min(2 * divisor, options.batch_size)
    if divisor == 1:
        return "as it is"
    if isinstance(options, SyncNetOptions):
        return f"--batch_size {options.batch_size // divisor}"
    return f"--accumulate {divisor}"


def peak_divided(options: StageOptions, divisor: int) -> float:
    if isinstance(options, SyncNetOptions):
        return peak_memory(replace(options, batch_size=options.batch_size // divisor))
    return peak_memory(options, divisor)


if __name__ == "__main__":
    run_script(main)
