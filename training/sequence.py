"""From the command line to trained stages: which stages, with which options, in which order."""

import dataclasses
import json
import runpy
import sys
from pathlib import Path

from config.config import RunOptions, TrainingOptions
from config.errors import InputError
from config.options import build_parser, check
from media.files import atomic_write
from models.loading import read_checkpoint
from training.checkpoints import best_checkpoint, latest_checkpoint
from training.curves import draw_curves
from training.loop import train_stage
from training.parallel import Parallel
from training.stages import build_stage, previous_checkpoints
from training.tracking import Tracker

STAGE_ORDER = ("syncnet", "frame", "clip")


@dataclasses.dataclass
class PlannedStage:
    """A stage file with its options: defaults, then the file, then the command line."""

    name: str
    options: TrainingOptions


def parse_arguments(description: str, argv: list[str] | None) -> tuple[RunOptions, dict]:
    """RunOptions, and the training options given on the command line, which win over every stage file."""

    @dataclasses.dataclass
    class Both(RunOptions, TrainingOptions):
        pass

    given = vars(build_parser(Both, description).parse_args(argv))
    run_names = {field.name for field in dataclasses.fields(RunOptions)}
    run = RunOptions(**{name: value for name, value in given.items() if name in run_names})
    check(run)
    overrides = {name: value for name, value in given.items() if name not in run_names}
    check(TrainingOptions(**overrides))
    return run, overrides


def read_stage_file(path: Path, overrides: dict) -> PlannedStage:
    """Run a stage file, which is Python, and take its names as options. Unknown names raise InputError."""
    if not path.is_file():
        raise InputError(f"--config_path {path}: no such file; the stage files are in config/experiment/")
    try:
        values = {name: value for name, value in runpy.run_path(str(path)).items() if not name.startswith("_")}
    except Exception as error:
        raise InputError(f"--config_path {path}: {type(error).__name__}: {error}") from error
    known = {field.name for field in dataclasses.fields(TrainingOptions)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise InputError(f"--config_path {path}: unknown option {unknown[0]}; see train_sequence.py --help")
    options = TrainingOptions(**{**values, **overrides})
    check(options, origin=f"{path}: ")
    return PlannedStage(path.stem, options)


def plan(run: RunOptions, overrides: dict) -> list[PlannedStage]:
    """The stages to run, coarse to fine: SyncNet, then frames, then clips, each by mouth size."""
    if run.config_path:
        stages = [read_stage_file(Path(run.config_path), overrides)]
        share_minutes(stages, run.total_minutes)
        return stages
    folder = Path(run.config_folder)
    files = [path for path in sorted(folder.glob("*.py")) if path.name != "__init__.py"]
    if not files:
        raise InputError(f"--config_folder {folder}: holds no stage files; give config/experiment or a folder like it")
    stages = [read_stage_file(path, overrides) for path in files]
    share_minutes(stages, run.total_minutes)
    return sorted(stages, key=lambda s: (STAGE_ORDER.index(s.options.stage), s.options.mouth_size, s.name))


def share_minutes(stages: list[PlannedStage], total_minutes: float) -> None:
    """Scale the stages' time limits so that they add up to `total_minutes`, if that is set."""
    planned = sum(stage.options.max_minutes for stage in stages)
    if not total_minutes:
        return
    if not planned:
        raise InputError("--total_minutes needs stage files with max_minutes, such as those in config/experiment/demo")
    for stage in stages:
        stage.options.max_minutes *= total_minutes / planned


def show(stages: list[PlannedStage]) -> None:
    """Print every stage's options: those that differ from the defaults first."""
    defaults = TrainingOptions()
    for stage in stages:
        values = dataclasses.asdict(stage.options)
        changed = {name: value for name, value in values.items() if value != getattr(defaults, name)}
        print(f"{stage.name}: {json.dumps(changed, ensure_ascii=False)}")
        print(f"  defaults: {json.dumps({n: v for n, v in values.items() if n not in changed}, ensure_ascii=False)}")


def train_sequence(description: str, make_parallel, argv: list[str] | None = None) -> int:
    """Entry of both training scripts. `make_parallel(device)` gives this process's place among the others."""
    run, overrides = parse_arguments(description, argv)
    stages = plan(run, overrides)
    if run.dry_run:
        show(stages)
        return 0
    if not run.name:
        raise InputError("--name is not set; give the run a name, it becomes a folder of --result_path")
    parallel = make_parallel(run.device)
    for stage in stages:
        checkpoint = run_stage(stage, run, parallel)
        if parallel.is_main:
            print(f"{stage.name}: {checkpoint}", flush=True)
    return 0


def run_stage(stage: PlannedStage, run: RunOptions, parallel: Parallel) -> Path:
    """Train one stage, or go on with it, or find it finished. Returns its last checkpoint."""
    run_folder = Path(run.result_path) / run.name
    folder = run_folder / stage.name
    resume_from = None
    latest = latest_checkpoint(folder)
    if latest:
        if not run.resume:
            raise InputError(f"--name {run.name}: {folder} holds checkpoints; use --resume, or another --name")
        resume_from = read_checkpoint(latest, "--resume")
        if resume_from["finished"]:
            return latest
    for option_name, previous in previous_checkpoints(stage.options, run_folder).items():
        found = best_checkpoint(previous)
        if not found:
            raise InputError(
                f"stage {stage.name} needs a checkpoint in {previous}; train that first, or give --{option_name}"
            )
        setattr(stage.options, option_name, str(found))
    built = build_stage(stage.options, parallel)
    parallel.barrier()
    if not parallel.is_main:
        return train_stage(built, folder, None, parallel, resume_from)
    write_record(folder / "options.json", describe(stage, parallel))
    write_record(folder / "split.json", built.parts.record())
    options = dataclasses.asdict(stage.options)
    with Tracker(folder, run.wandb, run.wandb_project, f"{run.name}-{stage.name}", options) as tracker:
        checkpoint = train_stage(built, folder, tracker, parallel, resume_from)
    draw_curves(folder)
    return checkpoint


def describe(stage: PlannedStage, parallel: Parallel) -> dict:
    """What was run, for whoever finds the folder."""
    return {
        "stage": stage.name,
        "options": dataclasses.asdict(stage.options),
        "command": sys.argv,
        "device": str(parallel.device),
        "processes": parallel.world_size,
    }


def write_record(path: Path, record: dict) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
