"""What each way of making the generators fast is worth: the fast path with one of them left out, beside the whole."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from unittest import mock

import torch

from benchmarks.sizes import Sizes
from benchmarks.speed_networks import AUDIO_CHANNELS, NETWORKS
from benchmarks.timing import Row, measure_in_turn
from face.geometry import crop_size
from models import warp
from models.device import autocast, resolve_precision
from models.folding import fold_batch_norms, store_weights

ROUNDS = 9
WAYS = {
    "references encoded once": NETWORKS,
    "bf16": NETWORKS,
    "channels last": NETWORKS,
    "batch norm folded": ("DINet",),
    "warp in parts that fit the cache": ("LawDNet",),
}  # and the networks that have them


def ways_rows(device: torch.device, sizes: Sizes) -> Iterator[Row]:
    """One frame at a time, as in speed_networks.generator_rows; the limit of every row is the path with all ways."""
    for name in NETWORKS:
        for mouth_size in sizes.mouths:
            label = f"{name}, mouth {mouth_size}"
            works = {f"{label}, all ways": generator(name, mouth_size, sizes.width, device, "")}
            for way in ways_of(name, device):
                works[f"{label}, without: {way}"] = generator(name, mouth_size, sizes.width, device, way)
            best, *others = measure_in_turn(works, "frame", 1, device, ROUNDS).values()
            yield best
            yield from (replace(row, limit=best.seconds, limited_by="all ways") for row in others)


def ways_of(name: str, device: torch.device) -> list[str]:
    """Those that make a difference for this network on this device."""
    idle = set()
    if resolve_precision(device, "auto") == "fp32":
        idle.add("bf16")
    if device.type == "cuda":
        idle.add("warp in parts that fit the cache")
    return [way for way, networks in WAYS.items() if name in networks and way not in idle]


def generator(name: str, mouth_size: int, width: int, device: torch.device, without: str) -> Callable[[], torch.Tensor]:
    """Generates one frame in every call, in all ways but one."""
    torch.manual_seed(0)
    network = NETWORKS[name](3, 15, AUDIO_CHANNELS, base_channels=width).to(device).eval()
    if without != "batch norm folded":
        fold_batch_norms(network)
    if without != "channels last":
        network.to(memory_format=torch.channels_last)
    size = crop_size(mouth_size)
    source, reference, audio = (
        torch.rand(shape, device=device) for shape in ((1, 3, *size), (1, 15, *size), (1, AUDIO_CHANNELS, 5))
    )
    precision = resolve_precision(device, "fp32" if without == "bf16" else "auto")
    store_weights(network, precision)
    with torch.inference_mode(), autocast(device, precision):
        features = network.encode_reference(reference)

    def generate() -> torch.Tensor:
        with ExitStack() as stack:
            stack.enter_context(torch.inference_mode())
            stack.enter_context(autocast(device, precision))
            if without == "warp in parts that fit the cache":
                stack.enter_context(mock.patch.object(warp, "CACHED_CHANNELS", 2**31))
            known = network.encode_reference(reference) if without == "references encoded once" else features
            return network.generate(source, known, audio)

    return generate
