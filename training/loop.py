"""One training loop for frame, clip and SyncNet stages, for one process and for many."""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader
from tqdm import tqdm

from config.config import TrainingOptions
from config.errors import InputError
from dataset.sampler import GlobalBatchSampler
from dataset.samples import TrainingSamples
from dataset.split import Split
from models.device import autocast
from models.loading import NetworkSpec
from training.average import WeightAverage
from training.checkpoints import checkpoint_path, save_best, save_checkpoint
from training.parallel import Parallel
from training.tracking import Tracker


@dataclass
class Phase:
    """One optimiser's part of a training step: `step` reads the tensors `needs` of the batch and of earlier phases.

    With `ema` a running average of the weights is kept, which is what validation, later stages and inference see.
    """

    name: str
    step: nn.Module
    network: nn.Module
    learning_rate: float
    needs: tuple[str, ...]
    ema: float = 0.0
    optimizer: torch.optim.Optimizer = field(init=False)
    average: WeightAverage | None = field(init=False)

    def __post_init__(self) -> None:
        trainable = [p for p in self.network.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(trainable, lr=self.learning_rate)
        self.average = WeightAverage(self.network, self.ema) if self.ema else None

    def in_use(self) -> AbstractContextManager:
        """The network as it is validated and used."""
        return self.average.in_use() if self.average else nullcontext()


@dataclass(frozen=True)
class Validation:
    """Held-out measures, and for generators an RGB uint8 picture (H, W, 3) and video (T, H, W, 3) at 25 fps."""

    values: dict[str, float]
    picture: np.ndarray | None = None
    video: np.ndarray | None = None


@dataclass
class Stage:
    """Everything the loop needs to know of a stage. The largest value named `best_by` is that of best.pth.

    `validate` is None where nothing is held out.
    """

    options: TrainingOptions
    spec: NetworkSpec
    parts: Split
    samples: TrainingSamples
    phases: list[Phase]
    validate: Callable[[], Validation] | None = None
    best_by: str = ""


def lr_factor(progress: float, non_decay: int, decay: int) -> float:
    """Share of the learning rate at `progress` epochs: 1 up to `non_decay`, then linear, above 0 to the last epoch."""
    return 1 - min(max(0.0, progress - non_decay), decay) / (decay + 1)


def train_stage(
    stage: Stage, folder: Path, tracker: Tracker | None, parallel: Parallel, resume_from: dict | None
) -> Path:
    """Train a stage to its end and return its last checkpoint. `tracker` is None except on the main process."""
    options = stage.options
    epochs = options.non_decay + options.decay

    # Wrap the steps for this number of devices.
    for phase in stage.phases:
        phase.step = parallel.wrap(phase.step)
        phase.step.train()

    # Continue where the checkpoint was written.
    epoch, step, elapsed, best = 0, 0, 0.0, -math.inf
    if resume_from:
        epoch, step, elapsed, best = (resume_from[name] for name in ("epoch", "step", "elapsed", "best"))
        restore(stage.phases, resume_from)

    # Draw the same global batches whatever the number of processes.
    sampler = GlobalBatchSampler(
        len(stage.samples), options.batch_size, options.seed, parallel.rank, parallel.world_size
    )
    loader = DataLoader(
        stage.samples,
        batch_sampler=sampler,
        num_workers=options.num_workers,
        pin_memory=parallel.device.type == "cuda",
        persistent_workers=options.num_workers > 0,
    )

    # Train.
    title = f"{folder.parent.name}/{folder.name}"
    total = None if options.max_minutes else epochs * len(sampler)  # unknown where time decides
    bar = tqdm(total=total, initial=step, desc=title, unit="step", disable=not parallel.is_main)
    meter = LossMeter()
    out_of_time = False
    while epoch < epochs and not out_of_time:
        began = time.perf_counter()
        factor = epoch_factor(options, epoch, elapsed)
        sampler.epoch = epoch
        for batch in loader:
            set_learning_rates(stage.phases, factor * min(1.0, (step + 1) / (options.warmup_steps + 1)))
            meter.add(train_step(stage, batch, parallel))
            step += 1
            bar.update()
            if step % options.log_every == 0 or step == 1:
                log_losses(meter, step, options.batch_size, stage.phases[0], tracker, parallel, bar)
            if parallel.world_size == 1 and is_over(options, elapsed + time.perf_counter() - began):
                break  # several processes finish the epoch, so that they stop together
        epoch += 1
        elapsed = parallel.mean({"elapsed": elapsed + time.perf_counter() - began})["elapsed"]
        out_of_time = is_over(options, elapsed)
        finished = epoch == epochs or out_of_time
        reached = None
        if finished or epoch % options.eval_every == 0:
            state = {"epoch": epoch, "train_minutes": elapsed / 60, "lr_factor": factor}
            reached = validate(stage, step, state, tracker).get(stage.best_by)
        if parallel.is_main:
            content = checkpoint_content(stage, step=step, elapsed=elapsed, finished=finished, best=best)
            if reached is not None and reached >= best:
                best = content["best"] = reached
                save_best(folder, epoch, content)
            if finished or epoch % options.checkpoint_every == 0:
                save_checkpoint(folder, epoch, content, options.keep_checkpoints)
        parallel.barrier()
        meter.pause()
    bar.close()
    return checkpoint_path(folder, epoch)


class LossMeter:
    """Collects losses and the time they took between two rows of the log."""

    def __init__(self):
        self.sums: dict[str, list[torch.Tensor]] = defaultdict(list)
        self.steps, self.seconds = 0, 0.0
        self.last = time.perf_counter()

    def add(self, losses: dict[str, torch.Tensor]) -> None:
        for name, loss in losses.items():
            self.sums[name].append(loss)
        now = time.perf_counter()
        self.steps, self.seconds, self.last = self.steps + 1, self.seconds + now - self.last, now

    def pause(self) -> None:
        """Leave out the time since the last step: validation and checkpoints are not training."""
        self.last = time.perf_counter()

    def take(self) -> tuple[dict[str, float], float]:
        """Mean losses and steps a second since the last call."""
        means = {name: torch.stack(values).mean().item() for name, values in self.sums.items()}
        speed = self.steps / self.seconds
        self.__init__()
        return means, speed


def train_step(stage: Stage, batch: dict[str, torch.Tensor], parallel: Parallel) -> dict[str, torch.Tensor]:
    """All phases on one batch. Returns the losses, detached."""
    batch = {name: tensor.to(parallel.device, non_blocking=True) for name, tensor in batch.items()}
    losses = {}
    for phase in stage.phases:
        losses |= optimise(phase, batch, parallel.device, stage.options.precision, stage.options.accumulate)
    return losses


def optimise(
    phase: Phase, batch: dict[str, torch.Tensor], device: torch.device, precision: str, accumulate: int = 1
) -> dict[str, torch.Tensor]:
    """One optimiser step, in `accumulate` passes over a part of the batch each; the phase's outputs join the batch.

    Returns its losses, detached.
    """
    phase.optimizer.zero_grad(set_to_none=True)
    needed = {name: batch[name] for name in phase.needs}
    size = len(next(iter(needed.values())))
    losses: dict[str, torch.Tensor] = defaultdict(float)
    outputs: dict[str, list[torch.Tensor]] = defaultdict(list)
    parts = list(chunks(needed, accumulate))
    for number, part in enumerate(parts, 1):
        with sync_gradients(phase.step, number == len(parts)):
            with autocast(device, precision):
                found, made = phase.step(part)
            rows = len(next(iter(part.values())))
            found = {name: mean_over_gpus(loss, rows) * rows / size for name, loss in found.items()}
            sum(found.values()).backward()
        for name, loss in found.items():
            losses[name] = losses[name] + loss.detach()
        for name, tensor in made.items():
            outputs[name].append(tensor)
    phase.optimizer.step()
    if phase.average:
        phase.average.update()
    batch.update({name: torch.cat(tensors) for name, tensors in outputs.items()})
    return dict(losses)


def chunks(batch: dict[str, torch.Tensor], count: int) -> Iterator[dict[str, torch.Tensor]]:
    """The batch in `count` parts of nearly equal size, or in single rows where it has not so many."""
    for tensors in zip(*(tensor.tensor_split(min(count, len(tensor))) for tensor in batch.values()), strict=True):
        yield dict(zip(batch, tensors, strict=True))


def mean_over_gpus(loss: torch.Tensor, rows: int) -> torch.Tensor:
    """The mean over `rows` samples of a loss that DataParallel gives once a GPU, for unequal shares of the samples."""
    if loss.numel() == 1:
        return loss.mean()
    shares = [len(part) for part in torch.arange(rows).chunk(loss.numel())]
    return (loss.flatten() * loss.new_tensor(shares)).sum() / rows


def sync_gradients(step: nn.Module, last: bool) -> AbstractContextManager:
    """Under DDP, let the processes exchange gradients after the last part of a batch alone."""
    return step.no_sync() if isinstance(step, DistributedDataParallel) and not last else nullcontext()


def log_losses(
    meter: LossMeter,
    step: int,
    batch_size: int,
    first_phase: Phase,
    tracker: Tracker | None,
    parallel: Parallel,
    bar: tqdm,
) -> None:
    means, speed = meter.take()
    means = parallel.mean(means)
    bad = [name for name, value in means.items() if not math.isfinite(value)]
    if bad:
        raise InputError(
            f"training diverged: loss {', '.join(bad)} is not finite at step {step}; "
            "resume from the last checkpoint with a lower --lr_g, or with --precision fp32"
        )
    if tracker:
        bar.set_postfix({name: f"{value:.3f}" for name, value in means.items()})
        rate = first_phase.optimizer.param_groups[0]["lr"]
        tracker.log(step, {**means, "lr": rate, "samples_per_second": speed * batch_size})


def is_over(options: TrainingOptions, elapsed: float) -> bool:
    """Whether a stage with a time limit has trained for that long."""
    return bool(options.max_minutes) and elapsed >= 60 * options.max_minutes


def epoch_factor(options: TrainingOptions, epoch: int, elapsed: float) -> float:
    """Share of the learning rate in an epoch, by its number, or by the time spent if that is further on."""
    progress = float(epoch)
    if options.max_minutes:
        progress = max(progress, elapsed / (60 * options.max_minutes) * (options.non_decay + options.decay))
    return lr_factor(progress, options.non_decay, options.decay)


def set_learning_rates(phases: list[Phase], factor: float) -> None:
    for phase in phases:
        for group in phase.optimizer.param_groups:
            group["lr"] = phase.learning_rate * factor


def validate(stage: Stage, step: int, state: dict[str, float], tracker: Tracker | None) -> dict[str, float]:
    """Held-out measures, on the main process alone; the others wait for it."""
    if not tracker or not stage.validate:
        return {}
    with stage.phases[0].in_use():
        result = stage.validate()
    tracker.log(step, {**result.values, **state})
    shown = ", ".join(f"{name.removeprefix('val/')} {value:.3f}" for name, value in result.values.items())
    tqdm.write(f"epoch {state['epoch']}, {state['train_minutes']:.1f} min: {shown or 'too little held out to measure'}")
    if result.picture is not None:
        tracker.picture(step, "held_out", result.picture)
        tracker.video(step, "held_out", result.video)
    return result.values


def checkpoint_content(stage: Stage, **state) -> dict:
    """`state_dict` holds the networks as they are used, `training` what else it takes to go on."""
    averaged = [phase for phase in stage.phases if phase.average]
    return {
        "spec": asdict(stage.spec),
        "options": asdict(stage.options),
        "state_dict": {
            phase.name: phase.average.state if phase.average else phase.network.state_dict() for phase in stage.phases
        },
        "training": {
            phase.name: {"state_dict": phase.network.state_dict(), "updates": phase.average.updates}
            for phase in averaged
        },
        "optimizer": {phase.name: phase.optimizer.state_dict() for phase in stage.phases},
        **state,
    }


def restore(phases: list[Phase], content: dict) -> None:
    """Go on from a checkpoint, whether or not weights were averaged in it."""
    for phase in phases:
        used = content["state_dict"][phase.name]
        trained = content.get("training", {}).get(phase.name, {"state_dict": used, "updates": 0})
        if phase.average:
            phase.network.load_state_dict(used)
            phase.average.exchange()
            phase.average.updates = trained["updates"]
        phase.network.load_state_dict(trained["state_dict"])
        phase.optimizer.load_state_dict(content["optimizer"][phase.name])
