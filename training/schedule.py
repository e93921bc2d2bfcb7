"""When a stage ends and how its learning rate falls: by epochs, steps or minutes."""

from dataclasses import dataclass

from config.config import StageOptions


@dataclass(frozen=True)
class Schedule:
    """Full learning rate for `non_decay` epochs, then linearly to 0 over `decay` (the published rule).

    With `max_steps` or `max_minutes` the stage ends after as many steps or as much training at the latest, and the rate
    falls by whichever of epochs, steps and time is furthest on. The first `warmup_steps` raise it from 0.
    """

    non_decay: int
    decay: int
    warmup_steps: int
    max_steps: int
    max_minutes: float

    @classmethod
    def of(cls, options: StageOptions) -> "Schedule":
        return cls(options.non_decay, options.decay, options.warmup_steps, options.max_steps, options.max_minutes)

    @property
    def epochs(self) -> int:
        return self.non_decay + self.decay

    def is_over(self, epoch: int, step: int, seconds: float) -> bool:
        """Whether a stage has had all its epochs, steps or time; `epoch` and `step` count finished ones."""
        return epoch >= self.epochs or self.has_all_steps(step) or self.is_out_of_time(seconds)

    def has_all_steps(self, step: int) -> bool:
        return bool(self.max_steps) and step >= self.max_steps

    def is_out_of_time(self, seconds: float) -> bool:
        return bool(self.max_minutes) and seconds >= 60 * self.max_minutes

    def steps(self, epoch_steps: int) -> int | None:
        """How many a stage has, with epochs of so many; None where time may end it before."""
        if self.max_minutes:
            return None
        return min(self.epochs * epoch_steps, self.max_steps or self.epochs * epoch_steps)

    def epoch_factor(self, epoch: int, step: int, seconds: float) -> float:
        """Share of the learning rate in an epoch (from 0) that begins after `step` steps and `seconds` of training."""
        progress = [float(epoch)]
        if self.max_steps:
            progress.append(step / self.max_steps * self.epochs)
        if self.max_minutes:
            progress.append(seconds / (60 * self.max_minutes) * self.epochs)
        return decayed(max(progress), self.non_decay, self.decay)

    def warmup_factor(self, step: int) -> float:
        """Share of that in a step (from 0)."""
        return min(1.0, (step + 1) / (self.warmup_steps + 1))


def decayed(progress: float, non_decay: int, decay: int) -> float:
    """Share of the learning rate at `progress` epochs: 1 up to `non_decay`, then linear, above 0 to the last epoch."""
    return 1 - min(max(0.0, progress - non_decay), decay) / (decay + 1)
