"""Peak GPU memory of a training step, by stage, model and batch, computed without a GPU.

    python benchmarks/memory.py > table.md

The step's own code runs on tensors without content (benchmarks/fake_cuda.py) in bf16; every allocation counts until
its tensor is gone, in blocks of 512 bytes as PyTorch's allocator gives them. Not counted, and left free on every card
as SPARE: the CUDA context, what cuDNN works in, and gaps between blocks.
"""

import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.stages import published_stages
from config.config import MODELS, StageOptions, SyncNetOptions
from config.errors import run_script
from config.options import build_parser

CARDS = (8, 12, 16, 24)  # GB
SPARE = 1.5  # GiB of a card for what is not counted


def main() -> None:
    build_parser((), __doc__).parse_args()
    print("| stage | model | batch | GiB |" + "".join(f" {size} GB card |" for size in CARDS))
    print("|" + " --- |" * (4 + len(CARDS)))
    for name, options in published_stages().items():
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
    from benchmarks.peak_memory import peak_memory  # seconds, which --help should not take

    if isinstance(options, SyncNetOptions):
        return peak_memory(replace(options, batch_size=options.batch_size // divisor))
    return peak_memory(options, divisor)


if __name__ == "__main__":
    run_script(main)
