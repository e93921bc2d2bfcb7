"""From a plan to trained stages."""

import dataclasses
import functools
import json
import socket
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch

from config.config import GeneratorOptions, RunOptions, StageOptions, SyncNetOptions
from config.errors import InputError
from dataset.manifest import Manifest, load_manifest
from media.files import atomic_write
from models.loading import read_checkpoint
from models.vgg19 import download_weights, find_weights
from training.checkpoints import best_checkpoint
from training.curves import draw_curves
from training.generator_stage import build_generator
from training.loop import train_stage
from training.parallel import Parallel
from training.placement import shared_precision, with_precision
from training.plan import PlannedStage, make_plan, needed_stages, plan_stages, show
from training.plan_checks import with_usable_syncnet
from training.run_folder import SPLIT, locked, require_shared, run_folder
from training.stage_files import Stage
from training.stages import BuiltStage
from training.syncnet_stage import build_syncnet
from training.tracking import Tracker


def train_sequence(run: RunOptions, flags: dict[str, Any], make_parallel: Callable[[str], Parallel]) -> int:
    """Entry of both training scripts. `make_parallel(device)` gives this process's place among the others."""
    parallel = make_parallel(run.device)
    shared = shared_precision(parallel)
    stages = parallel.from_main(lambda: with_precision(plan_stages(run, flags), parallel.device, shared))
    read = functools.cache(load_manifest)
    if run.dry_run:
        parallel.from_main(lambda: show(make_plan(run, stages, parallel, read) if run.name else stages))
        return 0
    parallel.from_main(lambda: announce(stages, parallel))
    with ExitStack() as held:
        plan = parallel.from_main(lambda: make_plan(run, stages, parallel, read))
        folder = run_folder(run)
        parallel.from_main(lambda: held.enter_context(locked(folder, run.name)))
        require_shared(folder, parallel)
        manifests = read_everywhere({stage.options.train_data for stage in plan if not stage.finished}, read, parallel)
        fetch_perceptual_weights(plan, parallel)
        for stage in plan:
            checkpoint = stage.resume_from
            if not stage.finished:
                checkpoint = run_stage(stage, run, manifests[stage.options.train_data], parallel)
            if parallel.is_main:
                print(f"{stage.name}: {checkpoint}", flush=True)
    return 0


def announce(stages: list[Stage], parallel: Parallel) -> None:
    """Say what the run runs on, and in which precision."""
    first = stages[0].options.precision
    print(parallel.describe(first))
    for stage in stages:
        if stage.options.precision != first:
            print(f"{stage.name}: {stage.options.precision}")
    sys.stdout.flush()


def read_everywhere(paths: set[str], read: Callable[[str], Manifest], parallel: Parallel) -> dict[str, Manifest]:
    """The training sets by path, the same on all processes. Raises InputError on all where one cannot read them."""
    manifests, failure = {}, ""
    try:
        manifests = {path: read(path) for path in sorted(paths)}
    except InputError as error:
        failure = f"process {parallel.rank} on {socket.gethostname()}: {error}"
    for other in filter(None, parallel.gather(failure)):
        parallel.stop(other)
    parallel.require_agreement("--train_data", [manifest.fingerprint() for manifest in manifests.values()])
    return manifests


def fetch_perceptual_weights(plan: list[PlannedStage], parallel: Parallel) -> None:
    """Download VGG19 before the first stage where one needs it, once a machine."""
    wanted = {
        stage.options.perceptual_weights
        for stage in plan
        if isinstance(stage.options, GeneratorOptions) and stage.options.lamb_perception and not stage.finished
    }
    if "imagenet" in wanted:
        parallel.once_a_node(lambda: find_weights("imagenet") or download_weights())


def run_stage(stage: PlannedStage, run: RunOptions, manifest: Manifest, parallel: Parallel) -> Path:
    """Train one stage, or go on with it. Returns its last checkpoint."""
    options = parallel.from_main(lambda: with_checkpoints(stage, manifest))
    resume_from = read_checkpoint(stage.resume_from, "--resume") if stage.resume_from else None
    built = build_stage(options, manifest, parallel)
    if not parallel.is_main:
        return train_stage(built, stage.folder, None, parallel, resume_from)
    print(f"data: {built.parts.rule}")
    write_record(stage.folder / "options.json", describe(stage.name, options, parallel))
    write_record(stage.folder / SPLIT, built.parts.record())
    name = f"{run.name}-{stage.name}"
    with Tracker(stage.folder, run.wandb, run.wandb_project, name, dataclasses.asdict(options)) as tracker:
        checkpoint = train_stage(built, stage.folder, tracker, parallel, resume_from)
    draw_curves(stage.folder)
    return checkpoint


def build_stage(options: StageOptions, manifest: Manifest, parallel: Parallel) -> BuiltStage:
    """Samples and networks, the same on every process. Raises InputError for data or checkpoints that do not fit."""
    torch.manual_seed(options.seed)
    build = build_syncnet if isinstance(options, SyncNetOptions) else build_generator
    return build(options, manifest, parallel)


def with_checkpoints(stage: PlannedStage, manifest: Manifest) -> StageOptions:
    """The stage's options with the paths of the checkpoints that earlier stages have made by now."""
    found = {
        option: str(best_checkpoint(stage.folder.parent / name))
        for option, name in needed_stages(stage.options).items()
    }
    options = dataclasses.replace(stage.options, **found)
    return with_usable_syncnet(stage.name, options, manifest) if "pretrained_syncnet_path" in found else options


def describe(name: str, options: StageOptions, parallel: Parallel) -> dict:
    """What was run, for whoever finds the folder."""
    return {
        "stage": name,
        "options": dataclasses.asdict(options),
        "command": sys.argv,
        "device": parallel.describe(options.precision),
        "processes": parallel.world_size,
    }


def write_record(path: Path, record: dict) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
