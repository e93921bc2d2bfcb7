"""The networks against the published ones: names, shapes and outputs (tests/fixtures/README.md)."""

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from models.dinet import DINet
from models.discriminator import Discriminator
from models.lawdnet import LawDNet
from models.syncnet import SyncNet

FIXTURES = Path(__file__).parents[1] / "fixtures"
NETWORKS = {
    "dinet": lambda: DINet(3, 15, 29),
    "lawdnet": lambda: LawDNet(3, 15, 29),
    "syncnet": lambda: SyncNet(15, 29, 128),
    "discriminator_image": lambda: Discriminator(3),
    "discriminator_clip": lambda: Discriminator(15),
}
TOLERANCE = 2e-5


def fill(network: torch.nn.Module) -> torch.nn.Module:
    """Weights from names and shapes alone, by the rule in tests/fixtures/README.md."""
    state = network.state_dict()
    for name, tensor in state.items():
        x = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(tuple(tensor.shape))
        if name.endswith("num_batches_tracked"):
            x = np.zeros(())
        elif name.endswith("running_var"):
            x = 1 + 0.1 * np.abs(x)
        elif name.endswith(("running_mean", "bias")):
            x = 0.1 * x
        elif x.ndim >= 2 and "positional" not in name:
            x = x * np.sqrt(1 / np.prod(x.shape[1:]))
        elif x.ndim == 1:
            x = 1 + 0.1 * x
        state[name] = torch.as_tensor(x).to(tensor.dtype)
    network.load_state_dict(state)
    return network.eval()


def tagged(tag: str, shape: tuple[int, ...], normal: bool = False) -> torch.Tensor:
    generator = np.random.RandomState(zlib.crc32(tag.encode()))
    values = generator.standard_normal(shape) if normal else generator.random_sample(shape)
    return torch.from_numpy(values.astype(np.float32))


@pytest.mark.parametrize("name", NETWORKS)
def test_state_dict_has_the_published_names_and_shapes(name):
    published = json.loads((FIXTURES / "state_dict_shapes.json").read_text())[name]
    ours = {key: list(value.shape) for key, value in NETWORKS[name]().state_dict().items()}
    assert ours == dict(published)


@pytest.mark.parametrize("name", ["dinet", "lawdnet"])
@torch.no_grad()
def test_generator_output_is_the_published_one(name):
    network = fill(NETWORKS[name]())
    output = network(
        tagged("source", (1, 3, 104, 80)), tagged("reference", (1, 15, 104, 80)), tagged("audio", (1, 29, 5), True)
    )
    expected = np.load(FIXTURES / f"{name}_mouth64.npz")["output"]
    assert np.abs(output.numpy() - expected).max() < TOLERANCE


@torch.no_grad()
def test_syncnet_output_is_the_published_one():
    network = fill(NETWORKS["syncnet"]())
    output = network(tagged("clip", (2, 15, 256, 256)), tagged("audio_full", (2, 29, 9), True))
    assert np.abs(output.numpy() - np.load(FIXTURES / "syncnet_mouth256.npz")["output"]).max() < TOLERANCE


@pytest.mark.parametrize("kind, channels", [("image", 3), ("clip", 15)])
@torch.no_grad()
def test_discriminator_output_is_the_published_one(kind, channels):
    maps, scores = fill(NETWORKS[f"discriminator_{kind}"]())(tagged("disc", (1, channels, 104, 80)))
    expected = np.load(FIXTURES / f"discriminator_{kind}.npz")
    assert np.abs(scores.numpy() - expected["output"]).max() < TOLERANCE
    for index, feature_map in enumerate(maps):
        assert abs(feature_map.mean().item() - expected[f"feature{index}_mean"]) < TOLERANCE


@pytest.mark.parametrize("network", [DINet, LawDNet])
@pytest.mark.parametrize("height, width", [(104, 80), (208, 160), (416, 320)])
@torch.no_grad()
def test_one_encoded_reference_serves_a_batch_at_every_mouth_size(network, height, width):
    generator = network(3, 15, 80, base_channels=8).eval()
    source, audio = torch.rand(2, 3, height, width), torch.randn(2, 80, 5)
    reference = torch.rand(1, 15, height, width)
    cached = generator.generate(source, generator.encode_reference(reference), audio)
    whole = generator(source, reference.expand(2, -1, -1, -1), audio)
    assert cached.shape == (2, 3, height, width)
    assert (cached - whole).abs().max() < 1e-5
