"""Runs a generator in every engine at hand, for engines.py."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import openvino as engine
import torch
from torch import Tensor

from benchmarks.engine_cases import FRAMES, Case
from benchmarks.timing import measure_in_turn
from dubbing.exporting.files import export
from dubbing.int8 import Int8Generator
from dubbing.renderer import Renderer
from models.device import autocast, resolve_precision

CPU = torch.device("cpu")
CALIBRATED = FRAMES // 2  # first frames, of which int8 learns its scales; PSNR is of the others
Draw = Callable[[int], Tensor]  # the face of a frame, by its number


def engine_rows(case: Case, folder: Path, repeats: int) -> Iterator[dict[str, object]]:
    """Engine, ms a frame (median, least, most), times as fast as PyTorch, PSNR beside float32."""
    with torch.inference_mode():
        exact = pytorch(case, "fp32")
        engines = {"PyTorch": pytorch(case, "auto")}
        if resolve_precision(CPU, "auto") != "bf16":
            engines["PyTorch, bf16"] = pytorch(case, "bf16")
        engines["torch.compile"] = pytorch(case, "auto", lambda generate: torch.compile(generate, dynamic=False))
        export(case.load(), folder)
        path = folder / "frame.onnx"
        engines |= {"ONNX Runtime": onnx_runtime(case, path), **openvino(case, path)}
        engines["--engine openvino, int8"] = int8(case)
        tested = range(CALIBRATED, len(case.sources))
        wanted = torch.cat([exact(number) for number in tested])
        works = {name: lambda draw=draw: draw(0) for name, draw in engines.items()}
        rows = measure_in_turn(works, "frame", 1, CPU, repeats)
        for name, row in rows.items():
            faces = torch.cat([engines[name](number).float() for number in tested])
            yield {
                "engine": name,
                **{key: 1e3 * value for key, value in (("ms", row.seconds), ("least", row.least), ("most", row.most))},
                "ratio": rows["PyTorch"].seconds / row.seconds,
                "psnr": -10 * math.log10(max(1e-12, (faces - wanted).square().mean())),
            }


def pytorch(case: Case, precision: str, change: Callable[[Callable], Callable] = lambda generate: generate) -> Draw:
    renderer = Renderer(case.load(), CPU, precision)
    generate = change(renderer.network.generate)

    def draw(number: int) -> Tensor:
        source, audio = case.sources[number : number + 1], case.audio[number : number + 1]
        with autocast(CPU, renderer.precision):
            return generate(source * renderer.mask, case.reference, audio)

    return draw


def inputs(case: Case, number: int) -> dict[str, np.ndarray]:
    return {
        "source": case.sources[number : number + 1].numpy(),
        "encoded": case.reference.encoded.float().numpy(),
        "appearance": case.reference.appearance.float().numpy(),
        "audio": case.audio[number : number + 1].numpy(),
    }


def onnx_runtime(case: Case, path: Path) -> Draw:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda number: torch.from_numpy(session.run(None, inputs(case, number))[0])


def int8(case: Case) -> Draw:
    """As inference.py has it, its scales from the first frames."""
    calibration = (case.sources[:CALIBRATED], case.audio[:CALIBRATED])
    draw = Int8Generator(case.load()).fit(case.reference, *calibration)
    return lambda number: draw(case.sources[number : number + 1], case.audio[number : number + 1])


def openvino(case: Case, path: Path) -> dict[str, Draw]:
    drawn, hint = {}, engine.properties.hint
    for name, precision in (("OpenVINO", engine.Type.f32), ("OpenVINO, bf16", engine.Type.bf16)):
        model = engine.Core().compile_model(path, "CPU", {hint.inference_precision: precision})
        drawn[name] = lambda number, model=model: torch.from_numpy(next(iter(model(inputs(case, number)).values())))
    return drawn
