"""Which operators a frame and a training step spend their time in, by PyTorch's profiler.

    python benchmarks/operators.py                     on the GPU if there is one
    python benchmarks/operators.py --device cpu --json operators.json

Shares are of all operators' own time: that of the processor, on a GPU that of its kernels.
"""

import json
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from config.config import DEVICES
from config.errors import run_script
from config.options import option, parse
from media.files import atomic_write

if TYPE_CHECKING:
    import torch

    from benchmarks.sizes import Sizes

SHOWN = 8  # operators of each work; the rest is one
WARMUP, CALLS = 2, 3
Works = Iterator[tuple[str, Callable[[], object]]]


@dataclass
class ProfileOptions:
    device: str = option("auto", "auto: CUDA if there is a GPU", choices=DEVICES)
    json: str = option("", "file that the shares are written to as JSON")
    toy: bool = option(False, "see in seconds whether it runs here; the figures mean nothing")


def main() -> None:
    options = parse(ProfileOptions, __doc__)
    from benchmarks.sizes import REAL, TOY  # seconds, which --help should not take
    from models.device import choose_device, describe_device

    device = choose_device(options.device)
    rows = []
    for name, work in works(device, TOY if options.toy else REAL):
        rows.append({"work": name, "operators": shares(work, device)})
        print(f"{name}: {told(rows[-1]['operators'])}", flush=True)
    if options.json:
        with atomic_write(options.json) as temporary:
            record = {
                "command": shlex.join(["python", *sys.argv]),
                "machine": describe_device(device, "auto"),
                "rows": rows,
            }
            temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def works(device: "torch.device", sizes: "Sizes") -> Works:
    """A frame of each generator at each size, and the training steps that speed.py times."""
    from benchmarks.speed_networks import NETWORKS, make_batch, make_phases, timed_stages, train
    from benchmarks.speed_ways import generator

    for name in NETWORKS:
        for mouth_size in sizes.mouths:
            yield f"{name}, mouth {mouth_size}", generator(name, mouth_size, sizes.width, device, "")
    for name, options in timed_stages(device, sizes).items():
        yield (
            f"training step, {name}",
            partial(train, make_phases(options, device), make_batch(options, device), device),
        )


def shares(work: Callable[[], object], device: "torch.device") -> dict[str, float]:
    """By operator, the largest first, and "others": its share of the time of all, which add up to 1."""
    from torch.autograd import DeviceType
    from torch.profiler import ProfilerActivity, profile

    from benchmarks.timing import synchronise

    on_gpu = device.type == "cuda"
    for _ in range(WARMUP):
        work()
    with profile(activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]) as profiler:
        for _ in range(CALLS):
            work()
        synchronise(device)
    # Kernels are listed by themselves too, beside the operators that launched them.
    events = [event for event in profiler.key_averages() if event.device_type == DeviceType.CPU]
    spent = {event.key: event.self_device_time_total if on_gpu else event.self_cpu_time_total for event in events}
    total = sum(spent.values()) or 1
    largest = sorted(spent, key=spent.get, reverse=True)[:SHOWN]
    known = {name.removeprefix("aten::"): spent[name] / total for name in largest}
    return {**known, "others": max(0.0, 1 - sum(known.values()))}


def told(operators: dict[str, float]) -> str:
    return ", ".join(f"{name} {share:.0%}" for name, share in operators.items())


if __name__ == "__main__":
    run_script(main)
