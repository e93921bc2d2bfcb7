"""One training loop for frame, clip and SyncNet stages, for one process and for many."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from config.errors import InputError
from dataset.loader import make_loader
from dataset.sampler import GlobalBatchSampler
from training.checkpoints import checkpoint_path, save_best, save_checkpoint
from training.loss_log import LossLog, diverged
from training.parallel import Parallel
from training.phases import optimise
from training.schedule import Schedule
from training.stage_clock import LOADING, SAVING, TRAINING, VALIDATING, StageClock
from training.stages import BuiltStage
from training.state import TrainingState
from training.tracking import Tracker


def train_stage(
    stage: BuiltStage, folder: Path, tracker: Tracker | None, parallel: Parallel, resume_from: dict | None
) -> Path:
    """Train a stage to its end and return its last checkpoint. `tracker` is None except on the main process."""
    options, schedule = stage.options, Schedule.of(stage.options)
    for phase in stage.phases:
        phase.losses = parallel.wrap(phase.losses, options.precision).train()
    state = TrainingState.of(stage)
    if resume_from:
        state.restore(resume_from)
        if parallel.is_main and state.best != resume_from["best"]:
            print(f"{folder}: best.pth is chosen by {state.best_by} from now on; what was best before does not count")
    parallel.require_agreement("epoch and weights", (state.epoch, state.checksum()))

    # Draw the same global batches whatever the number of processes.
    sampler = GlobalBatchSampler(
        len(stage.samples), options.batch_size, options.seed, parallel.rank, parallel.world_size
    )
    loader = make_loader(stage.samples, sampler, options.num_workers, pin_memory=parallel.device.type == "cuda")

    title = f"{folder.parent.name}/{folder.name}"
    total = schedule.steps(len(sampler))
    with tqdm(total=total, initial=state.step, desc=title, unit="step", disable=not parallel.is_main) as bar:
        clock = StageClock()
        log = LossLog(stage, folder, tracker, parallel, bar, clock)
        training = StageTraining(stage, folder, state, schedule, parallel, log, clock)
        if schedule.is_over(state.epoch, state.step, state.seconds):  # by options that were changed since
            if parallel.is_main:
                tqdm.write(f"{title}: has had its epochs, --max_steps or --max_minutes; nothing is left to train")
            training.finish_epoch()
        while not schedule.is_over(state.epoch, state.step, state.seconds):
            sampler.epoch = state.epoch
            training.train_epoch(loader)
            training.finish_epoch()
        if parallel.is_main:
            tqdm.write(f"{title}: {clock.line()}")
    return checkpoint_path(folder, state.epoch)


@dataclass
class StageTraining:
    """A stage on its way: what an epoch needs, and what comes after it. `factor`: the epoch's share of the rates."""

    stage: BuiltStage
    folder: Path
    state: TrainingState
    schedule: Schedule
    parallel: Parallel
    log: LossLog
    clock: StageClock
    factor: float = 0.0

    def train_epoch(self, loader: Iterable[dict[str, Tensor]]) -> None:
        """One epoch, ended early after the stage's last step; where its time is over, by a single process alone."""
        state, parallel, clock, before = self.state, self.parallel, self.clock, self.clock.trained
        self.factor = self.schedule.epoch_factor(state.epoch, state.step, state.seconds)
        for batch in loader:
            clock.spent(LOADING)
            for phase in self.stage.phases:
                phase.set_learning_rate(self.factor * self.schedule.warmup_factor(state.step))
            losses = train_step(self.stage, batch, parallel.device)
            state.step += 1
            self.log.add(state.step, losses)
            clock.spent(TRAINING)
            if self.schedule.has_all_steps(state.step):
                break
            if parallel.world_size == 1 and self.schedule.is_out_of_time(state.seconds + clock.trained - before):
                break
        state.epoch += 1
        clock.spent(TRAINING)
        state.seconds = parallel.mean({"seconds": state.seconds + clock.trained - before})["seconds"]
        clock.spent(TRAINING)  # of other processes, which this one waited for

    def finish_epoch(self) -> None:
        """Validate and save where this epoch's number wants it, or at the end. A run that diverged saves nothing."""
        options, state, parallel = self.stage.options, self.state, self.parallel
        finished = self.schedule.is_over(state.epoch, state.step, state.seconds)
        validated = bool(self.stage.validate) and (finished or state.epoch % options.eval_every == 0)
        saved = finished or state.epoch % options.checkpoint_every == 0
        if not (validated or saved):
            return
        self.log.require_finite(state)
        self.clock.spent(TRAINING)
        reached = parallel.from_main(self.validate).get(state.best_by) if validated else None
        parallel.require_agreement("epoch and weights", (state.epoch, state.checksum()))
        if validated:
            self.clock.spent(VALIDATING)
        if reached is not None and reached >= state.best:
            state.best = reached
            if parallel.is_main:
                save_best(self.folder, state.epoch, state.content(finished))
        if saved and parallel.is_main:
            save_checkpoint(self.folder, state.epoch, state.content(finished), options.keep_checkpoints)
        parallel.barrier()
        self.clock.spent(SAVING)

    def validate(self) -> dict[str, float]:
        """Held-out measures, on the main process alone. Raises InputError for one that is not finite."""
        state, tracker = self.state, self.log.tracker
        result = self.stage.validate()
        bad = [name for name, value in result.values.items() if not math.isfinite(value)]
        if bad:
            raise InputError(diverged(", ".join(bad), state.step, self.folder))
        progress = {"epoch": state.epoch, "train_minutes": state.seconds / 60, "lr_factor": self.factor}
        tracker.log(state.step, {**result.values, **progress})
        shown = ", ".join(f"{name.removeprefix('val/')} {value:.3f}" for name, value in result.values.items())
        minutes = progress["train_minutes"]
        tqdm.write(f"epoch {state.epoch}, {minutes:.1f} min: {shown or 'too little held out to measure'}")
        if result.picture is not None:
            tracker.picture(state.step, "held_out", result.picture)
            tracker.video(state.step, "held_out", result.video)
        return result.values


def train_step(stage: BuiltStage, batch: dict[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    """All phases on one batch. Returns the losses, detached."""
    batch = {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}
    losses = {}
    for phase in stage.phases:
        losses |= optimise(phase, batch, stage.accumulate)
    return losses
