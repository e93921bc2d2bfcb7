"""What is allocated on a GPU in a step of training, counted without a GPU."""

import itertools
import weakref
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from benchmarks.fake_cuda import CUDA, fake_cuda
from benchmarks.speed_networks import make_batch, make_phases, train
from config.config import StageOptions

BLOCK = 512  # bytes


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
