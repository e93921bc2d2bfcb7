"""How much sound a live stream is given, and when: the clock goes on at its own rate, whatever arrives."""

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from config.constants import SAMPLE_RATE
from config.errors import InputError

AHEAD = 0.1  # seconds by which the stream may run before the clock
MOST_LATE = 1.0  # seconds by which it may run behind; what is more is never made up for
PATIENCE = 0.3  # seconds that it waits for sound, before it goes on in silence
MOST_QUEUED = 120.0  # seconds of sound that may wait


@dataclass
class LivePace:
    """Sound that has arrived and is not due yet. Times are seconds on the caller's clock."""

    began: float  # on the caller's clock
    queued: deque[np.ndarray] = field(default_factory=deque)
    waiting: int = 0  # samples in `queued`
    given: int = 0  # samples that the stream has got, silence too

    def arrive(self, samples: np.ndarray) -> None:
        """Sound (n,) comes. Raises InputError where more waits than anybody needs."""
        if self.waiting + len(samples) > MOST_QUEUED * SAMPLE_RATE:
            raise InputError(f"more than {MOST_QUEUED:.0f} s of sound wait to be spoken; send it as it is spoken")
        self.queued.append(samples)
        self.waiting += len(samples)

    def drop(self) -> None:
        """What waits is not wanted any more."""
        self.queued.clear()
        self.waiting = 0

    def speech(self, now: float) -> np.ndarray | None:
        """Sound that is due at `now`, None where there is none."""
        due = round((now - self.began + AHEAD) * SAMPLE_RATE) - self.given
        if due <= 0 or not self.waiting:
            return None
        samples = self.queued.popleft()
        if len(samples) > due:
            self.queued.appendleft(samples[due:])
            samples = samples[:due]
        self.waiting -= len(samples)
        self.given += len(samples)
        return samples

    def silence(self, now: float) -> float:
        """Seconds for which the stream must go on without sound."""
        lag = round((now - self.began - PATIENCE) * SAMPLE_RATE) - self.given
        if lag <= 0 or self.waiting:
            return 0.0
        self.given += lag
        return lag / SAMPLE_RATE

    def late(self, now: float) -> float:
        """Seconds by which the stream is behind the clock."""
        return now - self.began - self.given / SAMPLE_RATE

    def let_go(self, now: float) -> None:
        """Forget by how much more than MOST_LATE the stream is late: the machine is too slow, or nobody listened."""
        self.began += max(0.0, self.late(now) - MOST_LATE)
