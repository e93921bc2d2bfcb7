"""How far a stage is, and everything it takes to go on from there."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from config.errors import InputError
from training.checkpoints import best_measure
from training.phases import Phase
from training.stages import BuiltStage

# Of an optimiser: how it computes, by what device it is on, which a checkpoint of another device does not decide.
COMPUTATION = ("foreach", "fused", "capturable", "differentiable")


@dataclass
class TrainingState:
    """Phases with networks and optimisers, finished epochs and steps, seconds trained, the best of `best_by`."""

    phases: list[Phase]
    best_by: str
    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    best: float = -math.inf
    extra: dict[str, Any] = field(default_factory=dict)  # what else a checkpoint says of itself

    @classmethod
    def of(cls, stage: BuiltStage) -> "TrainingState":
        options = asdict(stage.options)
        extra = {"options": options, "spec": asdict(stage.spec), "data": stage.fingerprint}
        return cls(stage.phases, best_measure(options), extra=extra)

    def content(self, finished: bool) -> dict:
        """`state_dict` holds the networks as they are used, `training` what else it takes to go on."""
        averaged = [phase for phase in self.phases if phase.average]
        return {
            **self.extra,
            "step": self.step,
            "elapsed": self.seconds,
            "best": self.best,
            "best_by": self.best_by,
            "finished": finished,
            "state_dict": {phase.name: phase.used_network.state_dict() for phase in self.phases},
            "training": {
                phase.name: {"state_dict": phase.network.state_dict(), "updates": phase.average.updates}
                for phase in averaged
            },
            "optimizer": {phase.name: phase.optimizer.state_dict() for phase in self.phases},
            "scaler": {phase.name: phase.scaler.state_dict() for phase in self.phases},
        }

    def restore(self, content: dict) -> None:
        """Go on from what `content` gave, whether or not weights were averaged in it.

        The best so far counts only if it is of the measure that counts now. Raises InputError where `content` does not
        fit these phases.
        """
        try:
            for phase in self.phases:
                restore_phase(phase, content)
            self.epoch, self.step, self.seconds = (content[name] for name in ("epoch", "step", "elapsed"))
            best_by = content.get("best_by") or best_measure(content["options"])  # earlier versions do not say it
            self.best = content["best"] if best_by == self.best_by else -math.inf
        except (KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise InputError(
                f"--resume: the checkpoint does not fit this stage ({reason}); give another --name"
            ) from error

    def checksum(self) -> int:
        """A number that two processes share only if their trained weights are equal to the bit."""
        sums = [weights.contiguous().view(torch.int32).sum(dtype=torch.int64) for weights in self.trained_weights()]
        return int(torch.stack(sums).sum())

    def is_finite(self) -> bool:
        return bool(torch.stack([weights.isfinite().all() for weights in self.trained_weights()]).all())

    def trained_weights(self) -> Iterator[torch.Tensor]:
        for phase in self.phases:
            for parameter in phase.network.parameters():
                yield parameter.detach()


def restore_phase(phase: Phase, content: dict) -> None:
    used = content["state_dict"][phase.name]
    trained = content.get("training", {}).get(phase.name, {"state_dict": used, "updates": 0})
    phase.network.load_state_dict(trained["state_dict"])
    if phase.average:
        phase.average.network.load_state_dict(used)
        phase.average.updates = trained["updates"]
    restore_optimizer(phase.optimizer, content["optimizer"][phase.name])
    if scaler := content.get("scaler", {}).get(phase.name):  # empty where gradients were not scaled
        phase.scaler.load_state_dict(scaler)


def restore_optimizer(optimizer: torch.optim.Optimizer, saved: dict) -> None:
    """Load a state dict that may come from another device. Its steps are moved as the optimiser's own way wants it."""
    groups = [
        {**theirs, **{name: ours[name] for name in COMPUTATION}}
        for theirs, ours in zip(saved["param_groups"], optimizer.param_groups, strict=True)
    ]
    optimizer.load_state_dict({**saved, "param_groups": groups})
