"""What is said of a running job: how far it is, how fast, and how long it will take."""

import time
from typing import Any

# Shares of the whole between which each stage lies, by what is made; finding a face takes half as long as dubbing it.
STAGES = {
    "dub": {"landmarks": (0.0, 0.3), "mouths": (0.3, 0.35), "dubbing": (0.35, 1.0)},
    "preview": {"landmarks": (0.0, 0.8), "mouths": (0.8, 0.9)},
    "avatar": {"landmarks": (0.0, 0.7), "frames": (0.7, 0.95), "mouths": (0.95, 1.0)},
}
INTERVAL = 0.2  # seconds between what is noted: more often than anybody looks would only wear the disk


class Meter:
    """Of one job of a kind."""

    def __init__(self, kind: str) -> None:
        self.stages = STAGES[kind]
        self.work, self.first, self.began, self.noted = "", 0, 0.0, 0.0

    def reading(self, work: str, done: int, total: int) -> tuple[float, dict[str, Any]] | None:
        """Progress in 0..1, and the stage: "work", "frames", "total", and once known "rate" (frames/s) and "left" (s).

        None where one was given less than INTERVAL ago.
        """
        now = time.monotonic()
        if work != self.work:
            self.work, self.began, self.first = work, now, done
        elif now - self.noted < INTERVAL and done < total:
            return None
        self.noted = now
        low, high = self.stages[work]
        stage = {"work": work, "frames": done, "total": total}
        if done > self.first:
            rate = (done - self.first) / (now - self.began)
            stage |= {"rate": round(rate, 1), "left": round((total - done) / rate)}
        return low + (high - low) * done / total, stage


def sentence(stage: dict[str, Any]) -> str:
    """A stage in words."""
    if not stage:
        return ""
    text = f"{stage['work']}: {stage['frames']} of {stage['total']} frames"
    return f"{text}, {stage['rate']} frames/s, {stage['left']} s left" if "rate" in stage else text
