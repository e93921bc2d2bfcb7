"""Networks from checkpoint files, this project's and published ones: what a file is, and whether it fits."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from config.errors import InputError
from models.generators import GENERATORS
from models.syncnet import SyncNet

NETWORKS = {**{name: kind.network for name, kind in GENERATORS.items()}, "syncnet": SyncNet}


@dataclass(frozen=True)
class NetworkSpec:
    """What inference must know beside the weights. `audio_feature`, `crop` and `mask` as in the training options."""

    network: str
    arguments: dict[str, int]
    audio_feature: str
    crop: str
    mask: str
    mouth_size: int

    def build(self) -> nn.Module:
        return NETWORKS[self.network](**self.arguments)


@dataclass(frozen=True)
class LoadedNetwork:
    """`held_out`: the measure that its best.pth was chosen by; None where nothing was held out."""

    spec: NetworkSpec
    network: nn.Module
    held_out: float | None = None


def read_checkpoint(path: str | Path, flag: str) -> dict:
    """The content of a checkpoint. `flag` is the option that named it, for the message when it cannot be read."""
    content = read_weights(path, flag)
    if not isinstance(content, dict) or "state_dict" not in content:
        raise InputError(f"{flag} {path}: holds no state_dict; give a checkpoint of this project or of DINet")
    return content


def read_weights(path: str | Path, flag: str) -> object:
    """Whatever a .pth file holds, of tensors and plain values alone."""
    if not Path(path).is_file():
        raise InputError(f"{flag} {path}: no such file; give the path of a .pth checkpoint")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # bytes that are no checkpoint make torch.load raise almost anything
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{flag} {path}: not a readable PyTorch checkpoint ({reason})") from error


def load_generator(path: str | Path, flag: str) -> LoadedNetwork:
    """A generator of this project, or one published for DINet, in evaluation mode on the CPU."""
    content = read_checkpoint(path, flag)
    if "spec" not in content:
        return load_published(content["state_dict"], path, flag)
    spec = NetworkSpec(**content["spec"])
    if spec.network == "syncnet":
        raise InputError(f"{flag} {path}: is a SyncNet checkpoint; give one of a frame or clip stage")
    return load_into(spec, content["state_dict"]["net_g"], path, flag)


def load_syncnet(path: str | Path, flag: str) -> LoadedNetwork:
    """A SyncNet of this project, or the one published with DINet, in evaluation mode on the CPU."""
    content = read_checkpoint(path, flag)
    if "spec" not in content:
        state = without_module_prefix(content["state_dict"].get("net", {}))
        channels = audio_channels(state, "audio_encoder.audio_conv.0.conv.weight", path, flag)
        arguments = {"in_channel_image": 15, "in_channel_audio": channels, "out_dim": 128}
        return load_into(NetworkSpec("syncnet", arguments, "deepspeech", "legacy", "box", 256), state, path, flag)
    spec = NetworkSpec(**content["spec"])
    if spec.network != "syncnet":
        raise InputError(f"{flag} {path}: is a {spec.network} checkpoint; give one of a syncnet stage")
    loaded = load_into(spec, content["state_dict"]["syncnet"], path, flag)
    measured = content.get("best", -math.inf)
    return replace(loaded, held_out=measured if math.isfinite(measured) else None)


def load_published(states: dict, path: str | Path, flag: str) -> LoadedNetwork:
    """Published weights: names under "net_g", from DataParallel, DeepSpeech features, mouth 256.

    DINet's were trained on unaligned crops with a hard box, LawDNet's on aligned crops with a soft mask.
    """
    state = without_module_prefix(states.get("net_g", {}))
    channels = audio_channels(state, "audio_encoder.0.conv.weight", path, flag)
    is_dinet = "adaAT.commn_linear.0.weight" in state
    base = state["source_in_conv.0.conv.weight"].shape[0]
    arguments = {"source_channel": 3, "ref_channel": 15, "audio_channel": channels, "base_channels": base}
    network, crop, mask = ("dinet", "legacy", "box") if is_dinet else ("lawdnet", "aligned", "smooth")
    return load_into(NetworkSpec(network, arguments, "deepspeech", crop, mask, 256), state, path, flag)


def audio_channels(state: dict[str, Tensor], name: str, path: str | Path, flag: str) -> int:
    if name not in state:
        raise InputError(f"{flag} {path}: holds no weights named {name}; it is a checkpoint of another kind")
    return state[name].shape[1]


def without_module_prefix(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix("module."): value for name, value in state.items()}


def load_into(spec: NetworkSpec, state: dict[str, Tensor], path: str | Path, flag: str) -> LoadedNetwork:
    network = spec.build()
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise InputError(
            f"{flag} {path}: weights do not fit {spec.network} ({str(error).splitlines()[1].strip()})"
        ) from error
    return LoadedNetwork(spec, network.eval())
