"""What another engine gives beside PyTorch as inference.py runs it on a CPU: time a frame, and how far from float32.

    python benchmarks/engines.py                                   random weights of the published width, mouth 64
    python benchmarks/engines.py --checkpoint best.pth --video FACE.mp4 --speech SPEECH.wav

One frame at a time, engines in turn: ONNX Runtime and, where it is installed (pip install openvino), OpenVINO from what
tools/export_onnx.py writes, and torch.compile, which needs a C++ compiler. Int8 is calibrated on the first half of 40
frames, and PSNR is of the others, of whole faces.
"""

import json
import shlex
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from config.config import MODELS
from config.errors import InputError, run_script
from config.options import option, parse
from media.files import atomic_write


@dataclass
class EngineOptions:
    checkpoint: str = option("", "of a frame or clip stage; empty: random DINet and LawDNet")
    video: str = option("", "of a face, for --checkpoint")
    speech: str = option("", "any sound file, for --checkpoint")
    mouth_size: int = option(64, "of the random generators", low=32, high=256)
    width: int = option(64, "of the random generators; 64 is the published one", low=4, high=512)
    repeats: int = option(15, "rounds, of which the median counts", low=1)
    json: str = option("", "file that the rows are written to as JSON")


def main() -> None:
    options = parse(EngineOptions, __doc__)
    if options.checkpoint and not (options.video and options.speech):
        raise InputError("--checkpoint is given without --video and --speech; int8 is calibrated on them")
    from benchmarks.engine_cases import random_case, trained_case  # seconds, which --help should not take
    from benchmarks.engine_rows import engine_rows
    from benchmarks.tables import engine_lines
    from models.device import choose_device, describe_device

    cpu = choose_device("cpu")
    if options.checkpoint:
        cases = [trained_case(options.checkpoint, options.video, options.speech)]
    else:
        cases = [random_case(model, options.mouth_size, options.width) for model in MODELS]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for case in cases:
            print(f"{case.name}:", flush=True)
            rows += [{"generator": case.name, **row} for row in engine_rows(case, Path(folder), options.repeats)]
    record = {"command": shlex.join(["python", *sys.argv]), "machine": describe_device(cpu, "auto"), "rows": rows}
    print("\n".join(engine_lines(record)))
    if options.json:
        with atomic_write(options.json) as temporary:
            temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run_script(main)
