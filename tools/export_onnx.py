"""Write a generator as two ONNX files, for TensorRT, OpenVINO, ONNX Runtime and mobile engines.

    python tools/export_onnx.py --pretrained_clip_DINet_path CHECKPOINT --output_folder output/onnx

reference.onnx turns the five reference crops into features, once a video; frame.onnx makes frames from them, any number
at a time, and hides the mouth itself. generator.json says what goes in and out, and how crops and sound are made. Both
are run in ONNX Runtime and compared with PyTorch before any file is kept.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from config.config import ExportOptions
from config.errors import InputError, run_script
from config.options import parse


def main() -> None:
    options = parse(ExportOptions, __doc__)
    if not options.pretrained_clip_DINet_path:
        raise InputError("--pretrained_clip_DINet_path is missing; give the checkpoint of a generator")
    from media.files import check_writable
    from models.loading import load_generator
    from tools.exporting.files import export

    check_writable("--output_folder", options.output_folder, is_folder=True)
    generator = load_generator(options.pretrained_clip_DINet_path, "--pretrained_clip_DINet_path")
    difference = export(generator, Path(options.output_folder))
    print(f"{options.output_folder}: reference.onnx, frame.onnx, generator.json; within {difference:.1e} of PyTorch")


if __name__ == "__main__":
    run_script(main)
