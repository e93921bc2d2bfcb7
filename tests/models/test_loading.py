"""Checkpoints that are wrong in some way: each is refused in one line that names flag, file, found and expected."""

import copy
import pickle
import warnings
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from config.errors import InputError
from models.dinet import DINet
from models.lawdnet import LawDNet
from models.loading import load_generator, load_syncnet
from models.spec import NetworkSpec
from models.syncnet import SyncNet

FLAG = "--pretrained_path"
WEIGHT = "source_in_conv.0.conv.weight"
GENERATOR = NetworkSpec(
    "dinet",
    {"source_channel": 3, "ref_channel": 15, "audio_channel": 5, "base_channels": 4},
    "mel",
    "aligned",
    "box",
    64,
)
SYNC = NetworkSpec(
    "syncnet", {"in_channel_image": 15, "in_channel_audio": 5, "out_dim": 8}, "mel", "aligned", "box", 64
)


@pytest.fixture(scope="module")
def good() -> dict:
    """A checkpoint of a tiny generator, as training writes it."""
    torch.manual_seed(0)
    state = GENERATOR.build().state_dict()
    return {"format": 1, "epoch": 3, "spec": asdict(GENERATOR), "state_dict": {"net_g": state}, "best": 0.5}


def spec(**changes):
    """A change of the spec; a value of None takes the key away."""

    def change(content: dict) -> None:
        content["spec"] = {k: v for k, v in {**content["spec"], **changes}.items() if v is not None}

    return change


def arguments(**changes):
    return spec(arguments={k: v for k, v in {**GENERATOR.arguments, **changes}.items() if v is not None})


def whole(value: object):
    def change(content: dict) -> None:
        content["spec"] = value

    return change


def states(value: object):
    def change(content: dict) -> None:
        content["state_dict"] = value

    return change


def weights(make, name: str = WEIGHT):
    """A change of one tensor of the network; None takes it away."""

    def change(content: dict) -> None:
        state = content["state_dict"]["net_g"]
        made = make(state[name]) if make else None
        if made is None:
            del state[name]
        else:
            state[name] = made

    return change


def extra(content: dict) -> None:
    content["state_dict"]["net_g"]["extra.weight"] = torch.zeros(2)


def numbered(content: dict) -> None:
    content["state_dict"]["net_g"][7] = torch.zeros(2)


def one_value(value: float):
    def make(tensor: torch.Tensor) -> torch.Tensor:
        tensor = tensor.clone()
        tensor.view(-1)[-1] = value
        return tensor

    return weights(make)


def quantized(tensor: torch.Tensor) -> torch.Tensor:
    return torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8)


CHANGED = {
    "spec is a list": (whole([1]), "its spec is a list, expected a dict of network, arguments"),
    "spec is text": (whole("dinet"), "its spec is a str"),
    "spec is none": (whole(None), "is a NoneType"),
    "spec is empty": (whole({}), "has the keys [], expected network, arguments"),
    "spec is a tensor": (whole(torch.zeros(3)), "is a Tensor"),
    "a key is missing": (spec(crop=None), "expected network, arguments"),
    "a key too many": (spec(colour="red"), "expected network, arguments"),
    "unknown network": (spec(network="unet"), "network 'unet', expected one of dinet, lawdnet, syncnet"),
    "network is a list": (spec(network=["dinet"]), "network ['dinet']"),
    "round crop": (spec(crop="round"), "crop 'round', expected one of aligned, legacy"),
    "crop is a number": (spec(crop=3), "crop 3"),
    "unknown mask": (spec(mask="oval"), "mask 'oval', expected one of box, smooth"),
    "mask is a tensor": (spec(mask=torch.zeros(2)), "mask tensor"),
    "audio feature is a number": (spec(audio_feature=5), "audio_feature 5, expected one of mel"),
    "unknown audio feature": (spec(audio_feature="mfcc"), "audio_feature 'mfcc'"),
    "hf: without a name": (spec(audio_feature="hf:"), "audio_feature 'hf:'"),
    "a null in the audio feature": (spec(audio_feature="hf:a\0b"), "audio_feature"),
    "mouth size 50": (spec(mouth_size=50), "mouth_size 50, expected a multiple of 32 from 32 to 1024"),
    "mouth size a million": (spec(mouth_size=10**6), "mouth_size 1000000"),
    "mouth size 0": (spec(mouth_size=0), "mouth_size 0"),
    "mouth size with a fraction": (spec(mouth_size=64.0), "mouth_size 64.0"),
    "mouth size true": (spec(mouth_size=True), "mouth_size True"),
    "mouth size is text": (spec(mouth_size="64"), "mouth_size '64'"),
    "arguments are a list": (spec(arguments=[3, 15, 5]), "arguments [3, 15, 5], expected audio_channel"),
    "arguments are empty": (spec(arguments={}), "arguments {}"),
    "unknown argument": (arguments(depth=3), "expected audio_channel and at most"),
    "no audio_channel": (arguments(audio_channel=None), "expected audio_channel"),
    "absurd width": (arguments(base_channels=10**9), "base_channels 1000000000, expected from 4 to 512"),
    "negative width": (arguments(base_channels=-4), "base_channels -4"),
    "width with a fraction": (arguments(base_channels=4.5), "base_channels 4.5"),
    "width is text": (arguments(base_channels="4"), "base_channels '4'"),
    "four source channels": (arguments(source_channel=4), "source_channel 4, expected 3"),
    "other references": (arguments(ref_channel=9), "ref_channel 9, expected 15"),
    "no audio": (arguments(audio_channel=0), "audio_channel 0"),
    "another width than the weights": (arguments(base_channels=8), "is 4 x 3 x 7 x 7, expected 8 x 3 x 7 x 7"),
    "another network than the weights": (spec(network="lawdnet"), "weights do not fit lawdnet"),
    "state_dict is a list": (states([]), "holds no state_dict"),
    "state_dict is empty": (states({}), "holds no weights of net_g, but nothing"),
    "no net_g": (states({"net_d": {"a": torch.zeros(1)}}), "no weights of net_g, but net_d"),
    "net_g is none": (states({"net_g": None}), "no weights of net_g"),
    "net_g is empty": (states({"net_g": {}}), "no weights of net_g"),
    "net_g is a tensor": (states({"net_g": torch.zeros(3)}), "no weights of net_g"),
    "net_g of foreign names": (states({"net_g": {"conv.weight": torch.zeros(3)}}), "weights do not fit dinet"),
    "a tensor is missing": (weights(None), f"{WEIGHT} is missing"),
    "a tensor too many": (extra, "extra.weight is not of that network"),
    "a name is a number": (numbered, "7 of net_g is a Tensor, expected a name and a tensor"),
    "a weight is a list": (weights(lambda t: t.tolist()), "is a list, expected a name and a tensor"),
    "a weight is a number": (weights(lambda t: 0.5), "is a float, expected a name and a tensor"),
    "another shape": (weights(lambda t: t[:, :2].clone()), "is 4 x 2 x 7 x 7, expected 4 x 3 x 7 x 7"),
    "a weight without axes": (weights(lambda t: torch.tensor(1.0)), "is a single number, expected 4 x 3 x 7 x 7"),
    "integer weights": (weights(lambda t: t.long()), "torch.int64, torch.strided on cpu, expected plain torch.float32"),
    "complex weights": (weights(lambda t: t.to(torch.complex64)), "torch.complex64"),
    "truth values": (weights(lambda t: t > 0), "torch.bool"),
    "sparse weights": (weights(lambda t: t.to_sparse()), "torch.sparse_coo"),
    "quantized weights": (weights(quantized), "torch.qint8"),
    "weights without memory": (weights(lambda t: t.to("meta")), "on meta"),
    "a counter with a fraction": (
        weights(lambda t: t.float(), "source_in_conv.0.norm.num_batches_tracked"),
        "torch.float32, torch.strided on cpu, expected plain torch.int64",
    ),
    "one NaN": (one_value(float("nan")), f"{WEIGHT} holds values that are not finite: the training diverged"),
    "one infinity": (one_value(float("-inf")), "not finite"),
    "beyond float32": (weights(lambda t: t.double() * 1e300), "not finite"),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("change, part", CHANGED.values(), ids=CHANGED.keys())
def test_a_changed_checkpoint_is_refused_in_one_line(good, tmp_path, change, part):
    content = copy.deepcopy(good)
    path = tmp_path / "changed.pth"
    with warnings.catch_warnings():  # of PyTorch, about the kinds of tensors that are written here
        warnings.simplefilter("ignore")
        change(content)
        torch.save(content, path)
    assert part in complaint(load_generator, path)


def truncated(path: Path, content: dict) -> None:
    torch.save(content, path)
    path.write_bytes(path.read_bytes()[:-200])


FILES = {
    "a folder": (lambda path, content: path.mkdir(), "is a folder"),
    "nothing there": (lambda path, content: None, "no such file"),
    "no bytes": (lambda path, content: path.write_bytes(b""), "not a readable PyTorch checkpoint"),
    "text": (lambda path, content: path.write_text("weights"), "not a PyTorch file"),
    "cut short": (truncated, "not a readable PyTorch checkpoint"),
    "pickled object": (lambda path, content: path.write_bytes(pickle.dumps(Path("x"))), "could run any program"),
    "object inside": (lambda path, content: torch.save({**content, "x": Path("x")}, path), "could run any program"),
    "a network itself": (lambda path, content: torch.save(GENERATOR.build(), path), "could run any program"),
    "a tensor": (lambda path, content: torch.save(torch.zeros(3), path), "holds no state_dict"),
    "a bare state dict": (
        lambda path, content: torch.save(content["state_dict"]["net_g"], path),
        "holds no state_dict",
    ),
    "an empty dict": (lambda path, content: torch.save({}, path), "holds no state_dict"),
    "a torch script": (
        lambda path, content: torch.jit.script(torch.nn.Linear(1, 1)).save(path),
        "not a readable PyTorch checkpoint",
    ),
}


@pytest.mark.filterwarnings("ignore")  # PyTorch's, about TorchScript
@pytest.mark.parametrize("write, part", FILES.values(), ids=FILES.keys())
def test_a_file_that_is_no_checkpoint_is_refused_in_one_line(good, tmp_path, write, part):
    path = tmp_path / "file.pth"
    write(path, good)
    assert part in complaint(load_generator, path)


def complaint(load, path: Path) -> str:
    with pytest.raises(InputError) as caught:
        load(path, FLAG)
    message = str(caught.value)
    assert message.startswith(f"{FLAG} {path}: ") and "\n" not in message and len(message) < 400 + len(str(path))
    return message


@pytest.mark.parametrize("best", ["0.4", True, [0.5], {"val": 1}, torch.tensor(0.5)], ids=str)
def test_a_best_that_is_no_number_is_refused(tmp_path, best):
    state = {"spec": asdict(SYNC), "state_dict": {"syncnet": SYNC.build().state_dict()}, "best": best}
    torch.save(state, tmp_path / "sync.pth")
    assert "its best is" in complaint(load_syncnet, tmp_path / "sync.pth")


def test_generators_and_syncnets_are_not_taken_for_each_other(good, tmp_path):
    torch.save(good, tmp_path / "generator.pth")
    torch.save({"spec": asdict(SYNC), "state_dict": {"syncnet": SYNC.build().state_dict()}}, tmp_path / "sync.pth")
    assert "is a dinet checkpoint" in complaint(load_syncnet, tmp_path / "generator.pth")
    assert "is a SyncNet checkpoint" in complaint(load_generator, tmp_path / "sync.pth")
    torch.save({"state_dict": good["state_dict"]}, tmp_path / "published.pth")
    assert "no weights of net, but net_g" in complaint(load_syncnet, tmp_path / "published.pth")


def test_what_is_right_loads_with_its_values(good, tmp_path):
    """As written, without what newer ones have, in half precision, and under DataParallel's names."""
    state = good["state_dict"]["net_g"]
    torch.save(good, tmp_path / "good.pth")
    torch.save({"spec": good["spec"], "state_dict": {"net_g": state}}, tmp_path / "old.pth")
    half = {name: value.half() if value.is_floating_point() else value for name, value in state.items()}
    torch.save({**good, "state_dict": {"net_g": half}}, tmp_path / "half.pth")
    torch.save({**good, "state_dict": {"net_g": {f"module.{n}": v for n, v in state.items()}}}, tmp_path / "dp.pth")
    for name in ("good", "old", "half", "dp"):
        loaded = load_generator(tmp_path / f"{name}.pth", FLAG)
        assert loaded.spec == GENERATOR and not loaded.network.training
        found = loaded.network.state_dict()
        assert all(torch.allclose(found[key], value, atol=1e-3) for key, value in state.items())
        assert found[WEIGHT].dtype == torch.float32


@pytest.mark.parametrize("network, crop, mask", [(DINet, "legacy", "box"), (LawDNet, "aligned", "smooth")])
def test_published_generators_load(tmp_path, network, crop, mask):
    state = {f"module.{name}": value for name, value in network(3, 15, 29, base_channels=4).state_dict().items()}
    torch.save({"epoch": 9, "state_dict": {"net_g": state}, "optimizer": {"net_g": {}}}, tmp_path / "published.pth")
    found = load_generator(tmp_path / "published.pth", FLAG).spec
    assert (found.network, found.crop, found.mask, found.mouth_size) == (network.__name__.lower(), crop, mask, 256)
    assert found.audio_feature == "deepspeech" and found.arguments["base_channels"] == 4


def test_the_published_syncnet_and_best_figures(tmp_path):
    torch.save({"state_dict": {"net": SyncNet(15, 29, 128).state_dict()}}, tmp_path / "published.pth")
    loaded = load_syncnet(tmp_path / "published.pth", FLAG)
    assert loaded.spec.arguments["in_channel_audio"] == 29 and loaded.held_out is None
    content = {"spec": asdict(SYNC), "state_dict": {"syncnet": SYNC.build().state_dict()}}
    for best, expected in ((0.4, 0.4), (1, 1.0), (float("-inf"), None), (float("nan"), None)):
        torch.save({**content, "best": best}, tmp_path / "sync.pth")
        assert load_syncnet(tmp_path / "sync.pth", FLAG).held_out == expected


PUBLISHED = {
    "a weight without axes": ("audio_encoder.0.conv.weight", torch.tensor(1.0), "has 0 axes"),
    "no axis of channels": ("audio_encoder.0.conv.weight", torch.zeros(3), "has 1 axes"),
    "two million audio channels": (
        "audio_encoder.0.conv.weight",
        torch.zeros(1).expand(8, 2_000_000, 5),
        "audio_channel",
    ),
    "no input layer": (WEIGHT, None, f"holds no weights named {WEIGHT}"),
    "absurd width": (WEIGHT, torch.zeros(1).expand(10**7, 3, 7, 7), "base_channels 10000000"),
}


@pytest.mark.parametrize("name, value, part", PUBLISHED.values(), ids=PUBLISHED.keys())
def test_damaged_published_weights_are_refused_in_one_line(tmp_path, name, value, part):
    state = {**DINet(3, 15, 29, base_channels=4).state_dict(), name: value}
    torch.save({"state_dict": {"net_g": {k: v for k, v in state.items() if v is not None}}}, tmp_path / "published.pth")
    assert part in complaint(load_generator, tmp_path / "published.pth")
