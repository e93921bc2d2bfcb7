"""What a checkpoint says of its network beside the weights, and whether that can be true."""

from dataclasses import dataclass, fields
from reprlib import repr as short_repr
from typing import NoReturn

from torch import nn

from audio.features import KNOWN_FEATURES, is_known_feature
from config.constants import NUM_REFERENCES, WINDOW_FRAMES
from config.errors import InputError
from face.masks import MASK_KINDS
from models.generators import GENERATORS
from models.syncnet import SyncNet

NETWORKS = {**{name: kind.network for name, kind in GENERATORS.items()}, "syncnet": SyncNet}
CROPS = ("aligned", "legacy")
AUDIO_CHANNELS = range(1, 10_001)
OF_GENERATORS = {
    "source_channel": range(3, 4),
    "ref_channel": range(3 * NUM_REFERENCES, 3 * NUM_REFERENCES + 1),
    "audio_channel": AUDIO_CHANNELS,
    "base_channels": range(4, 513),
}
OF_LAWDNET = {"warp_layer_num": range(1, 9), "num_kpoints": range(1, 65), "standard_grid_size": range(2, 513)}
OF_SYNCNET = {
    "in_channel_image": range(3 * WINDOW_FRAMES, 3 * WINDOW_FRAMES + 1),
    "in_channel_audio": AUDIO_CHANNELS,
    "out_dim": range(1, 4097),
}
# What each network can be built with, and the one argument that has no published value.
ARGUMENTS = {"dinet": OF_GENERATORS, "lawdnet": OF_GENERATORS | OF_LAWDNET, "syncnet": OF_SYNCNET}
REQUIRED = {"dinet": "audio_channel", "lawdnet": "audio_channel", "syncnet": "in_channel_audio"}
MOUTH_SIZES = range(32, 1025, 32)


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


def parse_spec(record: object, where: str) -> NetworkSpec:
    """The spec that a checkpoint holds. Raises InputError, beginning with `where`, for one that no training wrote."""
    names = [field.name for field in fields(NetworkSpec)]
    if not isinstance(record, dict):
        refuse(where, f"is a {type(record).__name__}", f"a dict of {', '.join(names)}")
    if set(record) != set(names):
        refuse(where, f"has the keys {short_text(sorted(map(str, record)))}", ", ".join(names))
    spec = NetworkSpec(**record)
    for name, choices in (("network", NETWORKS), ("crop", CROPS), ("mask", MASK_KINDS)):
        value = getattr(spec, name)
        if not isinstance(value, str) or value not in choices:
            refuse(where, f"has {name} {short_text(value)}", f"one of {', '.join(choices)}")
    if not is_known_feature(spec.audio_feature):
        refuse(where, f"has audio_feature {short_text(spec.audio_feature)}", f"one of {KNOWN_FEATURES}")
    check_number(where, "mouth_size", spec.mouth_size, MOUTH_SIZES)
    check_arguments(spec, where)
    return spec


def check_arguments(spec: NetworkSpec, where: str) -> None:
    """Raise InputError unless the network can be built with its arguments, in a sensible size."""
    known, required = ARGUMENTS[spec.network], REQUIRED[spec.network]
    if not isinstance(spec.arguments, dict) or required not in spec.arguments or set(spec.arguments) - set(known):
        found = f"has arguments {short_text(spec.arguments)}"
        refuse(where, found, f"{required} and at most {', '.join(known)}")
    for name, value in spec.arguments.items():
        check_number(where, name, value, known[name])


def check_number(where: str, name: str, value: object, allowed: range) -> None:
    if type(value) is int and value in allowed:
        return
    multiple = f"a multiple of {allowed.step} " if allowed.step > 1 else ""
    expected = f"{multiple}from {allowed[0]} to {allowed[-1]}" if len(allowed) > 1 else str(allowed[0])
    refuse(where, f"has {name} {short_text(value)}", expected)


def short_text(value: object) -> str:
    return " ".join(short_repr(value).split())


def refuse(where: str, found: str, expected: str) -> NoReturn:
    raise InputError(
        f"{where}: its spec {found}, expected {expected}; the file is damaged, or of another version of this project"
    )
