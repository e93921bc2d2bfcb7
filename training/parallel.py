"""One process, DataParallel over the visible GPUs, or DDP under torchrun. Everything is a no-op on one device."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DataParallel, DistributedDataParallel

from config.errors import InputError
from models.device import choose_device


@dataclass(frozen=True)
class Parallel:
    """Where this process stands among the others."""

    device: torch.device
    rank: int = 0
    world_size: int = 1

    @property
    def is_main(self) -> bool:
        return self.rank == 0

    @property
    def num_replicas(self) -> int:
        """GPUs that DataParallel uses in this process."""
        return torch.cuda.device_count() if self.world_size == 1 and self.device.type == "cuda" else 1

    def place(self, network: nn.Module) -> nn.Module:
        """On the device, with channels last in memory, as convolutions in bf16 want them."""
        return network.to(self.device, memory_format=torch.channels_last)

    def wrap(self, module: nn.Module) -> nn.Module:
        """Move a step to the device and make its gradients those of the global batch.

        Under DDP on GPUs, batch norm uses the statistics of the global batch.
        """
        module = module.to(self.device)
        if self.world_size > 1:
            on_gpu = self.device.type == "cuda"
            if on_gpu:
                module = nn.SyncBatchNorm.convert_sync_batchnorm(module)
            return DistributedDataParallel(module, device_ids=[self.device.index] if on_gpu else None)
        return DataParallel(module) if self.num_replicas > 1 else module

    def mean(self, values: Mapping[str, float]) -> dict[str, float]:
        """Means over the processes."""
        if self.world_size == 1 or not values:
            return dict(values)
        tensor = torch.tensor(list(values.values()), dtype=torch.float64, device=self.device)
        dist.all_reduce(tensor)
        return dict(zip(values, (tensor / self.world_size).tolist(), strict=True))

    def barrier(self) -> None:
        if self.world_size > 1:
            dist.barrier()


def join_processes(device_name: str) -> Parallel:
    """Join the process group that torchrun describes in the environment: NCCL on GPUs, gloo on CPUs."""
    if "RANK" not in os.environ:
        raise InputError("train_sequence_distributed.py runs under torchrun; see train_sequence_distributed.sh")
    device = choose_device(device_name)
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return Parallel(device, dist.get_rank(), dist.get_world_size())
