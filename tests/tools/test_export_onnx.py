"""tools/export_onnx.py: ONNX Runtime gives what this project's own renderer gives, and nothing else is touched."""

import json

import numpy as np
import onnxruntime
import pytest
import torch
from talking_photo import tiny_spec, write_checkpoint

from config.errors import InputError
from dubbing.renderer import Renderer
from models.loading import load_generator
from tools.exporting import files
from tools.exporting.files import export

BATCH = 5  # neither traced nor compared by the tool


def checkpoint(folder, network: str):
    """Of a generator whose weights give pictures that depend on all they are given."""
    spec = tiny_spec(network, mask="box_below" if network == "dinet" else "smooth")
    path = write_checkpoint(folder, spec)
    content = torch.load(path, weights_only=True)
    state = content["state_dict"]["net_g"]
    for name, tensor in state.items():
        if tensor.is_floating_point() and tensor.dim() > 1:
            state[name] = tensor * 2
    torch.save(content, path)
    return path


def session(path):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("network", ["dinet", "lawdnet"])
def test_the_files_give_what_the_renderer_gives(network, tmp_path):
    loaded = load_generator(checkpoint(tmp_path, network), "--x")
    renderer = Renderer(load_generator(checkpoint(tmp_path, network), "--x"), torch.device("cpu"), "fp32")
    assert export(loaded, tmp_path / "onnx") < files.CLOSE

    rng = np.random.default_rng(0)
    references = rng.integers(0, 256, (5, 104, 80, 3), dtype=np.uint8)
    crops = rng.integers(0, 256, (BATCH, 104, 80, 3), dtype=np.uint8)
    windows = rng.standard_normal((BATCH, 5, loaded.spec.arguments["audio_channel"])).astype(np.float32)
    renderer.reference = renderer.encode(references)
    wanted = renderer.generate(crops, windows)
    assert wanted.std(axis=0).max() > 5, "frames hardly differ, so little was shown"

    rgb = renderer.to_network(references).flatten(0, 1)[None].numpy()
    encoded, appearance = session(tmp_path / "onnx" / "reference.onnx").run(None, {"reference": rgb})
    (faces,) = session(tmp_path / "onnx" / "frame.onnx").run(
        None,
        {
            "source": renderer.to_network(crops).numpy(),
            "encoded": encoded,
            "appearance": appearance,
            "audio": windows.transpose(0, 2, 1),
        },
    )
    found = (faces.transpose(0, 2, 3, 1)[..., ::-1] * 255).round()
    assert np.abs(found - wanted).max() <= 1

    told = json.loads((tmp_path / "onnx" / "generator.json").read_text(encoding="utf-8"))
    assert told["frame.onnx"]["inputs"]["source"] == ["batch", 3, 104, 80]
    assert told["frame.onnx"]["outputs"] == {"face": ["batch", 3, 104, 80]}
    assert told["spec"]["audio_feature"] == "mel"


def test_a_network_that_comes_out_otherwise_leaves_the_folder_as_it_was(tmp_path, monkeypatch):
    (tmp_path / "onnx").mkdir()
    (tmp_path / "onnx" / "mine.txt").write_text("kept")
    monkeypatch.setattr(files, "CLOSE", 0.0)
    with pytest.raises(InputError, match=r"--pretrained_clip_DINet_path: the exported network is .* from PyTorch's"):
        export(load_generator(checkpoint(tmp_path, "dinet"), "--x"), tmp_path / "onnx")
    assert [path.name for path in (tmp_path / "onnx").iterdir()] == ["mine.txt"]
