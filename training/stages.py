"""Builds a stage from its options: samples, networks and the rows of optimisers and losses."""

from pathlib import Path

import torch
from torch import nn
from torch.utils.data import default_collate

from config.config import TrainingOptions
from config.constants import NUM_REFERENCES, WINDOW_FRAMES
from config.errors import InputError
from dataset.manifest import Manifest, load_manifest
from dataset.samples import GeneratorSamples, SyncSamples
from dataset.split import Split, split
from face.masks import source_mask
from models.discriminator import Discriminator
from models.frames import fold_frames, to_unit
from models.loading import LoadedNetwork, NetworkSpec, load_generator, load_syncnet
from models.syncnet import SyncNet
from models.vgg19 import VGG19Features
from training.initialization import initialise_syncnet
from training.loop import Phase, Stage, Validation
from training.parallel import Parallel
from training.steps import DiscriminatorLosses, GeneratorLosses, SyncNetLosses
from training.validation import dubbed_clip, generator_quality, offset_accuracy, offset_scores

MASKS = {"dinet": "box", "lawdnet": "smooth"}
PIXEL_WEIGHTS = {"dinet": 0.0, "lawdnet": 1.0}
VALIDATION_FRAMES = 60  # generated per validation, beside the video
# Of held-out windows whose offset SyncNet finds within a frame, to be used as a loss: chance is 0.10, and 0.22 of 50
# windows did harm (benchmarks/README.md, the man).
LEAST_SYNC_ACCURACY = 0.25
NUM_HEARD = 32  # audio windows of a generator's sample whose lip opening is learned beside its pictures
INITIAL_BATCH = 64  # samples whose statistics SyncNet starts from


def build_stage(options: TrainingOptions, parallel: Parallel) -> Stage:
    """Read the data and make the networks. Raises InputError for data or checkpoints that do not fit."""
    if options.stage == "syncnet" and options.accumulate > 1:
        raise InputError("--accumulate is for generators; SyncNet's loss compares all samples of a batch, so lower it")
    share_batch(options, parallel)
    manifest = load_manifest(options.train_data)
    torch.manual_seed(options.seed)
    return (
        build_syncnet(options, manifest, parallel)
        if options.stage == "syncnet"
        else build_generator(options, manifest, parallel)
    )


def share_batch(options: TrainingOptions, parallel: Parallel) -> None:
    """Round the batch up to a multiple of the processes, so that each gets the same number of samples."""
    wanted = options.batch_size
    options.batch_size = -(-wanted // parallel.world_size) * parallel.world_size
    if options.batch_size != wanted and parallel.is_main:
        print(f"batch_size {wanted} rounded up to {options.batch_size}, a multiple of {parallel.world_size} processes")


def divide(manifest: Manifest, options: TrainingOptions, parallel: Parallel) -> Split:
    parts = split(manifest, options.val_fraction)
    if parallel.is_main:
        print(f"data: {parts.rule}")
    return parts


def build_syncnet(options: TrainingOptions, manifest: Manifest, parallel: Parallel) -> Stage:
    parts = divide(manifest, options, parallel)
    arguments = {
        "in_channel_image": 3 * WINDOW_FRAMES,
        "in_channel_audio": manifest.audio_channel,
        "out_dim": 128,
    }
    spec = NetworkSpec("syncnet", arguments, manifest.audio_feature, manifest.crop, "box", options.mouth_size)
    syncnet: SyncNet = parallel.place(spec.build())
    if options.pretrained_syncnet_path:
        loaded = load_syncnet(options.pretrained_syncnet_path, "--pretrained_syncnet_path")
        syncnet.load_state_dict(loaded.network.state_dict())

    def validate() -> Validation:
        blocks = offset_scores(syncnet, parts.held_out, options.mouth_size, parallel.device, options.precision)
        return Validation(offset_accuracy(blocks))

    samples = SyncSamples(parts.train, options.mouth_size, options.augment_num, options.seed)
    step = SyncNetLosses(syncnet, options.lamb_contrast)
    if not options.pretrained_syncnet_path:
        batch = default_collate([samples[0, index] for index in range(INITIAL_BATCH)])
        images = fold_frames(to_unit(batch["mouth"].to(parallel.device)))
        initialise_syncnet(syncnet, images, batch["audio"].to(parallel.device))
    phase = Phase("syncnet", step, syncnet, options.lr_g, ("mouth", "audio", "negatives"), options.ema)
    return Stage(options, spec, parts, samples, [phase], validate if parts.held_out else None, "val/offset_within_1")


def build_generator(options: TrainingOptions, manifest: Manifest, parallel: Parallel) -> Stage:
    parts = divide(manifest, options, parallel)
    device, is_clip = parallel.device, options.stage == "clip"

    # Construct networks. They move to the device first: the generator's step shares the discriminators' memory.
    spec = generator_spec(options, manifest)
    generator = parallel.place(initial_generator(options, spec))
    discriminators = {}
    if options.lamb_gan:
        discriminators["gan_image"] = parallel.place(Discriminator(3))
    if is_clip and options.lamb_gan_clip:
        discriminators["gan_clip"] = parallel.place(Discriminator(3 * WINDOW_FRAMES))
    perceptual = parallel.place(VGG19Features(options.perceptual_weights)) if options.lamb_perception else None
    syncnet = sync_judge(options, manifest, parallel) if is_clip and options.lamb_sync else None

    weights = usable_weights(options, manifest, parallel)
    if not (perceptual or discriminators or syncnet or weights["pixel"] or weights["mouth"]):
        raise InputError("no loss on the pictures is left; set --lamb_perception, --lamb_mouth or --lamb_pixel")

    # Draw samples.
    num_heard = NUM_HEARD if weights["opening"] else 0
    frames = WINDOW_FRAMES if is_clip else 1
    samples = GeneratorSamples(
        parts.train,
        frames,
        options.mouth_size,
        options.augment_num,
        options.seed,
        manifest.silence,
        options.silence_share,
        num_heard,
    )
    # Setup phases.
    step = GeneratorLosses(
        generator,
        torch.from_numpy(source_mask(spec.mask, options.mouth_size)),
        options.mouth_size,
        weights,
        perceptual,
        discriminators,
        parallel.place(syncnet.network) if syncnet else None,
        syncnet.spec.mouth_size if syncnet else 0,
        options.freeze_norms,
    ).to(device)
    needs = ("source", "reference", "audio", *(["heard", "opening"] if weights["opening"] else []))
    phases = [Phase("net_g", step, generator, options.lr_g, needs, options.ema)]
    for name, network in discriminators.items():
        phases.append(Phase(name, DiscriminatorLosses(name, network), network, options.lr_d, ("real", "fake")))

    if not parts.held_out:
        return Stage(options, spec, parts, samples, phases)
    draws = max(1, VALIDATION_FRAMES // (frames * len(parts.held_out)))
    judged = GeneratorSamples(parts.held_out, frames, options.mouth_size, draws, options.seed, num_heard=num_heard)

    def validate() -> Validation:
        values, picture = generator_quality(step, judged, device, options.precision)
        return Validation(values, picture, dubbed_clip(step, judged, device, options.precision))

    best_by = "val/sync" if syncnet else "val/mouth_psnr"
    return Stage(options, spec, parts, samples, phases, validate, best_by)


def generator_spec(options: TrainingOptions, manifest: Manifest) -> NetworkSpec:
    arguments = {
        "source_channel": 3,
        "ref_channel": 3 * NUM_REFERENCES,
        "audio_channel": manifest.audio_channel,
        "base_channels": options.base_channels,
    }
    mask = MASKS[options.model]
    return NetworkSpec(options.model, arguments, manifest.audio_feature, manifest.crop, mask, options.mouth_size)


def loss_weights(options: TrainingOptions) -> dict[str, float]:
    """Weights by the names of the losses in training/steps.py."""
    pixel = PIXEL_WEIGHTS[options.model] if options.lamb_pixel is None else options.lamb_pixel
    return {
        "perception": options.lamb_perception,
        "pixel": pixel,
        "mouth": options.lamb_mouth,
        "opening": options.lamb_opening,
        "gan_image": options.lamb_gan,
        "gan_clip": options.lamb_gan_clip,
        "sync": options.lamb_sync,
    }


def usable_weights(options: TrainingOptions, manifest: Manifest, parallel: Parallel) -> dict[str, float]:
    """loss_weights, without the opening and with a warning where the training set does not know it."""
    weights = loss_weights(options)
    if weights["opening"] and any(video.lip_opening is None for video in manifest.videos):
        weights["opening"] = 0.0
        if parallel.is_main:
            print("warning: lamb_opening is left out: the training JSON has videos without lip openings; make it anew")
    return weights


def initial_generator(options: TrainingOptions, spec: NetworkSpec) -> nn.Module:
    """A new generator, or the one of `pretrained_path`, which must be the same network on the same audio feature."""
    if not options.pretrained_path:
        return spec.build()
    loaded = load_generator(options.pretrained_path, "--pretrained_path")
    for name, wanted in (
        ("network", spec.network),
        ("arguments", spec.arguments),
        ("audio_feature", spec.audio_feature),
    ):
        found = getattr(loaded.spec, name)
        if found != wanted:
            raise InputError(f"--pretrained_path {options.pretrained_path}: {name} is {found}, this stage has {wanted}")
    return loaded.network.train()


def sync_judge(options: TrainingOptions, manifest: Manifest, parallel: Parallel) -> LoadedNetwork | None:
    """The frozen SyncNet of a clip stage, which must know the audio feature of the training set.

    None, and a warning, where it has not learned to find the offset: its loss would pull the mouth anywhere.
    """
    path = options.pretrained_syncnet_path
    if not path:
        raise InputError("--pretrained_syncnet_path is not set; a clip stage needs a SyncNet, or --lamb_sync 0")
    loaded = load_syncnet(path, "--pretrained_syncnet_path")
    if loaded.spec.audio_feature != manifest.audio_feature:
        raise InputError(
            f"--pretrained_syncnet_path {path}: hears {loaded.spec.audio_feature}, "
            f"the training set has {manifest.audio_feature}"
        )
    if loaded.held_out is not None and loaded.held_out < LEAST_SYNC_ACCURACY:
        if parallel.is_main:
            print(
                f"warning: the sync loss is left out, because {path} finds the offset of {loaded.held_out:.0%} of "
                "held-out windows within a frame (chance is 10%): train SyncNet longer or on more videos"
            )
        return None
    return loaded


def previous_checkpoints(options: TrainingOptions, run_folder: Path) -> dict[str, Path]:
    """Folders of the stages that this one continues, by the option that names their checkpoint."""
    judge = options.syncnet_from if options.lamb_sync else ""
    wanted = {"pretrained_path": options.starts_from, "pretrained_syncnet_path": judge}
    return {name: run_folder / stage for name, stage in wanted.items() if stage and not getattr(options, name)}
