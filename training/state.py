"""How far a stage is, and everything it takes to go on from there."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from config.config import StageOptions
from config.errors import InputError
from models.loading import NetworkSpec
from training.phases import Phase


@dataclass
class TrainingState:
    """Phases with networks and optimisers, finished epochs and steps, seconds trained, the best measure so far."""

    phases: list[Phase]
    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    best: float = -math.inf
    extra: dict[str, Any] = field(default_factory=dict)  # what else a checkpoint says of itself

    @classmethod
    def of(cls, phases: list[Phase], options: StageOptions, spec: NetworkSpec, fingerprint: str) -> "TrainingState":
        return cls(phases, extra={"options": asdict(options), "spec": asdict(spec), "data": fingerprint})

    def content(self, finished: bool) -> dict:
        """`state_dict` holds the networks as they are used, `training` what else it takes to go on."""
        averaged = [phase for phase in self.phases if phase.average]
        return {
            **self.extra,
            "step": self.step,
            "elapsed": self.seconds,
            "best": self.best,
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

        Raises InputError where it does not fit these phases.
        """
        try:
            for phase in self.phases:
                restore_phase(phase, content)
            self.epoch, self.step, self.seconds, self.best = (
                content[name] for name in ("epoch", "step", "elapsed", "best")
            )
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
    phase.optimizer.load_state_dict(content["optimizer"][phase.name])
    if scaler := content.get("scaler", {}).get(phase.name):  # empty where gradients were not scaled
        phase.scaler.load_state_dict(scaler)
