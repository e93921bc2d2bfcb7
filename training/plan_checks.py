"""Checks of a stage against what it works on: the training set, checkpoints to start or go on from, the disk."""

import dataclasses

import torch

from config.config import ClipOptions, GeneratorOptions, StageOptions, SyncNetOptions
from config.errors import InputError
from dataset.manifest import Manifest
from dataset.samples import GeneratorSamples, SyncSamples
from dataset.split import split
from models.loading import NetworkSpec, load_generator, load_syncnet
from models.vgg19 import check_weights
from training.generator_stage import build_discriminators, frames_of, generator_spec, require_same_network
from training.syncnet_stage import syncnet_spec

# Of held-out windows whose offset SyncNet finds within a frame, to be used as a loss: chance is 0.10, and 0.22 of 50
# windows did harm (benchmarks/README.md, the man).
LEAST_SYNC_ACCURACY = 0.25
FIXED = ("stage", "model", "base_channels", "mouth_size", "val_fraction", "freeze_norms")  # that a run goes on with
PARTS = {"epoch": int, "step": int, "elapsed": float, "best": float, "finished": bool, "options": dict,
         "state_dict": dict, "optimizer": dict}  # fmt: skip
# A stage's weights, their average and Adam's two moments.
COPIES = 4


def network_spec(options: StageOptions, manifest: Manifest) -> NetworkSpec:
    if isinstance(options, SyncNetOptions):
        return syncnet_spec(options, manifest)
    return generator_spec(options, manifest)


def check_data(options: StageOptions, manifest: Manifest) -> None:
    """Raise InputError where the set has no sample for this stage; warn of a loss that it cannot serve."""
    parts = split(manifest, options.val_fraction)
    if manifest.clips_left_out:
        print(f"{manifest.path}: {manifest.clips_left_out} clips left out, which have not nine frames and nine rows")
    if isinstance(options, SyncNetOptions):
        SyncSamples(parts.train, options.mouth_size, options.augment_num, options.seed)
        return
    GeneratorSamples(parts.train, frames_of(options), options.mouth_size, options.augment_num, options.seed)
    if options.lamb_opening and any(video.lip_opening is None for video in manifest.videos):
        print("warning: lamb_opening is left out: the training JSON has videos without lip openings; make it anew")


def check_start(options: StageOptions, manifest: Manifest) -> None:
    """Raise InputError for files to start from that are missing, damaged or of another kind."""
    if not isinstance(options, GeneratorOptions):
        if options.pretrained_syncnet_path:
            loaded = load_syncnet(options.pretrained_syncnet_path, "--pretrained_syncnet_path")
            check_feature(loaded.spec, manifest, options.pretrained_syncnet_path)
        return
    if options.pretrained_path:
        loaded = load_generator(options.pretrained_path, "--pretrained_path")
        require_same_network(loaded.spec, generator_spec(options, manifest), options.pretrained_path)
    if isinstance(options, ClipOptions) and options.lamb_sync and options.pretrained_syncnet_path:
        with_usable_syncnet(options, manifest)
    if options.lamb_perception:
        check_weights(options.perceptual_weights)


def with_usable_syncnet(options: ClipOptions, manifest: Manifest) -> ClipOptions:
    """The options of a clip stage whose SyncNet is known; without its loss, and a warning, where it would do harm.

    A SyncNet that has not learned to find the offset would pull the mouth anywhere; one that was never judged may.
    """
    path = options.pretrained_syncnet_path
    loaded = load_syncnet(path, "--pretrained_syncnet_path")
    check_feature(loaded.spec, manifest, path)
    if options.trust_syncnet or (loaded.held_out is not None and loaded.held_out >= LEAST_SYNC_ACCURACY):
        return options
    reason = (
        "was never judged on held-out videos"
        if loaded.held_out is None
        else f"finds the offset of {loaded.held_out:.0%} of held-out windows within a frame (chance is 10%)"
    )
    print(
        f"warning: the sync loss is left out, because {path} {reason}: train SyncNet longer or on more videos, "
        "or give --trust_syncnet"
    )
    return dataclasses.replace(options, lamb_sync=0.0)


def check_feature(spec: NetworkSpec, manifest: Manifest, path: str) -> None:
    if (spec.audio_feature, spec.arguments["in_channel_audio"]) != (manifest.audio_feature, manifest.audio_channel):
        raise InputError(
            f"--pretrained_syncnet_path {path}: hears {spec.audio_feature} with {spec.arguments['in_channel_audio']} "
            f"values, the training set has {manifest.audio_feature} with {manifest.audio_channel}"
        )


def check_resume(options: StageOptions, manifest: Manifest, content: dict, path: object) -> None:
    """Raise InputError unless a checkpoint is this stage's, on this training set; say which options have changed."""
    for name, kind in PARTS.items():
        if not is_a(content.get(name), kind):
            raise InputError(
                f"--resume {path}: is no checkpoint to go on from (its {name} is missing or no {kind.__name__})"
            )
    before, now = content["options"], dataclasses.asdict(options)
    for name in FIXED:
        if name in now and name in before and before[name] != now[name]:
            raise InputError(
                f"--resume {path}: was trained with --{name} {before[name]}, now {now[name]}; give another --name"
            )
    networks = set(network_names(options))
    if set(content["state_dict"]) != networks:
        raise InputError(
            f"--resume {path}: holds {', '.join(map(str, content['state_dict']))}, but these options train "
            f"{', '.join(sorted(networks))}; --lamb_gan and --lamb_gan_clip cannot begin or end with --resume"
        )
    spec = dataclasses.asdict(network_spec(options, manifest))
    if content.get("spec") != spec:
        raise InputError(f"--resume {path}: holds the network {content.get('spec')}, this training set needs {spec}")
    if content.get("data", manifest.fingerprint()) != manifest.fingerprint():
        raise InputError(f"--resume {path}: was trained on another training set than --train_data {manifest.path}")
    changed = [f"{name} {before[name]} -> {now[name]}" for name in now if before.get(name, now[name]) != now[name]]
    changed = [text for text in changed if not text.startswith(("train_data", "pretrained_"))]
    if changed:
        print(f"{path}: goes on with other options: {', '.join(changed)}")


def is_a(value: object, kind: type) -> bool:
    """isinstance, but for True being an int and 1 no float."""
    return type(value) in ((int, float) if kind is float else (kind,))


def network_names(options: StageOptions) -> list[str]:
    if not isinstance(options, GeneratorOptions):
        return ["syncnet"]
    with torch.device("meta"):
        return ["net_g", *build_discriminators(options)]


def checkpoint_bytes(options: StageOptions, manifest: Manifest) -> int:
    """How large a checkpoint of this stage is, nearly."""
    with torch.device("meta"):
        networks = [network_spec(options, manifest).build()]
        networks += build_discriminators(options).values() if isinstance(options, GeneratorOptions) else []
    return COPIES * sum(p.numel() * p.element_size() for network in networks for p in network.parameters())
