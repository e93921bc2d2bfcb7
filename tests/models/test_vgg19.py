"""Weights of the perceptual loss: which file is meant, and files that hold something else."""

import hashlib
import pickle
from pathlib import Path

import pytest
import torch
from torchvision.models import vgg19

from config.errors import InputError
from models import vgg19 as module
from models.vgg19 import VGG19Features, check_weights, download_weights, find_weights, random_features

FLAG = "--perceptual_weights"


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    """The layers that are used, under torchvision's names. The rest is 0.5 GB."""
    return {f"features.{name}": value for name, value in random_features().state_dict().items()}


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    return tmp_path / "hub" / "checkpoints" / "vgg19-dcbb9e9d.pth"


def test_random_weights_are_those_of_torchvision_with_a_fixed_seed():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(19)
        expected = vgg19(weights=None).features.state_dict()
    found = VGG19Features("random").features.state_dict()
    assert len(found) == 26 and all(torch.equal(value, expected[name]) for name, value in found.items())


def test_a_file_gives_its_own_weights(state, tmp_path):
    torch.save(
        {**{name: value + 1 for name, value in state.items()}, "classifier.0.bias": torch.zeros(3)}, tmp_path / "v"
    )
    features = VGG19Features(str(tmp_path / "v"))
    assert torch.equal(features.features[0].weight, state["features.0.weight"] + 1)
    assert not any(parameter.requires_grad for parameter in features.parameters())
    assert len(features(torch.rand(1, 3, 32, 32))) == 5


def test_where_weights_come_from(state, cache, tmp_path):
    assert [find_weights(name) for name in ("random", "auto", "imagenet")] == [None, None, None]
    torch.save(state, cache)
    assert [find_weights(name) for name in ("random", "auto", "imagenet")] == [None, cache, cache]
    own = tmp_path / "own.pth"
    with pytest.raises(InputError, match=f"{FLAG} {own}: not a file"):
        find_weights(str(own))
    torch.save(state, own)
    assert find_weights(str(own)) == own
    for name in ("random", "auto", "imagenet", str(own)):
        check_weights(name)
    cache.write_bytes(cache.read_bytes()[:100_000])
    with pytest.raises(InputError, match=f"{FLAG} imagenet: {cache}: not a readable"):
        check_weights("imagenet")


def test_a_download_is_checked_and_leaves_nothing_half(cache, tmp_path, monkeypatch):
    source = tmp_path / "vgg19-source.pth"
    source.write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()[:8]
    monkeypatch.setattr(module, "URL", f"file://{source}")
    monkeypatch.setattr(module, "cached_weights", lambda: cache.with_name(f"vgg19-{digest}.pth"))
    assert download_weights().read_bytes() == b"weights"
    monkeypatch.setattr(module, "cached_weights", lambda: cache)
    with pytest.raises(InputError, match=f"{FLAG} imagenet: cannot download file://.* save that file as {cache}"):
        download_weights()
    monkeypatch.setattr(module, "URL", f"file://{tmp_path}/absent")
    with pytest.raises(InputError, match=f"{FLAG} imagenet: cannot download"):
        download_weights()
    assert [path.name for path in cache.parent.iterdir()] == [f"vgg19-{digest}.pth"]


BAD = {
    "folder": (lambda path, state: path.mkdir(), "not a file"),
    "no bytes": (lambda path, state: path.write_bytes(b""), "not a readable"),
    "pickled": (lambda path, state: path.write_bytes(pickle.dumps(Path("x"))), "could run any program"),
    "list": (lambda path, state: torch.save([1], path), "holds no weights of vgg19"),
    "foreign": (lambda path, state: torch.save({"conv.weight": torch.zeros(3)}, path), "0.bias is missing"),
    "no tensor": (lambda path, state: torch.save({**state, "features.0.bias": [1]}, path), "is a list"),
    "shape": (lambda path, state: torch.save({**state, "features.0.bias": torch.zeros(3)}, path), "is 3, expected 64"),
    "NaN": (lambda path, state: torch.save({**state, "features.0.bias": torch.full((64,), torch.nan)}, path), "finite"),
    "integers": (lambda path, state: torch.save({**state, "features.0.bias": torch.zeros(64).int()}, path), "int32"),
}


@pytest.mark.parametrize("write, part", BAD.values(), ids=BAD.keys())
def test_damaged_weights_are_refused_in_one_line(state, tmp_path, write, part):
    path = tmp_path / "weights.pth"
    write(path, state)
    for use in (check_weights, VGG19Features):
        with pytest.raises(InputError) as caught:
            use(str(path))
        message = str(caught.value)
        assert message.startswith(f"{FLAG} {path}: ") and part in message and "\n" not in message
