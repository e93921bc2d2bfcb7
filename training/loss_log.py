"""The log of a stage while it trains: mean losses, speed, and an end to a run that diverges."""

import math
from collections import defaultdict
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from training.checkpoints import best_checkpoint
from training.parallel import Parallel
from training.stage_clock import LOADING, TRAINING, StageClock
from training.stages import BuiltStage
from training.state import TrainingState
from training.tracking import Tracker


def diverged(what: str, step: int, folder: Path) -> str:
    good = best_checkpoint(folder)
    advice = f"{good} is good; go on from the last checkpoint with --resume and" if good else "train anew with"
    return f"training diverged: {what} is not finite at step {step}; {advice} a lower --lr_g, or --precision fp32"


class LossLog:
    """Collects losses and the time they took, and writes their means to the log and the bar every `log_every` steps."""

    def __init__(
        self,
        stage: BuiltStage,
        folder: Path,
        tracker: Tracker | None,
        parallel: Parallel,
        bar: tqdm,
        clock: StageClock,
    ):
        self.stage, self.folder, self.tracker, self.parallel, self.bar = stage, folder, tracker, parallel, bar
        self.clock = clock
        self.clear()

    def clear(self) -> None:
        self.losses: dict[str, list[Tensor]] = defaultdict(list)
        self.steps, self.loaded, self.trained = 0, self.clock.seconds[LOADING], self.clock.trained

    def add(self, step: int, losses: dict[str, Tensor]) -> None:
        for name, loss in losses.items():
            self.losses[name].append(loss)
        self.steps += 1
        self.bar.update()
        if step % self.stage.options.log_every == 0 or step == 1:
            self.write(step)

    def write(self, step: int) -> None:
        means = self.finite_means(step)
        self.clock.spent(TRAINING)
        if self.tracker:
            self.bar.set_postfix({name: f"{value:.3f}" for name, value in means.items()})
            rate = self.stage.phases[0].optimizer.param_groups[0]["lr"]
            seconds = self.clock.trained - self.trained
            speed = self.steps / seconds * self.stage.options.batch_size
            waited = (self.clock.seconds[LOADING] - self.loaded) / seconds
            self.tracker.log(step, {**means, "lr": rate, "samples_per_second": speed, "loading_share": waited})
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
