"""Where the wall time of a stage goes."""

import time

LOADING, TRAINING, VALIDATING, SAVING = "waiting for batches", "training", "validating", "saving"


class StageClock:
    """Seconds of one process by what they were spent on, every moment since the clock was made.

    On a GPU, which works on while the program waits, the wait for batches is the most that loading can have cost; of
    several processes the others' waits show as training, in which all of them wait for each other.
    """

    def __init__(self) -> None:
        self.seconds = dict.fromkeys((TRAINING, LOADING, VALIDATING, SAVING), 0.0)
        self.last = time.perf_counter()

    def spent(self, on: str) -> None:
        """The time since the last call was spent `on` one of the four."""
        now = time.perf_counter()
        self.seconds[on] += now - self.last
        self.last = now

    @property
    def trained(self) -> float:
        """Seconds of training, with the wait for batches."""
        return self.seconds[TRAINING] + self.seconds[LOADING]

    def line(self) -> str:
        total = sum(self.seconds.values())
        shares = (f"{100 * value / max(total, 1e-9):.1f} % {name}" for name, value in self.seconds.items())
        return f"{total / 60:.1f} min: {', '.join(shares)}"
