"""Runs a generator in every engine at hand, for engines.py."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnxruntime import quantization
from torch import Tensor

from benchmarks.engine_cases import FRAMES, Case
from benchmarks.timing import measure_in_turn
from dubbing.renderer import Renderer
from models.device import autocast, resolve_precision
from tools.exporting.files import export

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
        whole, small = folder / "frame.onnx", quantised(case, folder)
        engines |= {"ONNX Runtime": onnx_runtime(case, whole), "ONNX Runtime, int8": onnx_runtime(case, small)}
        engines |= openvino(case, whole, small)
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


def quantised(case: Case, folder: Path) -> Path:
    """frame.onnx with int8 inputs and weights of its 2-D convolutions, but of the first and last layers.

    Of what was tried this is nearest to float32 in OpenVINO, which loses more by scales that are not symmetric.
    """
    prepared, path = folder / "prepared.onnx", folder / "int8.onnx"
    quantization.shape_inference.quant_pre_process(folder / "frame.onnx", prepared, skip_symbolic_shape=True)
    graph = onnx.load(prepared).graph
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    convolutions = {node.name: shapes[node.input[1]] for node in graph.node if node.op_type == "Conv"}
    left_out = [name for name, shape in convolutions.items() if len(shape) < 4 or min(shape[:2]) <= 3]
    quantization.quantize_static(
        prepared,
        path,
        Calibration(case),
        per_channel=True,
        activation_type=quantization.QuantType.QInt8,
        op_types_to_quantize=["Conv"],
        nodes_to_exclude=left_out,
        extra_options={"ActivationSymmetric": True, "OpTypesToExcludeOutputQuantization": ["Conv"]},
    )
    return path


class Calibration(quantization.CalibrationDataReader):
    """The inputs of the first frames, one by one."""

    def __init__(self, case: Case):
        self.frames = (inputs(case, number) for number in range(CALIBRATED))

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.frames, None)


def openvino(case: Case, whole: Path, small: Path) -> dict[str, Draw]:
    """Nothing where it is not installed."""
    try:
        import openvino as engine
    except ImportError:
        return {}
    drawn = {}
    for name, path, precision in (
        ("OpenVINO", whole, engine.Type.f32),
        ("OpenVINO, bf16", whole, engine.Type.bf16),
        ("OpenVINO, int8", small, engine.Type.f32),
    ):
        hint = {engine.properties.hint.inference_precision: precision}
        model = engine.Core().compile_model(path, "CPU", hint)
        drawn[name] = lambda number, model=model: torch.from_numpy(next(iter(model(inputs(case, number)).values())))
    return drawn
