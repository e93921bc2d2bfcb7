"""What a run will do, checked before it runs: stages in order, their options, where they start, what they need.

Nothing fails later that can be known here.
"""

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from config.config import STAGES, ClipOptions, GeneratorOptions, RunOptions, StageOptions, SyncNetOptions
from config.errors import InputError
from dataset.manifest import Manifest
from face.geometry import crop_size, stored_to_network
from media.files import check_writable
from models.discriminator import SMALLEST_SIDE
from models.loading import read_checkpoint
from training.checkpoints import best_checkpoint, latest_checkpoint
from training.generator_stage import picture_weights
from training.parallel import Parallel
from training.placement import check_shares, share_batch
from training.plan_checks import check_beginnings, check_data, check_feature, check_start, network_spec
from training.resume_checks import check_checkpoint, check_resume
from training.room import bytes_to_write, checkpoint_bytes
from training.run_folder import run_folder
from training.stage_files import Stage, read_stages


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
    check_beginnings({s.name: s.options for s in stages if isinstance(s.options, GeneratorOptions)})
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
    hears = isinstance(options, ClipOptions) and options.lamb_sync
    if hears and not (options.syncnet_from or options.pretrained_syncnet_path):
        raise InputError(
            f"stage {stage.name}: --pretrained_syncnet_path is not set; a clip stage needs a SyncNet, or --lamb_sync 0"
        )
    if not any(picture_weights(options)):
        raise InputError(
            f"stage {stage.name}: no loss on the pictures is left; set --lamb_perception, --lamb_mouth or --lamb_pixel"
        )
    judged = options.lamb_gan or (isinstance(options, ClipOptions) and options.lamb_gan_clip)
    if judged and min(crop_size(options.mouth_size)) < SMALLEST_SIDE:
        flags = "--lamb_gan and --lamb_gan_clip" if isinstance(options, ClipOptions) else "--lamb_gan"
        raise InputError(
            f"stage {stage.name}: --mouth_size {options.mouth_size} is too small for discriminators; set {flags} to 0, "
            "or a larger --mouth_size"
        )


def share_minutes(stages: list[Stage], total_minutes: float) -> list[Stage]:
    """If `total_minutes` is set, stages that end by time alone, with limits that add up to it."""
    if not total_minutes:
        return stages
    planned = sum(stage.options.max_minutes for stage in stages)
    if not planned:
        raise InputError("--total_minutes needs stage files with max_minutes, such as those in config/experiment/demo")
    share = total_minutes / planned
    return [
        Stage(s.name, dataclasses.replace(s.options, max_minutes=s.options.max_minutes * share, max_steps=0))
        for s in stages
    ]


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


def make_plan(
    run: RunOptions, stages: Sequence[Stage], parallel: Parallel, read: Callable[[str], Manifest]
) -> list[PlannedStage]:
    """The stages checked against the data, the checkpoints and the folders of this run. Writes nothing.

    Raises InputError. `read`: load_manifest with a memory, as it is called again for every stage.
    """
    plan = Plan(run, run_folder(run), parallel, read)
    for stage in stages:
        plan.add(stage)
    for path in dict.fromkeys(stage.options.train_data for stage in plan.unfinished()):
        if left_out := read(path).clips_left_out:
            print(f"{path}: {left_out} clips left out, which have not nine frames and nine rows")
    check_writable("--result_path", plan.folder, plan.room())
    return list(plan.stages.values())


@dataclasses.dataclass
class Plan:
    """The stages of a run that were checked so far, by name, and the sizes of their checkpoints."""

    run: RunOptions
    folder: Path
    parallel: Parallel
    read: Callable[[str], Manifest]
    stages: dict[str, PlannedStage] = dataclasses.field(default_factory=dict)
    sizes: dict[str, int] = dataclasses.field(default_factory=dict)

    def unfinished(self) -> list[PlannedStage]:
        return [stage for stage in self.stages.values() if not stage.finished]

    def room(self) -> int:
        """Bytes that the whole run will still write. A new checkpoint is there before an old one goes."""
        growth = [bytes_to_write(stage.options, self.sizes[stage.name], stage.folder) for stage in self.unfinished()]
        return sum(growth) + max(self.sizes.values(), default=0)

    def add(self, stage: Stage) -> None:
        """Check a stage, after those it starts from. Of a finished one, the data may be gone."""
        folder = self.folder / stage.name
        latest = latest_checkpoint(folder)
        if latest and not self.run.resume:
            raise InputError(f"--name {self.run.name}: {folder} holds checkpoints; use --resume, or another --name")
        content = read_checkpoint(latest, "--resume") if latest else None
        if content:
            check_checkpoint(stage.options, content, latest)
        finished = bool(content) and content["finished"]
        options = stage.options if finished else self.checked_options(stage)
        if content and not finished:
            check_resume(options, self.read(options.train_data), content, latest)
        self.stages[stage.name] = PlannedStage(stage.name, options, folder, latest, finished)

    def checked_options(self, stage: Stage) -> StageOptions:
        """The options of a stage that will be trained, as far as they are known before the run."""
        options = self.with_known_starts(stage.name, share_batch(stage.options, self.parallel.world_size))
        manifest = self.read(options.train_data)
        check_data(stage.name, options, manifest)
        check_shares(stage.name, options, manifest, self.parallel)
        options = check_start(stage.name, options, manifest)
        check_writable("--result_path", self.folder / stage.name)
        self.sizes[stage.name] = checkpoint_bytes(options, network_spec(options, manifest))
        return options

    def with_known_starts(self, name: str, options: StageOptions) -> StageOptions:
        """With the paths of the checkpoints that this run will not train any more, to start from."""
        known = {}
        for option, needed in needed_stages(options).items():
            earlier = self.stages.get(needed)
            if earlier and not earlier.finished:
                spec = network_spec(earlier.options, self.read(earlier.options.train_data))
                check_feature(spec, self.read(options.train_data), f"stage {name}: {needed}, which it starts from")
                continue
            found = best_checkpoint(self.folder / needed)
            if not found:
                raise InputError(
                    f"stage {name} needs a checkpoint in {self.folder / needed}; train that first, or give --{option}"
                )
            known[option] = str(found)
        return dataclasses.replace(options, **known)


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
    if not any(isinstance(stage, PlannedStage) for stage in stages):
        print("  no --name: data, checkpoints and folders were not looked at")
