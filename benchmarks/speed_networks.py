"""Generators one frame at a time, and training steps: the path that is used, beside the plain float32 one."""

from collections.abc import Iterator

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.timing import Row, matmul_rate, measure
from face.geometry import crop_size
from face.masks import source_mask
from models.dinet import DINet
from models.discriminator import Discriminator
from models.lawdnet import LawDNet
from models.vgg19 import VGG19Features
from training.loop import Phase, optimise
from training.parallel import Parallel, autocast
from training.steps import DiscriminatorStep, GeneratorStep

NETWORKS = {"DINet": DINet, "LawDNet": LawDNet}
AUDIO_CHANNELS = 29
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
        fast = plain.to(memory_format=torch.channels_last)
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
    """DINet's step with the published losses (VGG19, LSGAN) and both updates, beside float32 with the same losses."""
    rate = fast_rate(device)
    for mouth_size, batch in ((64, 4), (128, 2)):
        plain = training_row(mouth_size, batch, device, "fp32", None, None)
        yield training_row(mouth_size, batch, device, "auto", rate, plain.seconds)


def training_row(
    mouth_size: int, batch: int, device: torch.device, precision: str, rate: float | None, plain: float | None
) -> Row:
    torch.manual_seed(0)
    parallel = Parallel(device)
    generator = parallel.place(DINet(3, 15, AUDIO_CHANNELS)).train()
    discriminator = parallel.place(Discriminator(3)).train()
    weights = {"perception": 10.0, "pixel": 0.0, "mouth": 0.0, "gan_image": 1.0}
    mask = torch.from_numpy(source_mask("box", mouth_size))
    perceptual = parallel.place(VGG19Features("random"))
    step = GeneratorStep(generator, mask, mouth_size, weights, perceptual, {"gan_image": discriminator}).to(device)
    phases = [
        Phase("net_g", step, generator, 1e-4, ("source", "reference", "audio")),
        Phase("gan_image", DiscriminatorStep("gan_image", discriminator), discriminator, 1e-4, ("real", "fake")),
    ]
    height, width = crop_size(mouth_size)

    def images(*shape: int) -> torch.Tensor:
        return torch.randint(0, 256, (batch, *shape, height, width), dtype=torch.uint8, device=device)

    data = {"source": images(1, 3), "reference": images(15), "audio": torch.rand(batch, AUDIO_CHANNELS, 5).to(device)}

    def work() -> None:
        tensors = dict(data)
        for phase in phases:
            optimise(phase, tensors, device, precision)

    known: dict = {}
    if rate:
        with FlopCounterMode(display=False) as counter:
            work()
        flops = counter.get_total_flops() / batch
        known = {"limit": flops / rate, "limited_by": f"{flops / 1e9:.0f} GFLOP at bf16 matmul rate", "plain": plain}
    label = f"DINet training step, mouth {mouth_size}, batch {batch}"
    return measure(label, "sample", work, batch, device, repeats=3, **known)
