"""Generators one frame at a time, and training steps: the path that is used, beside the plain float32 one."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.timing import Row, matmul_rate, measure
from config.config import TrainingOptions
from config.constants import CLIP_FRAMES, WINDOW_FRAMES
from dataset.samples import NUM_NEGATIVES
from face.geometry import crop_size
from face.masks import source_mask
from models.device import autocast
from models.dinet import DINet
from models.discriminator import Discriminator
from models.folding import fold_batch_norms
from models.lawdnet import LawDNet
from models.syncnet import SyncNet
from models.vgg19 import VGG19Features
from training.loop import Phase, optimise
from training.parallel import Parallel
from training.sequence import read_stage_file
from training.stages import NUM_HEARD, loss_weights
from training.steps import DiscriminatorLosses, GeneratorLosses, SyncNetLosses

NETWORKS = {"DINet": DINet, "LawDNet": LawDNet}
AUDIO_CHANNELS = 29
EXPERIMENT = Path(__file__).resolve().parents[1] / "config" / "experiment"
STAGES = ("syncnet", "frame_64", "frame_128", "frame_256", "clip_256")
MATMUL_SIZE = {"cpu": 2048, "cuda": 8192}


def fast_rate(device: torch.device) -> float:
    return matmul_rate(device, torch.bfloat16, MATMUL_SIZE[device.type])


def generator_rows(device: torch.device) -> Iterator[Row]:
    """DINet and LawDNet at mouth 64 and 256 as inference.py runs them, with the reference encoded beforehand.

    Plain is the published way: float32, the references encoded for every frame.
    """
    rate = fast_rate(device)
    for name, network_class in NETWORKS.items():
        for mouth_size in (64, 256):
            for batch in (1,) if device.type == "cpu" else (1, 16):
                yield generator_row(name, network_class, mouth_size, batch, device, rate)


def generator_row(
    name: str, network_class: type, mouth_size: int, batch: int, device: torch.device, rate: float
) -> Row:
    torch.manual_seed(0)
    plain = network_class(3, 15, AUDIO_CHANNELS).to(device).eval()
    height, width = crop_size(mouth_size)
    source = torch.rand(batch, 3, height, width, device=device)
    reference = torch.rand(1, 15, height, width, device=device)
    audio = torch.rand(batch, AUDIO_CHANNELS, 5, device=device)
    with torch.inference_mode():
        repeated = reference.expand(batch, -1, -1, -1)
        slow = measure(f"{name} plain", "frame", lambda: plain(source, repeated, audio), batch, device, repeats=3)
        fast = fold_batch_norms(plain).to(memory_format=torch.channels_last)
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
                limited_by=f"{counter.get_total_flops() / batch / 1e9:.0f} GFLOP at bf16 matmul rate",
                plain=slow.seconds,
            )


def training_rows(device: torch.device) -> Iterator[Row]:
    """DINet's step with VGG19, LSGAN and every update, beside float32 with the same losses."""
    rate = fast_rate(device)
    for name, options in timed_stages(device).items():
        plain = training_row(name, options, device, "fp32")
        limit = count_flops(options) / rate
        limited_by = f"{limit * rate / 1e9:.0f} GFLOP at bf16 matmul rate"
        yield training_row(name, options, device, "auto", limit=limit, limited_by=limited_by, plain=plain.seconds)


def timed_stages(device: torch.device) -> dict[str, TrainingOptions]:
    """Stages by name: all of config/experiment on a GPU, frames in small batches on a CPU."""
    if device.type == "cpu":
        return {
            f"frame_{size}": TrainingOptions(mouth_size=size, batch_size=batch) for size, batch in ((64, 4), (128, 2))
        }
    return {name: read_stage_file(EXPERIMENT / f"{name}.py", {}).options for name in STAGES}


def training_row(name: str, options: TrainingOptions, device: torch.device, precision: str, **known: object) -> Row:
    phases, batch = make_phases(options, device), make_batch(options, device)
    label = f"DINet training step, {name}, batch {options.batch_size}"
    work = partial(train, phases, batch, device, precision)
    return measure(label, "sample", work, options.batch_size, device, repeats=3, **known)


def train(phases: list[Phase], batch: dict[str, torch.Tensor], device: torch.device, precision: str) -> None:
    """One step."""
    tensors = {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}
    for phase in phases:
        optimise(phase, tensors, device, precision)


def count_flops(options: TrainingOptions) -> float:
    """Floating-point operations of a stage's step for one sample: forward, backward, every network and update."""
    nowhere = torch.device("meta")  # shapes alone
    with FlopCounterMode(display=False) as counter:
        tensors = make_batch(options, nowhere)
        for phase in make_phases(options, nowhere):
            optimise(phase, tensors, torch.device("cpu"), "fp32")
    return counter.get_total_flops() / options.batch_size


def make_phases(options: TrainingOptions, device: torch.device) -> list[Phase]:
    """A stage's networks and losses, with VGG19 and SyncNet of random weights."""
    torch.manual_seed(0)
    place = Parallel(device).place
    if options.stage == "syncnet":
        syncnet = place(SyncNet(3 * WINDOW_FRAMES, AUDIO_CHANNELS, 128))
        step = SyncNetLosses(syncnet, options.lamb_contrast)
        return [Phase("syncnet", step, syncnet, options.lr_g, ("mouth", "audio", "negatives"), options.ema)]
    generator = place(DINet(3, 15, AUDIO_CHANNELS, base_channels=options.base_channels)).train()
    discriminators = {"gan_image": place(Discriminator(3))} if options.lamb_gan else {}
    syncnet = None
    if options.stage == "clip":
        if options.lamb_gan_clip:
            discriminators["gan_clip"] = place(Discriminator(3 * WINDOW_FRAMES))
        if options.lamb_sync:
            syncnet = place(SyncNet(3 * WINDOW_FRAMES, AUDIO_CHANNELS, 128))
    size = options.mouth_size
    mask = torch.from_numpy(source_mask("box", size))
    perceptual = place(VGG19Features("random")) if options.lamb_perception else None
    weights = loss_weights(options)
    step = GeneratorLosses(
        generator, mask, size, weights, perceptual, discriminators, syncnet, size, options.freeze_norms
    )
    step = step.to(device).train()
    needs = ("source", "reference", "audio", "heard", "opening")
    phases = [Phase("net_g", step, generator, options.lr_g, needs, options.ema)]
    for name, network in discriminators.items():
        phases.append(Phase(name, DiscriminatorLosses(name, network), network, options.lr_d, ("real", "fake")))
    return phases


def make_batch(options: TrainingOptions, device: torch.device) -> dict[str, torch.Tensor]:
    """What the stage's loader gives, with random content."""
    size, height_width = options.mouth_size, crop_size(options.mouth_size)

    def images(*shape: int) -> torch.Tensor:
        return torch.randint(0, 256, (options.batch_size, *shape), dtype=torch.uint8, device=device)

    def audio(*shape: int) -> torch.Tensor:
        return torch.rand(options.batch_size, *shape, device=device)

    if options.stage == "syncnet":
        negatives = audio(NUM_NEGATIVES, AUDIO_CHANNELS, CLIP_FRAMES)
        mouth = images(WINDOW_FRAMES, size, size, 3)
        return {"mouth": mouth, "audio": audio(AUDIO_CHANNELS, CLIP_FRAMES), "negatives": negatives}
    frames = WINDOW_FRAMES if options.stage == "clip" else 1
    return {
        "source": images(frames, *height_width, 3),
        "reference": images(5, *height_width, 3),
        "audio": audio(AUDIO_CHANNELS, frames + WINDOW_FRAMES - 1),
        "heard": audio(NUM_HEARD, AUDIO_CHANNELS, WINDOW_FRAMES),
        "opening": audio(NUM_HEARD),
    }
