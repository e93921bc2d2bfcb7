"""Times that can be trusted: warmed up, synchronised, repeated; medians with their spread."""

import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from tqdm import tqdm

WARMUP, REPEATS = 2, 5
RATE_REPEATS = 25


@dataclass(frozen=True)
class Row:
    """One line of the table. `seconds` a unit: median, least and most of the repeats; `limit` is the physical one."""

    name: str
    unit: str
    seconds: float
    least: float
    most: float
    limit: float | None = None  # seconds a unit
    limited_by: str = ""
    plain: float | None = None  # seconds a unit of the plain float32 path, measured in the same run
    peak_mb: float = 0.0

    def cells(self) -> list[str]:
        rate = f"{1 / self.seconds:.2f}/s"
        time_ms = f"{1e3 * self.seconds:.2f} ms ({1e3 * self.least:.2f} to {1e3 * self.most:.2f})"
        limit = f"{1e3 * self.limit:.2f} ms, {self.limited_by}" if self.limit else ""
        share = f"{self.limit / self.seconds:.0%}" if self.limit else ""
        ratio = f"1/{self.plain / self.seconds:.1f}" if self.plain else ""
        return [
            self.name,
            self.unit,
            rate,
            time_ms,
            limit,
            share,
            ratio,
            f"{self.peak_mb:.0f} MB" if self.peak_mb else "",
        ]

    def record(self) -> dict:
        return asdict(self)


HEADER = ["what", "unit", "throughput", "time a unit (spread)", "limit", "of limit", "of plain float32", "peak memory"]


def measure(
    name: str,
    unit: str,
    work: Callable[[], object],
    units: int,
    device: torch.device,
    repeats: int = REPEATS,
    **known: object,
) -> Row:
    """Time `work`, which does `units` of something. `known` are the row's other fields."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    row = measure_in_turn({name: work}, unit, units, device, repeats)[name]
    return replace(row, peak_mb=peak_mb(device), **known)


def measure_in_turn(
    works: dict[str, Callable[[], object]],
    unit: str,
    units: int,
    device: torch.device,
    repeats: int,
) -> dict[str, Row]:
    """Time each of `works` once in every round, so that a machine that slows down slows all of them."""
    for work in works.values():
        for _ in range(WARMUP):
            work()
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in tqdm(range(repeats), next(iter(works)), leave=False):
        for name, work in works.items():
            synchronise(device)
            began = time.perf_counter()
            work()
            synchronise(device)
            times[name].append((time.perf_counter() - began) / units)
    return {name: Row(name, unit, statistics.median(taken), min(taken), max(taken)) for name, taken in times.items()}


def synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def peak_mb(device: torch.device) -> float:
    """Of the GPU since the measurement began, or of this process since it began."""
    return torch.cuda.max_memory_allocated() / 2**20 if device.type == "cuda" else resident_mb()


def resident_mb() -> float:
    """The most memory that this process has held."""
    status = Path("/proc/self/status")  # Linux, whose ru_maxrss counts the process that started this one too
    for line in status.read_text().splitlines() if status.exists() else ():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 2**10
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (2**20 if sys.platform == "darwin" else 2**10)  # bytes on macOS, else KB


def matmul_rate(device: torch.device, dtype: torch.dtype, size: int) -> float:
    """Floating-point operations a second of a large matrix product in the best of its repeats: what the machine can do.

    A median is halved by whatever else runs in that second, and every share of the limit with it.
    """
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    row = measure(f"matrix product {dtype}", "product", lambda: a @ b, 1, device, RATE_REPEATS)
    return 2 * size**3 / row.least
