"""One process, DataParallel over the visible GPUs, or DDP under torchrun. Everything is a no-op on one device."""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NoReturn

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DataParallel, DistributedDataParallel

from config.errors import InputError, report
from models.device import autocast, choose_device, describe_device
from training.syncnet_losses import SyncNetLosses

# Rank 0 validates and downloads while the others wait for it. A process that fails ends the others long before.
LONGEST_WAIT = timedelta(hours=6)
TORCHRUN_VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
START_WITH_TORCHRUN = "start train_sequence_distributed.py with torchrun, as train_sequence_distributed.sh does"
MAX_PROCESSES = 100_000
GRACE = 10.0  # seconds that a process has to clean up after SIGTERM, even one that waits for others


class MixedPrecision(nn.Module):
    """A module that runs under autocast wherever it is called: DataParallel's threads enter it anew, in float16."""

    def __init__(self, module: nn.Module, device: torch.device, precision: str):
        super().__init__()
        self.module, self.device, self.precision = module, device, precision

    def forward(self, batch: dict[str, Tensor]) -> Any:
        with autocast(self.device, self.precision):
            return self.module(batch)


def unwrapped(losses: nn.Module) -> nn.Module:
    """The losses inside what `Parallel.wrap` put around them."""
    while isinstance(losses, DataParallel | DistributedDataParallel | MixedPrecision):
        losses = losses.module
    return losses


@dataclass(frozen=True)
class Parallel:
    """Where this process stands among the others, and how many GPUs it uses."""

    device: torch.device
    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    num_replicas: int = 1

    @property
    def is_main(self) -> bool:
        return self.rank == 0

    def describe(self, precision: str) -> str:
        """The first line of a run: device, precision, processes."""
        text = f"device: {describe_device(self.device, precision)}, {self.world_size} process"
        text += f"es on {dist.get_backend()}" if self.world_size > 1 else ""
        if self.num_replicas > 1:
            text += f", DataParallel over {self.num_replicas} GPUs (train_sequence_distributed.sh, DDP, is faster)"
        return text

    def place(self, network: nn.Module) -> nn.Module:
        """On the device, with channels last in memory, as convolutions in bf16 want them."""
        return network.to(self.device, memory_format=torch.channels_last)

    def wrap(self, losses: nn.Module, precision: str) -> nn.Module:
        """Make the gradients of losses, whose networks are on the device, those of the global batch.

        Under DDP on GPUs, batch norm uses the statistics of the global batch. DataParallel divides what looks at every
        sample by itself: all of a generator's losses, and the encoders of SyncNet's.
        """
        if self.num_replicas > 1 and isinstance(losses, SyncNetLosses):
            losses.encoders = DataParallel(MixedPrecision(losses.encoders, self.device, precision))
        mixed = MixedPrecision(losses, self.device, precision)
        if self.world_size > 1:
            on_gpu = self.device.type == "cuda"
            if on_gpu:
                mixed = nn.SyncBatchNorm.convert_sync_batchnorm(mixed)
            return DistributedDataParallel(mixed, device_ids=[self.device.index] if on_gpu else None)
        if self.num_replicas > 1 and not isinstance(losses, SyncNetLosses):
            return DataParallel(mixed)
        return mixed

    def mean(self, values: Mapping[str, float]) -> dict[str, float]:
        """Means over the processes."""
        if self.world_size == 1 or not values:
            return dict(values)
        tensor = torch.tensor(list(values.values()), dtype=torch.float64, device=self.device)
        dist.all_reduce(tensor)
        return dict(zip(values, (tensor / self.world_size).tolist(), strict=True))

    def gather(self, value: Any) -> list[Any]:
        """The value of every process, by rank."""
        if self.world_size == 1:
            return [value]
        values = [None] * self.world_size
        dist.all_gather_object(values, value)
        return values

    def from_main(self, make: Callable[[], Any]) -> Any:
        """What `make` gives on the main process, on all of them. Its InputError ends the others without a word."""
        if self.world_size == 1:
            return make()
        answer, failure = [None, False], None
        if self.is_main:
            try:
                answer = [make(), False]
            except InputError as error:
                answer, failure = [None, True], error
        dist.broadcast_object_list(answer)
        if failure:
            raise failure
        if answer[1]:
            raise SystemExit(2)
        return answer[0]

    def once_a_node(self, work: Callable[[], None]) -> None:
        """Run `work` in one process of every machine; the others wait for it."""
        if self.local_rank == 0:
            work()
        self.barrier()

    def require_agreement(self, what: str, value: Any) -> None:
        """Raise InputError on all processes unless `value` is the same on all of them."""
        values = self.gather((value, socket.gethostname()))
        for rank, (other, host) in enumerate(values):
            if other != values[0][0]:
                self.stop(
                    f"process 0 and process {rank} on {host} differ in {what}: {values[0][0]} and {other}; "
                    "give all machines the same project, data and --result_path"
                )

    def stop(self, message: str) -> NoReturn:
        """End all processes, each of which must call this: the main one with the message, the others without a word."""
        raise InputError(message) if self.is_main else SystemExit(2)

    def barrier(self) -> None:
        if self.world_size > 1:
            dist.barrier()


def single_process(device_name: str) -> Parallel:
    """This process alone, with all visible GPUs."""
    device = choose_device(device_name)
    torch.backends.cudnn.benchmark = device.type == "cuda"  # training's shapes do not change
    return Parallel(device, num_replicas=torch.cuda.device_count() if device.type == "cuda" else 1)


def join_processes(device_name: str) -> Parallel:
    """Join the process group that torchrun describes in the environment: NCCL on GPUs, gloo on CPUs."""
    local_rank = check_environment()
    device = choose_device(device_name)
    if device.type == "cuda":
        if local_rank >= torch.cuda.device_count():
            raise InputError(f"NPROC: process {local_rank} has no GPU, there are {torch.cuda.device_count()}; lower it")
        device = torch.device("cuda", local_rank)
        torch.cuda.set_device(device)
    on_gpu = device.type == "cuda"
    torch.backends.cudnn.benchmark = on_gpu
    end_when_terminated()
    backend, gpu = ("nccl", device) if on_gpu else ("gloo", None)
    try:
        store, rank, world_size = next(dist.rendezvous("env://", timeout=LONGEST_WAIT))
        require_like_devices(store, rank, world_size, device.type)
        dist.init_process_group(
            backend, store=store, rank=rank, world_size=world_size, timeout=LONGEST_WAIT, device_id=gpu
        )
    except dist.DistNetworkError as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"MASTER_ADDR, MASTER_PORT: {reason}; give torchrun a free port") from error
    return Parallel(device, dist.get_rank(), dist.get_world_size(), local_rank)


def require_like_devices(store: dist.Store, rank: int, world_size: int, kind: str) -> None:
    """Raise InputError on process 0, SystemExit on the others, unless all have a GPU or none has: with NCCL on some and
    gloo on others, each would wait for the rest."""
    store.set(f"device of {rank}", f"{kind} on {socket.gethostname()}")
    devices = [store.get(f"device of {other}").decode() for other in range(world_size)]
    store.set(f"devices known to {rank}", "")
    store.wait([f"devices known to {other}" for other in range(world_size)])  # process 0 may hold the store
    kinds = [device.partition(" ")[0] for device in devices]
    if len(set(kinds)) == 1:
        return
    if rank:
        raise SystemExit(2)
    without = kinds.index("cpu")
    raise InputError(
        f"process {without} ({devices[without]}) has no GPU, others have: mend its driver (see its first lines), or "
        "give --device cpu on all machines"
    )


def check_environment() -> int:
    """This process's place among those of its machine. Raises InputError for what torchrun would not have set."""
    for name in TORCHRUN_VARIABLES:
        if not os.environ.get(name):
            raise InputError(f"{name} is not set; {START_WITH_TORCHRUN}")
    world_size = integer_of("WORLD_SIZE", 1, MAX_PROCESSES)
    integer_of("RANK", 0, world_size - 1)
    port, address = integer_of("MASTER_PORT", 1, 65535), os.environ["MASTER_ADDR"]
    try:
        socket.getaddrinfo(address, port)
    except (OSError, UnicodeError) as error:
        raise InputError(f"MASTER_ADDR: this machine does not know {address!r}; {START_WITH_TORCHRUN}") from error
    return integer_of("LOCAL_RANK", 0, world_size - 1)


def integer_of(variable: str, low: int, high: int) -> int:
    """The value of a variable of the environment."""
    text = os.environ[variable]
    if not (text.isdecimal() and text.isascii() and len(text) < 10 and low <= int(text) <= high):
        raise InputError(f"{variable} is {text!r}, expected an integer from {low} to {high}; {START_WITH_TORCHRUN}")
    return int(text)


def end_when_terminated() -> None:
    """Make SIGTERM end this process GRACE seconds later even where Python cannot: inside a collective.

    torchrun sends it to all processes when one has failed.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)

    def watch() -> None:
        while os.read(reader, 1)[0] != signal.SIGTERM:
            pass
        time.sleep(GRACE)
        os._exit(128 + signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def all_end_together() -> Iterator[None]:
    """Leave the process group; after a failure say why and end at once, or the others would wait for this process.

    torchrun then ends them.
    """
    try:
        yield
    except BaseException as error:
        while isinstance(error, SystemExit) and isinstance(error.__context__, InputError):
            error = error.__context__  # SIGTERM came while this was on its way
        status = report(as_of_group(error))
        sys.stdout.flush()
        os._exit(status)
    if dist.is_initialized():
        dist.destroy_process_group()


def as_of_group(error: BaseException) -> BaseException:
    """What processes that wait for each other raise when one is gone, or when NCCL fails, as an InputError."""
    text = " ".join(str(error).split())
    if isinstance(error, dist.DistBackendError) and "gloo" not in text:
        where = f"process {os.environ.get('RANK')} on {socket.gethostname()}"
        return InputError(f"{where}: {text[:600]}; if another process has said why it ended, that is why")
    if isinstance(error, dist.DistError) or (isinstance(error, RuntimeError) and "gloo" in text):
        return InputError("another process of this run has ended, and this one with it; its message is above")
    return error
