"""Time and cost of training on 10, 100 and 1,000 hours of video with 1, 8 and 64 GPUs, from measured figures.

    python benchmarks/speed.py loader preprocessing --json speed.json
    python benchmarks/scaling.py --speed speed.json --peak_tflops 989 --utilisation 0.3 --price 3 > tables.md

The operations of every training step are counted, not estimated. What a GPU makes of its peak is an assumption until
`speed.py training` has measured it: --utilisation.
"""

import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.stages import CROPS, published_stages
from config.config import StageOptions
from config.errors import InputError, run_script
from config.options import option, parse
from face.geometry import crop_size

HOURS, GPUS = (10, 100, 1000), (1, 8, 64)
VIDEOS_AN_HOUR = 23  # as in HDTF (CVPR 2021), which DINet was trained on: 362 videos, 15.8 hours
CORES_A_GPU = 8  # of a usual machine, for loading
PREPROCESSING = "raw 1080x1920 to training JSON with mel, 2 workers"
LOADING = {
    kind: (f"{kind} sample, mouth {{}}, one worker", f"{kind} sample, mouth {{}}, packed crops, one worker")
    for kind in CROPS
}  # rows of JPEG crops and of packed ones
JPEG_BYTES = 29e3  # of a stored crop: the mean of 12,000 of the sample speaker's; two real clips' have 25e3


@dataclass
class ScalingOptions:
    speed: str = option("", "JSON of speed.py with the loader and preprocessing")
    peak_tflops: float = option(989.0, "bf16 peak of one GPU, TFLOP/s; an H100 SXM has 989 (data sheet)", low=1)
    utilisation: float = option(0.3, "share of the peak that a training step reaches", low=0.01, high=1)
    price: float = option(3.0, "of one GPU for an hour, in your currency", low=0)


def main() -> None:
    options = parse(ScalingOptions, __doc__)
    measured, stages = read_speed(options.speed), published_stages()
    from benchmarks.speed_networks import count_flops  # seconds, which --help should not take

    work = {name: count_flops(stage) for name, stage in stages.items()}
    rate = options.peak_tflops * 1e12 * options.utilisation
    print_stages(stages, work, rate, measured)
    print_totals(stages, work, rate, measured, options.price)


def read_speed(path: str) -> dict[str, float]:
    """Seconds a unit, by row."""
    if not Path(path).is_file():
        raise InputError(f"--speed {path!r} is not a file; make it with speed.py loader preprocessing --json FILE")
    content = json.loads(Path(path).read_text(encoding="utf-8"))
    rows = content["rows"] if isinstance(content, dict) else content  # earlier versions wrote the rows alone
    seconds = {row["name"]: row["seconds"] for row in rows}
    if PREPROCESSING not in seconds:
        raise InputError(f"--speed {path}: holds no row {PREPROCESSING!r}; run speed.py loader preprocessing")
    return seconds


def samples(stage: StageOptions, hours: float) -> float:
    """That the published schedule draws from so many hours."""
    return hours * VIDEOS_AN_HOUR * stage.augment_num * (stage.non_decay + stage.decay)


def print_stages(stages: dict, work: dict[str, float], rate: float, measured: dict[str, float]) -> None:
    """What one GPU needs from its machine, from JPEG crops and from packed ones, and how many GPUs a batch can feed."""
    print(
        "| stage | GFLOP a sample | samples/s of one GPU | loader processes, JPEG | packed | read, JPEG | packed "
        "| samples for 10 h | batch |\n|" + " --- |" * 9
    )
    for name, stage in stages.items():
        speed, crops = rate / work[name], CROPS[stage.stage]
        jpeg, packed = (measured.get(row.format(stage.mouth_size)) for row in LOADING[stage.stage])
        decoded = 3 * math.prod(crop_size(stage.mouth_size))
        cells = [
            name,
            f"{work[name] / 1e9:.0f}",
            f"{speed:.0f}",
            *(f"{speed * seconds:.1f}" if seconds else "" for seconds in (jpeg, packed)),
            *(f"{speed * crops * size / 1e6:.0f} MB/s" for size in (JPEG_BYTES, decoded)),
            f"{samples(stage, 10) / 1e6:.2f} M",
            f"{stage.batch_size}",
        ]
        print(f"| {' | '.join(cells)} |")


def print_totals(stages: dict, work: dict, rate: float, measured: dict[str, float], price: float) -> None:
    """A batch cannot be shared by more GPUs than it has samples: the others wait, and are paid for."""
    print("\n| hours of video | GPUs | preprocessing | training | cost of training |\n| --- | --- | --- | --- | --- |")
    for hours in HOURS:
        for gpus in GPUS:
            cores = CORES_A_GPU * gpus
            ready = hours * measured[PREPROCESSING] * 2 / cores  # measured with two cores
            training = sum(
                samples(stage, hours) * work[name] / min(gpus, stage.batch_size) for name, stage in stages.items()
            )
            training /= rate * 3600
            cost = f"{training * gpus * price:,.0f}"
            print(f"| {hours:,} | {gpus} | {ready:.1f} h on {cores} cores | {training:,.1f} h | {cost} |")


if __name__ == "__main__":
    run_script(main)
