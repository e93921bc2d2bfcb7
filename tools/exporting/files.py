"""Exports both halves of a generator, compares them with PyTorch, and writes the files."""

import json
import warnings
from contextlib import redirect_stdout
from dataclasses import asdict
from io import StringIO
from pathlib import Path

import onnxruntime
import torch
from torch import Tensor, nn

from config.errors import InputError
from media.files import atomic_write
from models.folding import fold_batch_norms
from models.loading import LoadedNetwork
from models.spec import NetworkSpec
from tools.exporting.halves import FrameHalf, ReferenceHalf, frame_example, reference_example

OPSET = 20  # of 2023: the first whose GridSample says all that the warps need
CLOSE = 1e-3  # from PyTorch, of values in [0, 1]
BATCHES = (1, 3)  # that frame.onnx is compared at; it was traced at 2


def export(generator: LoadedNetwork, folder: Path) -> float:
    """Write reference.onnx, frame.onnx and generator.json. Returns the largest difference from PyTorch.

    Raises InputError where the exported networks do not give what PyTorch's give; no file is written then.
    """
    network, spec = fold_batch_norms(generator.network).eval(), generator.spec
    rng = torch.Generator().manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    with (
        torch.inference_mode(),
        atomic_write(folder / "generator.json") as description,
        atomic_write(folder / "frame.onnx") as frame,
        atomic_write(folder / "reference.onnx") as reference,
    ):
        difference = max(
            export_reference(ReferenceHalf(network).eval(), spec, rng, reference),
            export_frame(FrameHalf(network, spec).eval(), spec, rng, frame),
        )
        if not difference < CLOSE:
            raise InputError(
                f"--pretrained_clip_DINet_path: the exported network is {difference:.1e} from PyTorch's, {CLOSE:g} is "
                "allowed; this checkpoint cannot be exported"
            )
        text = json.dumps(describe(reference, frame, spec), indent=2, ensure_ascii=False)
        description.write_text(text + "\n", encoding="utf-8")
    return difference


def export_reference(half: ReferenceHalf, spec: NetworkSpec, rng: torch.Generator, path: Path) -> float:
    example = reference_example(spec, rng)
    save(half, {"reference": example}, ["encoded", "appearance"], set(), path)
    return largest_difference(half, path, {"reference": reference_example(spec, rng)})


def export_frame(half: FrameHalf, spec: NetworkSpec, rng: torch.Generator, path: Path) -> float:
    features = ReferenceHalf(half.network)(reference_example(spec, rng))
    save(half, frame_inputs(features, *frame_example(spec, 2, rng)), ["face"], {"source", "audio"}, path)
    return max(
        largest_difference(half, path, frame_inputs(features, *frame_example(spec, batch, rng))) for batch in BATCHES
    )


def frame_inputs(features: tuple[Tensor, Tensor], source: Tensor, audio: Tensor) -> dict[str, Tensor]:
    return {"source": source, "encoded": features[0], "appearance": features[1], "audio": audio}


def save(module: nn.Module, inputs: dict[str, Tensor], outputs: list[str], batched: set[str], path: Path) -> None:
    """Export by example. The first axis of the inputs `batched` may be of any length."""
    batch = torch.export.Dim("batch", min=1, max=1024)
    shapes = {name: {0: batch} if name in batched else None for name in inputs}
    with warnings.catch_warnings(), redirect_stdout(StringIO()):  # of the exporter's own steps
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module,
            tuple(inputs.values()),
            dynamo=True,
            dynamic_shapes=shapes,
            opset_version=OPSET,
            output_names=outputs,
        )
        program.save(path)


def largest_difference(module: nn.Module, path: Path, inputs: dict[str, Tensor]) -> float:
    """Between the file's outputs and the module's."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found = session.run(None, {name: value.numpy() for name, value in inputs.items()})
    wanted = module(*inputs.values())
    wanted = (wanted,) if isinstance(wanted, Tensor) else wanted
    return max(float((torch.from_numpy(a) - b).abs().max()) for a, b in zip(found, wanted, strict=True))


def describe(reference: Path, frame: Path, spec: NetworkSpec) -> dict:
    """What a program needs to know that uses the files: names and shapes, and the spec of the checkpoint."""
    return {
        "reference.onnx": tensors(reference),
        "frame.onnx": tensors(frame),
        "spec": asdict(spec),
        "audio_step_ms": 40,
    }


def tensors(path: Path) -> dict[str, dict[str, list]]:
    """Shapes of inputs and outputs by name; an axis of any length has a name instead of a number."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return {
        "inputs": {tensor.name: tensor.shape for tensor in session.get_inputs()},
        "outputs": {tensor.name: tensor.shape for tensor in session.get_outputs()},
    }
