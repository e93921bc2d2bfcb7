"""Checks of a checkpoint that a stage is to go on from."""

import dataclasses
import json
from pathlib import Path

import torch

from config.config import GeneratorOptions, StageOptions
from config.errors import InputError
from dataset.manifest import Manifest
from dataset.split import Split, split
from training.generator_stage import build_discriminators
from training.plan_checks import network_spec
from training.run_folder import SPLIT

IDENTITY = ("stage", "model", "base_channels", "mouth_size")  # options that say what a checkpoint holds
FIXED = (*IDENTITY, "val_fraction", "freeze_norms", "freeze_hearing")  # that a stage goes on with
PARTS = {"epoch": int, "step": int, "elapsed": float, "best": float, "finished": bool, "options": dict,
         "state_dict": dict, "optimizer": dict}  # fmt: skip


def check_checkpoint(options: StageOptions, content: dict, path: Path) -> None:
    """Raise InputError unless a checkpoint is one to go on from, and of this stage. The data are not looked at."""
    for name, kind in PARTS.items():
        if not is_a(content.get(name), kind):
            raise InputError(
                f"--resume {path}: is no checkpoint to go on from (its {name} is missing or no {kind.__name__})"
            )
    before, now = content["options"], dataclasses.asdict(options)
    for name in IDENTITY if content["finished"] else FIXED:
        if name in now and name in before and before[name] != now[name]:
            raise InputError(
                f"--resume {path}: was trained with --{name} {before[name]}, now {now[name]}; give another --name"
            )


def check_resume(options: StageOptions, manifest: Manifest, content: dict, path: Path) -> None:
    """Raise InputError unless a stage that is not finished can go on with these options, on this training set.

    Says which options have changed, and whether other videos are held out.
    """
    networks = set(network_names(options))
    if set(content["state_dict"]) != networks:
        raise InputError(
            f"--resume {path}: holds {', '.join(map(str, content['state_dict']))}, but these options train "
            f"{', '.join(sorted(networks))}; --lamb_gan, --lamb_gan_mouth and --lamb_gan_clip cannot begin or end with "
            "--resume"
        )
    spec = dataclasses.asdict(network_spec(options, manifest))
    if content.get("spec") != spec:
        raise InputError(f"--resume {path}: holds the network {content.get('spec')}, this training set needs {spec}")
    if content.get("data", manifest.fingerprint()) != manifest.fingerprint():
        raise InputError(f"--resume {path}: was trained on another training set than --train_data {manifest.path}")
    changed = changed_options(content["options"], dataclasses.asdict(options))
    if changed:
        print(f"{path}: goes on with other options: {', '.join(changed)}")
    compare_split(path.with_name(SPLIT), split(manifest, options.val_fraction))


def changed_options(before: dict, now: dict) -> list[str]:
    """What has changed, as text, but for paths. A precision "auto" of earlier versions is whatever it is now."""
    changed = [name for name in now if name in before and before[name] != now[name]]
    if before.get("precision") == "auto" and "precision" in changed:
        changed.remove("precision")
    changed = [name for name in changed if not name.startswith(("train_data", "pretrained_"))]
    return [f"{name} {before[name]} -> {now[name]}" for name in changed]


def compare_split(path: Path, parts: Split) -> None:
    """Say where a run has held out other frames until now, by its record. Earlier versions divided few videos so."""
    if not path.is_file():
        return
    try:
        before = json.loads(path.read_text(encoding="utf-8"))["frames"]
        held_out = ", ".join(before["held_out"]) or "nothing"
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"warning: {path} cannot be read ({error}), so the parts trained on and held out may have changed")
        return
    if before != parts.record()["frames"]:
        print(
            f"warning: {path}: until now {held_out} was held out, from now on {parts.rule}: held-out figures are of "
            "frames that may have been trained on; for clean ones give another --name"
        )


def is_a(value: object, kind: type) -> bool:
    """isinstance, but for True being an int and 1 no float."""
    return type(value) in ((int, float) if kind is float else (kind,))


def network_names(options: StageOptions) -> list[str]:
    if not isinstance(options, GeneratorOptions):
        return ["syncnet"]
    with torch.device("meta"):
        return ["net_g", *build_discriminators(options)]
