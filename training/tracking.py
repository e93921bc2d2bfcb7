"""Where a run's numbers and pictures go: metrics.jsonl and PNG files, and wandb where it is installed."""

import io
import json
import os
from pathlib import Path
from types import TracebackType
from typing import TextIO

import cv2
import numpy as np

from config.constants import FPS
from training.failure_warnings import FailureWarnings

SAMPLES, METRICS = "samples", "metrics.jsonl"


class Tracker:
    """Writes into the stage's folder and, if it can, to wandb. Made on the main process only.

    `mode`: auto (online when logged in, else offline), online, offline or disabled. wandb never asks anything.
    """

    def __init__(self, folder: Path, mode: str, project: str, name: str, options: dict):
        self.folder = folder
        (folder / SAMPLES).mkdir(parents=True, exist_ok=True)
        self.metrics = open_log(folder / METRICS)
        self.signs = FailureWarnings()
        self.run = start_wandb(folder, mode, project, name, options)

    def log(self, step: int, values: dict[str, float]) -> None:
        self.signs.look(step, values)
        row = {"step": step, **{name: round(value, 6) for name, value in values.items()}}
        self.metrics.write(json.dumps(row) + "\n")
        self.metrics.flush()
        if self.run:
            self.run.log(values, step=step)

    def picture(self, step: int, name: str, image: np.ndarray) -> None:
        """Save an RGB uint8 picture (H, W, 3)."""
        path = self.folder / SAMPLES / f"{name}_{step:08d}.png"
        path.write_bytes(cv2.imencode(".png", image[:, :, ::-1])[1].tobytes())
        if self.run:
            import wandb

            self.run.log({name: wandb.Image(image)}, step=step)

    def video(self, step: int, name: str, frames: np.ndarray) -> None:
        """Save RGB uint8 frames (T, H, W, 3) as a silent MP4 of 25 fps."""
        path = self.folder / SAMPLES / f"{name}_{step:08d}.mp4"
        height, width = frames.shape[1:3]
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FPS, (width, height))
        for frame in frames:
            writer.write(frame[:, :, ::-1])
        writer.release()
        if self.run:
            import wandb

            self.run.log({f"{name}_video": wandb.Video(str(path), format="mp4")}, step=step)

    def __enter__(self) -> "Tracker":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.metrics.close()
        if self.run:
            self.run.finish(exit_code=0 if kind is None else 1)


def open_log(path: Path) -> TextIO:
    """Open metrics.jsonl to append rows; after a row that was torn when its process was killed, on a line of its own.

    What the file holds stays.
    """
    file = path.open("a+b")
    if file.seek(0, os.SEEK_END):
        file.seek(-1, os.SEEK_END)
        if file.read() != b"\n":
            file.write(b"\n")
    return io.TextIOWrapper(file, encoding="utf-8")


def start_wandb(folder: Path, mode: str, project: str, name: str, options: dict):
    """A wandb run, or None when it is disabled or not installed."""
    if mode == "disabled":
        return None
    try:
        import wandb
    except ImportError:
        return None
    if mode == "auto":
        mode = os.environ.get("WANDB_MODE") or ("online" if is_logged_in(wandb) else "offline")
    settings = wandb.Settings(silent=True, console="off")
    return wandb.init(
        project=project, name=name, dir=folder, mode=mode, config=options, settings=settings, resume="allow"
    )


def is_logged_in(wandb) -> bool:
    return bool(wandb.api.api_key)
