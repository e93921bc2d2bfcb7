"""How fast each stage is, beside what the machine could do.

    python benchmarks/speed.py                     everything, on the GPU if there is one
    python benchmarks/speed.py generator loader --device cpu --json speed.json
    python benchmarks/speed.py --toy               whether all of it runs here

Medians over repeats after warm-up, on generated input. The limit of networks is the rate of a matrix product, in bf16
where the device multiplies in it, measured in the same run, that of the loader the decoding of its crops, that of
inference.py its generator alone, that of preprocessing the decoding of the raw video. `ways` leaves out, one by one,
what makes the generators fast.
"""

import json
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from config.config import DEVICES
from config.errors import InputError, run_script
from config.options import build_parser, check, option
from media.files import atomic_write

if TYPE_CHECKING:
    import torch

    from benchmarks.sizes import Sizes
    from benchmarks.timing import Row

STAGES = ("generator", "ways", "training", "loader", "inference", "host", "preprocessing")


@dataclass
class SpeedOptions:
    device: str = option("auto", "auto: CUDA if there is a GPU", choices=DEVICES)
    json: str = option("", "file that the rows are written to as JSON")
    toy: bool = option(False, "see in minutes whether all of it runs here; the figures mean nothing")


def main() -> None:
    parser = build_parser(SpeedOptions, __doc__)
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=f"{', '.join(STAGES)} or all (default: all)")
    given = vars(parser.parse_args())
    names = given.pop("stages") or ["all"]
    options = SpeedOptions(**given)
    check(options)
    unknown = [name for name in names if name not in (*STAGES, "all")]
    if unknown:
        raise InputError(f"{unknown[0]!r} is no stage; expected {', '.join(STAGES)} or all")
    from benchmarks.sizes import REAL, TOY  # seconds, which --help should not take
    from benchmarks.timing import HEADER
    from models.device import choose_device, describe_device

    device, rows_of = choose_device(options.device), measurements()
    print(f"| {' | '.join(HEADER)} |\n|{' --- |' * len(HEADER)}", flush=True)
    records = []
    for name in STAGES if "all" in names else names:
        for row in rows_of[name](device, TOY if options.toy else REAL):
            print(f"| {' | '.join(row.cells())} |", flush=True)
            records.append(row.record())
    if options.json:
        with atomic_write(options.json) as temporary:
            record = {
                "command": shlex.join(["python", *sys.argv]),
                "machine": describe_device(device, "auto"),
                "rows": records,
            }
            temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def measurements() -> "dict[str, Callable[[torch.device, Sizes], Iterator[Row]]]":
    """What measures each stage."""
    from benchmarks.speed_data import loader_rows
    from benchmarks.speed_host import host_rows
    from benchmarks.speed_inference import inference_rows
    from benchmarks.speed_networks import generator_rows, training_rows
    from benchmarks.speed_preprocessing import preprocessing_rows
    from benchmarks.speed_ways import ways_rows

    rows = (generator_rows, ways_rows, training_rows, loader_rows, inference_rows, host_rows, preprocessing_rows)
    return dict(zip(STAGES, rows, strict=True))


if __name__ == "__main__":
    run_script(main)
