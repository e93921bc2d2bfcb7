"""What a run will do, checked before it runs: stages in order, their options, where they start, what they need.

Nothing fails later that can be known here.
"""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from config.config import STAGES, ClipOptions, GeneratorOptions, RunOptions, StageOptions, SyncNetOptions
from config.errors import InputError
from dataset.manifest import Manifest, load_manifest
from face.geometry import stored_to_network
from media.files import check_writable
from models.loading import read_checkpoint
from training.checkpoints import best_checkpoint, latest_checkpoint
from training.generator_stage import pixel_weight
from training.plan_checks import check_data, check_resume, check_start, checkpoint_bytes
from training.run_folder import run_folder
from training.stage_files import Stage, read_stages

SPARE_CHECKPOINTS = 2  # beside those that are kept: best.pth, and the one being written


@dataclasses.dataclass(frozen=True)
class PlannedStage:
    """A stage that was checked. `resume_from`: the checkpoint it goes on from, or ends with where it is `finished`."""

    name: str
    options: StageOptions
    folder: Path
    resume_from: Path | None = None
    finished: bool = False


def plan_stages(run: RunOptions, flags: dict[str, Any]) -> list[Stage]:
    """The stages to run in order, by their files and the command line alone. Raises InputError."""
    stages = read_stages(run.config_path, run.config_folder, flags)
    for stage in stages:
        check_options(stage)
    stages = in_order(share_minutes(stages, run.total_minutes))
    for stage in stages:
        check_links(stage, {other.name: other for other in stages})
    return stages


def check_options(stage: Stage) -> None:
    """Rules that concern one stage."""
    options = stage.options
    try:
        stored_to_network(options.mouth_size)
    except InputError as error:
        raise InputError(f"stage {stage.name}: --mouth_size: {error}") from error
    if not options.non_decay + options.decay:
        raise InputError(f"stage {stage.name}: --non_decay and --decay are 0; a stage needs at least one epoch")
    if not isinstance(options, GeneratorOptions):
        return
    is_clip = isinstance(options, ClipOptions)
    if is_clip and options.lamb_sync and not (options.syncnet_from or options.pretrained_syncnet_path):
        raise InputError(
            f"stage {stage.name}: --pretrained_syncnet_path is not set; a clip stage needs a SyncNet, or --lamb_sync 0"
        )
    weights = [options.lamb_perception, options.lamb_gan, options.lamb_mouth, pixel_weight(options)]
    weights += [options.lamb_gan_clip, options.lamb_sync] if is_clip else []
    if not any(weights):
        raise InputError(
            f"stage {stage.name}: no loss on the pictures is left; set --lamb_perception, --lamb_mouth or --lamb_pixel"
        )


def share_minutes(stages: list[Stage], total_minutes: float) -> list[Stage]:
    """The stages with time limits scaled so that they add up to `total_minutes`, if that is set."""
    if not total_minutes:
        return stages
    planned = sum(stage.options.max_minutes for stage in stages)
    if not planned:
        raise InputError("--total_minutes needs stage files with max_minutes, such as those in config/experiment/demo")
    share = total_minutes / planned
    return [Stage(s.name, dataclasses.replace(s.options, max_minutes=s.options.max_minutes * share)) for s in stages]


def in_order(stages: list[Stage]) -> list[Stage]:
    """Every stage after those it starts from; otherwise SyncNet, then frames, then clips, each by mouth size."""
    waiting = sorted(stages, key=lambda s: (STAGES.index(s.options.stage), s.options.mouth_size, s.name))
    ordered: list[Stage] = []
    while waiting:
        names = {stage.name for stage in waiting}
        ready = next((stage for stage in waiting if names.isdisjoint(needed_stages(stage.options).values())), None)
        if ready is None:
            raise InputError(f"--config_folder: stages start from each other in a circle: {', '.join(sorted(names))}")
        waiting.remove(ready)
        ordered.append(ready)
    return ordered


def needed_stages(options: StageOptions) -> dict[str, str]:
    """Names of the stages of the same run that a stage continues or uses, by the option that names their checkpoint."""
    wanted = {}
    if isinstance(options, GeneratorOptions):
        wanted["pretrained_path"] = options.starts_from
    if isinstance(options, ClipOptions) and options.lamb_sync:
        wanted["pretrained_syncnet_path"] = options.syncnet_from
    return {option: name for option, name in wanted.items() if name and not getattr(options, option)}


def check_links(stage: Stage, stages: dict[str, Stage]) -> None:
    """Rules between a stage and those it starts from, as far as they are in the same sequence."""
    for option, name in needed_stages(stage.options).items():
        if name not in stages:
            continue
        other = stages[name].options
        if isinstance(other, SyncNetOptions) != (option == "pretrained_syncnet_path"):
            raise InputError(f"stage {stage.name}: {name} is a {other.stage} stage, which it cannot start from")
        for shared in ("model", "base_channels") if option == "pretrained_path" else ():
            ours, theirs = getattr(stage.options, shared), getattr(other, shared)
            if ours != theirs:
                raise InputError(
                    f"stage {stage.name}: --{shared} is {ours}, but {name}, which it starts from, has {theirs}"
                )


def make_plan(run: RunOptions, stages: Sequence[Stage], processes: int = 1) -> list[PlannedStage]:
    """The stages checked against the data, the checkpoints and the folders of this run. Writes nothing.

    Raises InputError. `processes`: how many will share a batch.
    """
    folder = run_folder(run)
    manifests: dict[str, Manifest] = {}
    planned = []
    for stage in stages:
        path = stage.options.train_data
        if path not in manifests:
            manifests[path] = load_manifest(path)
        planned.append(plan_stage(stage, folder, manifests[path], run, processes, {s.name for s in stages}))
    return planned


def plan_stage(
    stage: Stage, run_folder: Path, manifest: Manifest, run: RunOptions, processes: int, sequence: set[str]
) -> PlannedStage:
    options, folder = share_batch(stage.options, processes), run_folder / stage.name
    latest = latest_checkpoint(folder)
    if latest and not run.resume:
        raise InputError(f"--name {run.name}: {folder} holds checkpoints; use --resume, or another --name")
    if latest:
        content = read_checkpoint(latest, "--resume")
        check_resume(options, manifest, content, latest)
        if content["finished"]:
            return PlannedStage(stage.name, options, folder, latest, finished=True)
    for option, name in needed_stages(options).items():
        if name not in sequence and not best_checkpoint(run_folder / name):
            raise InputError(
                f"stage {stage.name} needs a checkpoint in {run_folder / name}; train that first, or give --{option}"
            )
    check_start(options, manifest)
    check_data(options, manifest)
    room = checkpoint_bytes(options, manifest) * (options.keep_checkpoints + SPARE_CHECKPOINTS)
    check_writable("--result_path", folder, room)
    return PlannedStage(stage.name, options, folder, latest)


def share_batch(options: StageOptions, processes: int) -> StageOptions:
    """With the batch rounded up to a multiple of the processes, so that each gets the same number of samples."""
    wanted = options.batch_size
    rounded = -(-wanted // processes) * processes
    if rounded != wanted:
        print(f"batch_size {wanted} rounded up to {rounded}, a multiple of {processes} processes")
    return dataclasses.replace(options, batch_size=rounded)


def show(stages: Sequence[Stage | PlannedStage]) -> None:
    """Print every stage's options, those that differ from the defaults first, and where it goes on."""
    for stage in stages:
        defaults = type(stage.options)()
        values = dataclasses.asdict(stage.options)
        changed = {n: value for n, value in values.items() if n == "stage" or value != getattr(defaults, n)}
        print(f"{stage.name}: {json.dumps(changed, ensure_ascii=False)}")
        print(f"  defaults: {json.dumps({n: v for n, v in values.items() if n not in changed}, ensure_ascii=False)}")
        if isinstance(stage, PlannedStage):
            found = (
                f"{'finished' if stage.finished else 'goes on'}: {stage.resume_from}" if stage.resume_from else "new"
            )
            print(f"  in {stage.folder}: {found}")
