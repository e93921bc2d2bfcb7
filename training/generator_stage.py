"""Builds frame and clip stages: networks, rows of losses, phases, validation."""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from config.config import ClipOptions, GeneratorOptions
from config.constants import NUM_REFERENCES, WINDOW_FRAMES
from config.errors import InputError
from dataset.manifest import Manifest
from dataset.samples import GeneratorSamples
from dataset.split import Split, split
from face.masks import BELOW, HALF, source_mask
from models.discriminator import Discriminator, mouth_discriminator
from models.frames import fold_frames
from models.generators import GENERATORS
from models.loading import NetworkSpec, load_generator, load_syncnet
from models.syncnet import SyncNet
from models.vgg19 import VGG19Features
from training.generator_losses import (
    AdversarialLoss,
    DetailLoss,
    DiscriminatorLosses,
    GeneratorLosses,
    LossRow,
    MouthLoss,
    OpeningLoss,
    PerceptionLoss,
    PixelLoss,
    SyncLoss,
    View,
    fine_mouths,
    single_frames,
)
from training.generator_validation import GeneratorValidation
from training.parallel import Parallel
from training.phases import Phase
from training.stages import BuiltStage

VALIDATION_FRAMES = 60  # generated per validation, beside the video
NUM_HEARD = 32  # audio windows of a generator's sample whose lip opening is learned beside its pictures
# What discriminators look at, by the name of their loss.
VIEWS: dict[str, View] = {"gan_image": single_frames, "gan_mouth": fine_mouths, "gan_clip": fold_frames}


@dataclass
class GeneratorNetworks:
    """The networks of a generator stage, each on its device; discriminators by the name of their loss."""

    generator: nn.Module
    discriminators: dict[str, Discriminator] = field(default_factory=dict)
    vgg19: VGG19Features | None = None
    syncnet: SyncNet | None = None
    syncnet_mouth_size: int = 0


def build_generator(options: GeneratorOptions, manifest: Manifest, parallel: Parallel) -> BuiltStage:
    parts = split(manifest, options.val_fraction)
    spec = generator_spec(options, manifest)
    networks = build_networks(options, spec, parallel)
    known = all(video.lip_opening is not None for video in manifest.videos)
    hears = bool(options.lamb_opening) and known and not keeps_hearing(options)
    rows = loss_rows(options, networks, hears)
    mask = torch.from_numpy(source_mask(spec.mask, options.mouth_size)).to(parallel.device)
    phases = generator_phases(options, networks, rows, mask)
    num_heard = NUM_HEARD if hears else 0
    frames = frames_of(options)
    samples = GeneratorSamples(
        parts.train,
        frames,
        options.mouth_size,
        options.augment_num,
        options.seed,
        manifest.silence,
        options.silence_share,
        num_heard,
        options.references,
        options.jitter,
    )
    stage = BuiltStage(options, spec, parts, samples, phases, manifest.fingerprint(), accumulate=options.accumulate)
    if parts.held_out:
        judged = held_out_samples(options, parts, num_heard)
        stage.validate = GeneratorValidation(judged, mask, parallel.device, phases[0])
    return stage


def frames_of(options: GeneratorOptions) -> int:
    """Frames in a sample."""
    return WINDOW_FRAMES if isinstance(options, ClipOptions) else 1


def held_out_samples(options: GeneratorOptions, parts: Split, num_heard: int) -> GeneratorSamples:
    frames = frames_of(options)
    draws = max(1, VALIDATION_FRAMES // (frames * len(parts.held_out)))
    return GeneratorSamples(
        parts.held_out,
        frames,
        options.mouth_size,
        draws,
        options.seed,
        num_heard=num_heard,
        references=options.references,
    )


def generator_spec(options: GeneratorOptions, manifest: Manifest) -> NetworkSpec:
    arguments = {
        "source_channel": 3,
        "ref_channel": 3 * NUM_REFERENCES,
        "audio_channel": manifest.audio_channel,
        "base_channels": options.base_channels,
    }
    published = GENERATORS[options.model].mask
    mask = {"mouth": published, "below": published + BELOW, "half": HALF}[options.hide]
    return NetworkSpec(options.model, arguments, manifest.audio_feature, manifest.crop, mask, options.mouth_size)


def build_networks(options: GeneratorOptions, spec: NetworkSpec, parallel: Parallel) -> GeneratorNetworks:
    """A generator, new or from its checkpoint, and what its losses need, on the device, where twins share memory."""
    networks = GeneratorNetworks(parallel.place(initial_generator(options, spec)))
    networks.discriminators = {name: parallel.place(net) for name, net in build_discriminators(options).items()}
    if options.lamb_perception:
        networks.vgg19 = parallel.place(VGG19Features(options.perceptual_weights))
    if isinstance(options, ClipOptions) and options.lamb_sync:
        loaded = load_syncnet(options.pretrained_syncnet_path, "--pretrained_syncnet_path")
        networks.syncnet, networks.syncnet_mouth_size = parallel.place(loaded.network), loaded.spec.mouth_size
    return networks


def initial_generator(options: GeneratorOptions, spec: NetworkSpec) -> nn.Module:
    """A new generator, or the one that the stage begins from."""
    path, flag = generator_start(options)
    if not path:
        return spec.build()
    loaded = load_generator(path, flag)
    require_same_network(loaded.spec, spec, f"{flag} {path}")
    return loaded.network.train()


def generator_start(options: GeneratorOptions) -> tuple[str, str]:
    """The checkpoint that the generator begins from, empty for none, and the flag that named it."""
    if options.base and not (options.pretrained_path or options.starts_from):
        return options.base, "--base"
    return options.pretrained_path, "--pretrained_path"


def keeps_hearing(options: GeneratorOptions) -> bool:
    """Whether the audio encoder stays as the stage before left it."""
    return options.freeze_hearing and bool(options.starts_from or options.pretrained_path)


def require_same_network(found: NetworkSpec, wanted: NetworkSpec, where: str) -> None:
    """Raise InputError, beginning with `where`, unless a generator can go on as this stage's, of any mouth size."""
    for name in ("network", "arguments", "audio_feature"):
        theirs, ours = getattr(found, name), getattr(wanted, name)
        if theirs != ours:
            raise InputError(f"{where}: {name} is {theirs}, this stage has {ours}")


def build_discriminators(options: GeneratorOptions) -> dict[str, Discriminator]:
    discriminators = {}
    if options.lamb_gan:
        discriminators["gan_image"] = Discriminator(3)
    if options.lamb_gan_mouth:
        discriminators["gan_mouth"] = mouth_discriminator(options.base_channels)
    if isinstance(options, ClipOptions) and options.lamb_gan_clip:
        discriminators["gan_clip"] = Discriminator(3 * WINDOW_FRAMES)
    return discriminators


def pixel_weight(options: GeneratorOptions) -> float:
    return GENERATORS[options.model].pixel_weight if options.lamb_pixel is None else options.lamb_pixel


def picture_weights(options: GeneratorOptions) -> list[float]:
    """The weights of all losses that look at pictures."""
    weights = [options.lamb_perception, *gan_weights(options).values(), pixel_weight(options)]
    weights += [options.lamb_mouth, options.lamb_detail]
    return [*weights, options.lamb_sync] if isinstance(options, ClipOptions) else weights


def gan_weights(options: GeneratorOptions) -> dict[str, float]:
    """By name, of every loss that a stage's discriminators could give."""
    weights = {"gan_image": options.lamb_gan, "gan_mouth": options.lamb_gan_mouth}
    return weights | {"gan_clip": options.lamb_gan_clip} if isinstance(options, ClipOptions) else weights


def loss_rows(options: GeneratorOptions, networks: GeneratorNetworks, hears: bool) -> list[LossRow]:
    """Every loss of a stage with its weight. `hears`: whether its audio encoder learns how far the lips are open."""
    rows = []
    if networks.vgg19:
        rows.append(LossRow("perception", options.lamb_perception, PerceptionLoss(networks.vgg19)))
    if pixel_weight(options):
        rows.append(LossRow("pixel", pixel_weight(options), PixelLoss()))
    if options.lamb_mouth:
        device = next(networks.generator.parameters()).device
        rows.append(LossRow("mouth", options.lamb_mouth, MouthLoss(options.mouth_size).to(device)))
    if options.lamb_detail:
        rows.append(LossRow("detail", options.lamb_detail, DetailLoss(options.mouth_size)))
    for name, discriminator in networks.discriminators.items():
        rows.append(LossRow(name, gan_weights(options)[name], AdversarialLoss(discriminator, VIEWS[name])))
    if networks.syncnet:
        sync = SyncLoss(networks.syncnet, networks.syncnet_mouth_size, options.mouth_size)
        rows.append(LossRow("sync", options.lamb_sync, sync))
    if hears:
        rows.append(LossRow("opening", options.lamb_opening, OpeningLoss(networks.generator)))
    return rows


def generator_phases(
    options: GeneratorOptions, networks: GeneratorNetworks, rows: list[LossRow], mask: Tensor
) -> list[Phase]:
    """The generator's phase, then one of every discriminator. mask (h, w) hides the source's mouth."""
    losses = GeneratorLosses(networks.generator, mask, rows, options.freeze_norms, keeps_hearing(options))
    needs = ["source", "reference", "audio"]
    needs += ["silent"] if "sync" in losses.terms else []
    needs += ["heard", "opening"] if "opening" in losses.terms else []
    generator = Phase("net_g", losses, networks.generator, options.lr_g, tuple(needs), options.ema, options.precision)
    return [generator] + [
        Phase(
            name,
            DiscriminatorLosses(name, network, VIEWS[name]),
            network,
            options.lr_d,
            ("real", "fake"),
            precision=options.precision,
        )
        for name, network in networks.discriminators.items()
    ]
