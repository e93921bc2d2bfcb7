"""Checks of a stage against what it works on: the training set, and networks to start from."""

import dataclasses

from config.config import ClipOptions, GeneratorOptions, StageOptions, SyncNetOptions
from config.errors import InputError
from dataset.manifest import Manifest, error_context
from dataset.samples import GeneratorSamples, SyncSamples
from dataset.split import Split, split
from models.loading import NetworkSpec, load_generator, load_syncnet
from models.vgg19 import check_weights
from training.generator_stage import (
    frames_of,
    generator_spec,
    generator_start,
    held_out_samples,
    keeps_hearing,
    picture_weights,
    require_same_network,
)
from training.syncnet_stage import syncnet_spec
from training.syncnet_validation import window_blocks

# Of held-out windows whose offset SyncNet finds within a frame, to be used as a loss: chance is 0.10, and 0.22 of 50
# windows did harm (docs/trials.md, the man).
LEAST_SYNC_ACCURACY = 0.25


def network_spec(options: StageOptions, manifest: Manifest) -> NetworkSpec:
    if isinstance(options, SyncNetOptions):
        return syncnet_spec(options, manifest)
    return generator_spec(options, manifest)


def check_data(name: str, options: StageOptions, manifest: Manifest) -> None:
    """Raise InputError where the set has no sample for this stage, to train on or to validate with.

    Warns of a loss that it cannot serve, and of held-out videos that are too short to find an offset in.
    """
    parts = split(manifest, options.val_fraction)
    held_out = f"stage {name}: the part held out by --val_fraction {options.val_fraction:g}"
    if isinstance(options, SyncNetOptions):
        with error_context(f"stage {name}: "):
            SyncSamples(parts.train, options.mouth_size, options.augment_num, options.seed)
        if parts.held_out and not any(window_blocks(video) for video in parts.held_out):
            print(f"warning: {held_out} ({names_of(parts)}) is too short for offsets: SyncNet will not be judged")
        return
    with error_context(f"stage {name}: "):
        GeneratorSamples(parts.train, frames_of(options), options.mouth_size, options.augment_num, options.seed)
    if parts.held_out:
        with error_context(f"{held_out}: ", ", or another --val_fraction"):
            held_out_samples(options, parts, 0)
    if options.references != "random":
        check_measures(name, options, manifest)
    if options.lamb_opening and any(video.lip_opening is None for video in manifest.videos):
        print(
            f"warning: stage {name}: lamb_opening is left out: the training JSON has videos without lip openings; "
            "make it anew"
        )


def check_measures(name: str, options: GeneratorOptions, manifest: Manifest) -> None:
    """Raise InputError for a video of which nothing is known that references could be chosen by."""
    for video in manifest.videos:
        if video.head_pose is None or video.lip_opening is None:
            raise InputError(
                f"stage {name}: --references {options.references}: video {video.name} of {manifest.path} has no head "
                "poses or no lip openings; run data_processing.py --generate_training_json again (after --crop_face "
                "for crops of the published code), or give --references random"
            )


def names_of(parts: Split) -> str:
    names = [video.name for video in parts.held_out]
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def check_start(name: str, options: StageOptions, manifest: Manifest) -> StageOptions:
    """The options, without the loss of a SyncNet that would do harm.

    Raises InputError for files to start from that are missing, damaged or of another kind.
    """
    if not isinstance(options, GeneratorOptions):
        if options.pretrained_syncnet_path:
            loaded = load_syncnet(options.pretrained_syncnet_path, "--pretrained_syncnet_path")
            check_feature(loaded.spec, manifest, f"--pretrained_syncnet_path {options.pretrained_syncnet_path}")
        return options
    path, flag = generator_start(options)
    if path:
        where = f"{flag} {path}"
        spec = load_generator(path, flag).spec
        check_feature(spec, manifest, where)
        require_same_network(spec, generator_spec(options, manifest), where)
    if options.lamb_perception:
        check_weights(options.perceptual_weights)
    if isinstance(options, ClipOptions) and options.lamb_sync and options.pretrained_syncnet_path:
        return with_usable_syncnet(name, options, manifest)
    return options


def with_usable_syncnet(name: str, options: ClipOptions, manifest: Manifest) -> ClipOptions:
    """The options of a clip stage whose SyncNet is known; without its loss, and a warning, where it would do harm.

    A SyncNet that has not learned to find the offset would pull the mouth anywhere; one that was never judged may.
    Raises InputError where no loss on the pictures is left then.
    """
    path = options.pretrained_syncnet_path
    loaded = load_syncnet(path, "--pretrained_syncnet_path")
    check_feature(loaded.spec, manifest, f"--pretrained_syncnet_path {path}")
    if options.trust_syncnet or (loaded.held_out is not None and loaded.held_out >= LEAST_SYNC_ACCURACY):
        return options
    reason = (
        "was never judged on held-out videos"
        if loaded.held_out is None
        else f"finds the offset of {loaded.held_out:.0%} of held-out windows within a frame (chance is 10%)"
    )
    advice = "train SyncNet longer or on more videos, or give --trust_syncnet"
    options = dataclasses.replace(options, lamb_sync=0.0)
    if not any(picture_weights(options)):
        raise InputError(f"stage {name}: its only loss on the pictures is SyncNet's, but {path} {reason}: {advice}")
    print(f"warning: stage {name}: the sync loss is left out, because {path} {reason}: {advice}")
    return options


def check_beginnings(generators: dict[str, GeneratorOptions]) -> None:
    """Raise InputError for a base, or a hearing to be frozen, that none of these stages, by name, has."""
    names, stages = ", ".join(generators), generators.values()
    if any(stage.base for stage in stages) and not any(generator_start(stage)[1] == "--base" for stage in stages):
        raise InputError(f"--base: no stage begins from it, for all continue others ({names}); leave it out")
    if any(stage.freeze_hearing for stage in stages) and not any(keeps_hearing(stage) for stage in stages):
        raise InputError(f"--freeze_hearing: none of the stages ({names}) continues another; leave it out")


def check_feature(spec: NetworkSpec, manifest: Manifest, where: str) -> None:
    """Raise InputError unless a network hears what the training set holds. `where` begins the message."""
    values = spec.arguments.get("audio_channel", spec.arguments.get("in_channel_audio"))
    if (spec.audio_feature, values) != (manifest.audio_feature, manifest.audio_channel):
        raise InputError(
            f"{where}: hears {spec.audio_feature} with {values} values, the training set {manifest.path} has "
            f"{manifest.audio_feature} with {manifest.audio_channel}"
        )
