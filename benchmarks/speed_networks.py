"""Generators one frame at a time, and training steps: the path that is used, beside the plain float32 one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.sizes import Sizes
from benchmarks.stages import published_stages
from benchmarks.timing import Row, matmul_rate, measure
from config.config import ClipOptions, FrameOptions, GeneratorOptions, StageOptions, SyncNetOptions
from config.constants import CLIP_FRAMES, WINDOW_FRAMES
from dataset.samples import NUM_NEGATIVES
from face.geometry import crop_size
from face.masks import source_mask
from models.device import PRECISION_TYPES, autocast, resolve_precision
from models.dinet import DINet
from models.folding import fold_batch_norms, store_weights
from models.generators import GENERATORS
from models.lawdnet import LawDNet
from models.syncnet import SyncNet
from models.vgg19 import VGG19Features
from training.generator_stage import NUM_HEARD, GeneratorNetworks, build_discriminators, generator_phases, loss_rows
from training.parallel import Parallel
from training.phases import Phase, optimise
from training.syncnet_stage import syncnet_phase

NETWORKS = {"DINet": DINet, "LawDNet": LawDNet}
AUDIO_CHANNELS = 29


def fast_rate(device: torch.device, size: int) -> float:
    """Floating-point operations a second in the precision that "auto" is here."""
    return matmul_rate(device, PRECISION_TYPES[resolve_precision(device, "auto")], size)


def generator_rows(device: torch.device, sizes: Sizes) -> Iterator[Row]:
    """DINet and LawDNet as inference.py runs them, with the reference encoded beforehand.

    Plain is the published way: float32, the references encoded for every frame.
    """
    rate = fast_rate(device, sizes.product[device.type])
    for name in NETWORKS:
        for mouth_size in sizes.mouths:
            for batch in sizes.batches[device.type]:
                yield generator_row(name, mouth_size, batch, sizes.width, device, rate)


def generator_row(name: str, mouth_size: int, batch: int, width: int, device: torch.device, rate: float) -> Row:
    torch.manual_seed(0)
    plain = NETWORKS[name](3, 15, AUDIO_CHANNELS, base_channels=width).to(device).eval()
    precision, (height, width) = resolve_precision(device, "auto"), crop_size(mouth_size)
    source = torch.rand(batch, 3, height, width, device=device)
    reference = torch.rand(1, 15, height, width, device=device)
    audio = torch.rand(batch, AUDIO_CHANNELS, 5, device=device)
    with torch.inference_mode():
        repeated = reference.expand(batch, -1, -1, -1)
        slow = measure(f"{name} plain", "frame", lambda: plain(source, repeated, audio), batch, device, repeats=3)
        fast = fold_batch_norms(plain).to(memory_format=torch.channels_last)
        store_weights(fast, precision)
        with autocast(device, "auto"):
            features = fast.encode_reference(reference)
            with FlopCounterMode(display=False) as counter:
                fast.generate(source, features, audio)
            return measure(
                f"{name}, mouth {mouth_size}, batch {batch}",
                "frame",
                lambda: fast.generate(source, features, audio),
                batch,
                device,
                limit=counter.get_total_flops() / batch / rate,
                limited_by=f"{counter.get_total_flops() / batch / 1e9:.0f} GFLOP at {precision} matmul rate",
                plain=slow.seconds,
            )


def training_rows(device: torch.device, sizes: Sizes) -> Iterator[Row]:
    """DINet's step with VGG19, LSGAN and every update, beside float32 with the same losses."""
    rate = fast_rate(device, sizes.product[device.type])
    for name, options in timed_stages(device, sizes).items():
        limit = count_flops(options) / rate
        limited_by = f"{limit * rate / 1e9:.0f} GFLOP at {resolve_precision(device, 'auto')} matmul rate"
        with tuned_convolutions(device):
            plain = training_row(name, options, device, "fp32")
            row = training_row(name, options, device, "auto", limit=limit, limited_by=limited_by, plain=plain.seconds)
        yield row


@contextmanager
def tuned_convolutions(device: torch.device) -> Iterator[None]:
    """As training has them on a GPU, and inference has not."""
    torch.backends.cudnn.benchmark = device.type == "cuda"
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = False


def timed_stages(device: torch.device, sizes: Sizes) -> dict[str, StageOptions]:
    """Stages by name: all of config/experiment on a GPU, frames in small batches on a CPU."""
    if device.type == "cuda" and not sizes.is_toy:
        return published_stages()
    small = {"base_channels": sizes.width, "lamb_gan": 0.0} if sizes.is_toy else {}
    return {
        f"frame_{size}": FrameOptions(mouth_size=size, batch_size=batch, **small) for size, batch in sizes.steps.items()
    }


def training_row(name: str, options: StageOptions, device: torch.device, precision: str, **known: object) -> Row:
    phases = make_phases(replace(options, precision=precision), device)
    batch = make_batch(options, device)
    label = f"DINet training step, {name}, batch {options.batch_size}"
    work = partial(train, phases, batch, device)
    return measure(label, "sample", work, options.batch_size, device, repeats=3, **known)


def train(phases: list[Phase], batch: dict[str, torch.Tensor], device: torch.device, accumulate: int = 1) -> None:
    """One step, in `accumulate` passes."""
    tensors = {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}
    for phase in phases:
        optimise(phase, tensors, accumulate)


def count_flops(options: StageOptions) -> float:
    """Floating-point operations of a stage's step for one sample: forward, backward, every network and update."""
    nowhere = torch.device("meta")  # shapes alone
    with FlopCounterMode(display=False) as counter:
        train(make_phases(replace(options, precision="fp32"), nowhere), make_batch(options, nowhere), nowhere)
    return counter.get_total_flops() / options.batch_size


def make_phases(options: StageOptions, device: torch.device) -> list[Phase]:
    """A stage's phases as training builds them, with VGG19 and SyncNet of random weights."""
    torch.manual_seed(0)
    parallel = Parallel(device)
    if isinstance(options, SyncNetOptions):
        phases = [syncnet_phase(options, parallel.place(SyncNet(3 * WINDOW_FRAMES, AUDIO_CHANNELS, 128)))]
    else:
        networks = make_networks(options, parallel)
        mask = torch.from_numpy(source_mask(GENERATORS[options.model].mask, options.mouth_size)).to(device)
        phases = generator_phases(options, networks, loss_rows(options, networks, hears=True), mask)
    for phase in phases:
        phase.losses = parallel.wrap(phase.losses, options.precision).train()
    return phases


def make_networks(options: GeneratorOptions, parallel: Parallel) -> GeneratorNetworks:
    generator = GENERATORS[options.model].network(3, 15, AUDIO_CHANNELS, base_channels=options.base_channels)
    networks = GeneratorNetworks(parallel.place(generator).train())
    networks.discriminators = {name: parallel.place(net) for name, net in build_discriminators(options).items()}
    if options.lamb_perception:
        networks.vgg19 = parallel.place(VGG19Features("random"))
    if isinstance(options, ClipOptions) and options.lamb_sync:
        networks.syncnet = parallel.place(SyncNet(3 * WINDOW_FRAMES, AUDIO_CHANNELS, 128))
        networks.syncnet_mouth_size = options.mouth_size
    return networks


def make_batch(options: StageOptions, device: torch.device) -> dict[str, torch.Tensor]:
    """What the stage's loader gives, with random content."""
    size, height_width = options.mouth_size, crop_size(options.mouth_size)

    def images(*shape: int) -> torch.Tensor:
        return torch.randint(0, 256, (options.batch_size, *shape), dtype=torch.uint8, device=device)

    def audio(*shape: int) -> torch.Tensor:
        return torch.rand(options.batch_size, *shape, device=device)

    if isinstance(options, SyncNetOptions):
        negatives = audio(NUM_NEGATIVES, AUDIO_CHANNELS, CLIP_FRAMES)
        mouth = images(WINDOW_FRAMES, size, size, 3)
        return {"mouth": mouth, "audio": audio(AUDIO_CHANNELS, CLIP_FRAMES), "negatives": negatives}
    frames = WINDOW_FRAMES if isinstance(options, ClipOptions) else 1
    return {
        "source": images(frames, *height_width, 3),
        "reference": images(5, *height_width, 3),
        "audio": audio(AUDIO_CHANNELS, frames + WINDOW_FRAMES - 1),
        "silent": torch.zeros(options.batch_size, dtype=torch.bool, device=device),
        "heard": audio(NUM_HEARD, AUDIO_CHANNELS, WINDOW_FRAMES),
        "opening": audio(NUM_HEARD),
    }
