"""When a stage ends and how its learning rate falls, in epochs or in minutes."""

from dataclasses import dataclass

from config.config import StageOptions


@dataclass(frozen=True)
class Schedule:
    """Full learning rate for `non_decay` epochs, then linearly to 0 over `decay` (the published rule).

    With `max_minutes` the stage ends after that much training at the latest, and the rate falls by the time spent where
    that is further on than the epochs. The first `warmup_steps` raise it from 0.
    """

    non_decay: int
    decay: int
    warmup_steps: int
    max_minutes: float

    @classmethod
    def of(cls, options: StageOptions) -> "Schedule":
        return cls(options.non_decay, options.decay, options.warmup_steps, options.max_minutes)

    @property
    def epochs(self) -> int:
        return self.non_decay + self.decay

    def is_over(self, epoch: int, seconds: float) -> bool:
        """Whether a stage has had all its epochs or all its time; `epoch` counts finished ones."""
        return epoch >= self.epochs or self.is_out_of_time(seconds)

    def is_out_of_time(self, seconds: float) -> bool:
        return bool(self.max_minutes) and seconds >= 60 * self.max_minutes

    def epoch_factor(self, epoch: int, seconds: float) -> float:
        """Share of the learning rate in an epoch (from 0) that begins after `seconds` of training."""
        progress = float(epoch)
        if self.max_minutes:
            progress = max(progress, seconds / (60 * self.max_minutes) * self.epochs)
        return decayed(progress, self.non_decay, self.decay)

    def warmup_factor(self, step: int) -> float:
        """Share of that in a step (from 0)."""
        return min(1.0, (step + 1) / (self.warmup_steps + 1))


def decayed(progress: float, non_decay: int, decay: int) -> float:
    """Share of the learning rate at `progress` epochs: 1 up to `non_decay`, then linear, above 0 to the last epoch."""
    return 1 - min(max(0.0, progress - non_decay), decay) / (decay + 1)
