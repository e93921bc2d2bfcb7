"""A generator's frames in int8 by OpenVINO, for processors: calibrated on the video that is dubbed.

Static quantisation by ONNX Runtime: of every convolution and product, weights by channel and inputs by tensor, by the
least and greatest values that calibration saw.
"""

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from config.errors import InputError
from dubbing.exporting.files import export_frame
from dubbing.exporting.halves import FrameHalf
from models.dinet import ReferenceFeatures
from models.loading import LoadedNetwork

PRODUCTS = ["Conv", "ConvTranspose", "MatMul", "Gemm"]
Draw = Callable[[Tensor, Tensor], Tensor]


class Int8Generator:
    """What draws the faces of one generator in int8; `fit` for every video anew."""

    def __init__(self, generator: LoadedNetwork):
        """Takes some 15 s. Raises InputError where OpenVINO is missing."""
        from onnxruntime.quantization import quant_pre_process  # a second

        self.openvino = import_openvino()
        self.folder = TemporaryDirectory()
        exported, self.prepared = (Path(self.folder.name) / name for name in ("frame.onnx", "prepared.onnx"))
        half = FrameHalf(generator.network, generator.spec).eval()
        with torch.inference_mode():
            export_frame(half, generator.spec, torch.Generator().manual_seed(0), exported)
        quant_pre_process(exported, self.prepared, skip_symbolic_shape=True)

    def fit(self, reference: ReferenceFeatures, sources: Tensor, audio: Tensor) -> Draw:
        """What draws faces (B, 3, h, w) of crops (B, 3, h, w) and windows (B, dim, 5) with these reference features.

        `sources` and `audio` are some of them, whose values decide the scales.
        """
        from onnxruntime.quantization import quantize_static

        known = {name: value.float().numpy() for name, value in reference._asdict().items()}
        inputs = [{**known, **frame_inputs(*pair)} for pair in zip(sources.split(1), audio.split(1), strict=True)]
        path = self.prepared.with_name("int8.onnx")
        quantize_static(self.prepared, path, Calibration(inputs), per_channel=True, op_types_to_quantize=PRODUCTS)
        rest = {self.openvino.properties.hint.inference_precision: self.openvino.Type.f32}
        model = self.openvino.Core().compile_model(path, "CPU", rest)

        def draw(sources: Tensor, audio: Tensor) -> Tensor:
            return torch.from_numpy(next(iter(model({**known, **frame_inputs(sources, audio)}).values())))

        return draw


class Calibration:
    """As onnxruntime.quantization.CalibrationDataReader."""

    def __init__(self, inputs: list[dict[str, np.ndarray]]):
        self.inputs: Iterator[dict[str, np.ndarray]] = iter(inputs)

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.inputs, None)


def frame_inputs(sources: Tensor, audio: Tensor) -> dict[str, np.ndarray]:
    return {"source": sources.contiguous().numpy(), "audio": audio.contiguous().numpy()}


def import_openvino() -> ModuleType:
    try:
        return importlib.import_module("openvino")
    except ImportError as error:
        raise InputError(
            "--engine openvino: OpenVINO is not installed; pip install openvino, or leave the flag out"
        ) from error
