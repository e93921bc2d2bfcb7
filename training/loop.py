"""One training loop for frame, clip and SyncNet stages, for one process and for many."""

import math
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from config.errors import InputError
from dataset.loader import make_loader
from dataset.sampler import GlobalBatchSampler
from training.checkpoints import best_checkpoint, checkpoint_path, save_best, save_checkpoint
from training.parallel import Parallel
from training.phases import optimise
from training.schedule import Schedule
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
        training = StageTraining(
            stage, folder, state, schedule, parallel, LossLog(stage, folder, tracker, parallel, bar)
        )
        if schedule.is_over(state.epoch, state.step, state.seconds):  # by options that were changed since
            if parallel.is_main:
                tqdm.write(f"{title}: has had its epochs, --max_steps or --max_minutes; nothing is left to train")
            training.finish_epoch()
        while not schedule.is_over(state.epoch, state.step, state.seconds):
            sampler.epoch = state.epoch
            training.train_epoch(loader)
            training.finish_epoch()
    return checkpoint_path(folder, state.epoch)


@dataclass
class StageTraining:
    """A stage on its way: what an epoch needs, and what comes after it. `factor`: the epoch's share of the rates."""

    stage: BuiltStage
    folder: Path
    state: TrainingState
    schedule: Schedule
    parallel: Parallel
    log: "LossLog"
    factor: float = 0.0

    def train_epoch(self, loader: Iterable[dict[str, Tensor]]) -> None:
        """One epoch, ended early after the stage's last step; where its time is over, by a single process alone."""
        state, parallel, began = self.state, self.parallel, time.perf_counter()
        self.factor = self.schedule.epoch_factor(state.epoch, state.step, state.seconds)
        for batch in loader:
            for phase in self.stage.phases:
                phase.set_learning_rate(self.factor * self.schedule.warmup_factor(state.step))
            losses = train_step(self.stage, batch, parallel.device)
            state.step += 1
            self.log.add(state.step, losses)
            if self.schedule.has_all_steps(state.step):
                break
            if parallel.world_size == 1 and self.schedule.is_out_of_time(state.seconds + time.perf_counter() - began):
                break
        state.epoch += 1
        state.seconds = parallel.mean({"seconds": state.seconds + time.perf_counter() - began})["seconds"]

    def finish_epoch(self) -> None:
        """Validate and save where this epoch's number wants it, or at the end. A run that diverged saves nothing."""
        options, state, parallel = self.stage.options, self.state, self.parallel
        finished = self.schedule.is_over(state.epoch, state.step, state.seconds)
        validated = bool(self.stage.validate) and (finished or state.epoch % options.eval_every == 0)
        saved = finished or state.epoch % options.checkpoint_every == 0
        if not (validated or saved):
            return
        self.log.require_finite(state)
        reached = parallel.from_main(self.validate).get(state.best_by) if validated else None
        parallel.require_agreement("epoch and weights", (state.epoch, state.checksum()))
        if reached is not None and reached >= state.best:
            state.best = reached
            if parallel.is_main:
                save_best(self.folder, state.epoch, state.content(finished))
        if saved and parallel.is_main:
            save_checkpoint(self.folder, state.epoch, state.content(finished), options.keep_checkpoints)
        parallel.barrier()
        self.log.pause()

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


def diverged(what: str, step: int, folder: Path) -> str:
    good = best_checkpoint(folder)
    advice = f"{good} is good; go on from the last checkpoint with --resume and" if good else "train anew with"
    return f"training diverged: {what} is not finite at step {step}; {advice} a lower --lr_g, or --precision fp32"


class LossLog:
    """Collects losses and the time they took, and writes their means to the log and the bar every `log_every` steps."""

    def __init__(self, stage: BuiltStage, folder: Path, tracker: Tracker | None, parallel: Parallel, bar: tqdm):
        self.stage, self.folder, self.tracker, self.parallel, self.bar = stage, folder, tracker, parallel, bar
        self.clear()

    def clear(self) -> None:
        self.losses: dict[str, list[Tensor]] = defaultdict(list)
        self.steps, self.seconds = 0, 0.0
        self.last = time.perf_counter()

    def pause(self) -> None:
        """Leave out the time since the last step: validation and checkpoints are not training."""
        self.last = time.perf_counter()

    def add(self, step: int, losses: dict[str, Tensor]) -> None:
        for name, loss in losses.items():
            self.losses[name].append(loss)
        now = time.perf_counter()
        self.steps, self.seconds, self.last = self.steps + 1, self.seconds + now - self.last, now
        self.bar.update()
        if step % self.stage.options.log_every == 0 or step == 1:
            self.write(step)

    def write(self, step: int) -> None:
        means = self.finite_means(step)
        if self.tracker:
            self.bar.set_postfix({name: f"{value:.3f}" for name, value in means.items()})
            rate = self.stage.phases[0].optimizer.param_groups[0]["lr"]
            speed = self.steps / self.seconds * self.stage.options.batch_size
            self.tracker.log(step, {**means, "lr": rate, "samples_per_second": speed})
        self.clear()

    def finite_means(self, step: int) -> dict[str, float]:
        """Mean losses over processes and steps. Raises InputError on all processes where one is not finite."""
        means = {name: torch.stack(values).mean().item() for name, values in self.losses.items()}
        means = self.parallel.mean(means)
        bad = [name for name, value in means.items() if not math.isfinite(value)]
        if bad:
            self.parallel.stop(diverged(f"loss {', '.join(bad)}", step, self.folder))
        return means

    def require_finite(self, state: TrainingState) -> None:
        """Raise InputError on all processes unless losses and weights are finite on all of them."""
        self.finite_means(state.step)
        if not all(self.parallel.gather(state.is_finite())):
            self.parallel.stop(diverged("a weight", state.step, self.folder))
