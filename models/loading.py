"""Networks from checkpoint files, this project's and published ones: what a file is, and whether it fits."""

import math
import pickle
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from reprlib import repr as short_repr

import torch
from torch import Tensor, nn

from config.errors import InputError
from models.spec import NetworkSpec, check_arguments, parse_spec

LONGEST_REASON = 120  # characters of PyTorch's own message


@dataclass(frozen=True)
class LoadedNetwork:
    """`held_out`: the measure that its best.pth was chosen by; None where nothing was held out."""

    spec: NetworkSpec
    network: nn.Module
    held_out: float | None = None


def read_checkpoint(path: str | Path, flag: str) -> dict:
    """The content of a checkpoint. `flag` is the option that named it, for the message when it cannot be read."""
    content = read_weights(path, flag)
    if not isinstance(content, dict) or not isinstance(content.get("state_dict"), dict):
        raise InputError(f"{flag} {path}: holds no state_dict; give a checkpoint of this project or of DINet")
    return content


def read_weights(path: str | Path, flag: str) -> object:
    """Whatever a .pth file holds, of tensors and plain values alone."""
    if Path(path).is_dir():
        raise InputError(f"{flag} {path}: is a folder; give the path of a .pth checkpoint")
    if not Path(path).is_file():
        raise InputError(f"{flag} {path}: no such file; give the path of a .pth checkpoint")
    try:
        with warnings.catch_warnings():  # of what is strange in the file; the errors below say it
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{flag} {path}: not a PyTorch file, or one that holds more than tensors and plain values, "
            "which could run any program; give another file"
        ) from error
    except MemoryError:
        raise
    except Exception as error:  # bytes that are no checkpoint make torch.load raise almost anything
        reason = str(error).splitlines()[0][:LONGEST_REASON] if str(error) else type(error).__name__
        raise InputError(f"{flag} {path}: not a readable PyTorch checkpoint ({reason})") from error


def load_generator(path: str | Path, flag: str) -> LoadedNetwork:
    """A generator of this project, or one published for DINet, in evaluation mode on the CPU.

    Raises InputError, naming flag and path, for every file that does not hold one whole.
    """
    content, where = read_checkpoint(path, flag), f"{flag} {path}"
    if "spec" not in content:
        return load_published(content["state_dict"], where)
    spec = parse_spec(content["spec"], where)
    if spec.network == "syncnet":
        raise InputError(f"{where}: is a SyncNet checkpoint; give one of a frame or clip stage")
    return load_into(spec, tensors_of(content["state_dict"], "net_g", where), where)


def load_syncnet(path: str | Path, flag: str) -> LoadedNetwork:
    """A SyncNet of this project, or the one published with DINet, in evaluation mode on the CPU.

    Raises InputError as load_generator does.
    """
    content, where = read_checkpoint(path, flag), f"{flag} {path}"
    if "spec" not in content:
        state = tensors_of(content["state_dict"], "net", where)
        channels = size_of(state, "audio_encoder.audio_conv.0.conv.weight", 1, where)
        arguments = {"in_channel_image": 15, "in_channel_audio": channels, "out_dim": 128}
        return load_into(NetworkSpec("syncnet", arguments, "deepspeech", "legacy", "box", 256), state, where)
    spec = parse_spec(content["spec"], where)
    if spec.network != "syncnet":
        raise InputError(f"{where}: is a {spec.network} checkpoint; give one of a syncnet stage")
    loaded = load_into(spec, tensors_of(content["state_dict"], "syncnet", where), where)
    return replace(loaded, held_out=held_out_measure(content, where))


def held_out_measure(content: dict, where: str) -> float | None:
    measured = content.get("best", -math.inf)
    if isinstance(measured, bool) or not isinstance(measured, int | float):
        raise InputError(f"{where}: its best is {short_repr(measured)}, expected a number; the file is damaged")
    return float(measured) if math.isfinite(measured) else None


def load_published(states: dict, where: str) -> LoadedNetwork:
    """Published weights: names under "net_g", from DataParallel, DeepSpeech features, mouth 256.

    DINet's were trained on unaligned crops with a hard box, LawDNet's on aligned crops with a soft mask.
    """
    state = tensors_of(states, "net_g", where)
    channels = size_of(state, "audio_encoder.0.conv.weight", 1, where)
    is_dinet = "adaAT.commn_linear.0.weight" in state
    base = size_of(state, "source_in_conv.0.conv.weight", 0, where)
    arguments = {"source_channel": 3, "ref_channel": 15, "audio_channel": channels, "base_channels": base}
    network, crop, mask = ("dinet", "legacy", "box") if is_dinet else ("lawdnet", "aligned", "smooth")
    return load_into(NetworkSpec(network, arguments, "deepspeech", crop, mask, 256), state, where)


def tensors_of(states: dict, name: str, where: str) -> dict[str, Tensor]:
    """The state dict called `name`, without the prefix that DataParallel gives."""
    state = states.get(name)
    if not isinstance(state, dict) or not state:
        found = ", ".join(sorted(map(str, states))) or "nothing"
        raise InputError(f"{where}: holds no weights of {name}, but {found}; it is a checkpoint of another kind")
    for key, value in state.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise InputError(
                f"{where}: {short_repr(key)} of {name} is a {type(value).__name__}, expected a name and a tensor; "
                "the file is damaged"
            )
    return {key.removeprefix("module."): value for key, value in state.items()}


def size_of(state: dict[str, Tensor], name: str, axis: int, where: str) -> int:
    """The size of a tensor along an axis, which says how the network was built."""
    if name not in state:
        raise InputError(f"{where}: holds no weights named {name}; it is a checkpoint of another kind")
    if state[name].dim() <= axis:
        raise InputError(f"{where}: {name} has {state[name].dim()} axes, expected more; the file is damaged")
    return state[name].shape[axis]


def load_into(spec: NetworkSpec, state: dict[str, Tensor], where: str) -> LoadedNetwork:
    check_arguments(spec, where)
    with torch.device("meta"):
        expected = spec.build().state_dict()
    check_state(expected, state, spec.network, where)
    network = spec.build()
    network.load_state_dict(state)
    return LoadedNetwork(spec, network.eval())


def check_state(expected: dict[str, Tensor], state: dict[str, Tensor], network: str, where: str) -> None:
    """Raise InputError unless `state` has the names, shapes and kinds of `expected` (on any device), and finite values.

    Weights in another floating-point type pass: they are converted when they are loaded.
    """
    missing, foreign = (sorted(set(a) - set(b)) for a, b in ((expected, state), (state, expected)))
    if missing or foreign:
        wrong = f"{missing[0]} is missing" if missing else f"{foreign[0]} is not of that network"
        raise InputError(f"{where}: weights do not fit {network} ({wrong}); give a checkpoint of that network")
    for name, wanted in expected.items():
        found = state[name]
        if found.shape != wanted.shape:
            raise InputError(
                f"{where}: weights do not fit {network} ({name} is {shape_text(found)}, expected {shape_text(wanted)})"
            )
        plain = found.layout == torch.strided and not found.is_quantized and not found.is_meta
        if not plain or found.is_complex() or found.is_floating_point() != wanted.is_floating_point():
            raise InputError(
                f"{where}: {name} is of type {found.dtype}, {found.layout} on {found.device}, expected plain "
                f"{wanted.dtype}; the file is damaged, or was made for another program"
            )
        if not torch.isfinite(found.to(wanted.dtype)).all():
            raise InputError(
                f"{where}: {name} holds values that are not finite: the training diverged; give an earlier checkpoint"
            )


def shape_text(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "a single number"
