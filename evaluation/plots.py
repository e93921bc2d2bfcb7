"""Curves to look at: lip opening over time, distance over offset."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from config.constants import MAX_OFFSET
from evaluation.pairs import Pair
from face.lips import lip_opening
from media.files import atomic_write


def plot_lip_opening(path: Path, pair: Pair) -> None:
    """Lip opening of both videos in pixels of the 416 x 320 crop, against time."""
    figure, axes = blank_figure("time (s)", "lip opening (pixels of the 416 x 320 crop)")
    for label, landmarks in (("true", pair.reference), ("generated", pair.generated)):
        axes.plot(pair.frames / pair.fps, lip_opening(landmarks), label=label)
    save(figure, axes, path)


def plot_sync(path: Path, distances: np.ndarray) -> None:
    """Mean SyncNet distance (31,) against the offset of the sound."""
    figure, axes = blank_figure("offset of the sound (frames)", "mean distance")
    axes.plot(np.arange(-MAX_OFFSET, MAX_OFFSET + 1), distances, marker="o", label="generated")
    save(figure, axes, path)


def blank_figure(x: str, y: str):
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.add_subplot(xlabel=x, ylabel=y)
    axes.grid(alpha=0.3)
    return figure, axes


def save(figure: Figure, axes, path: Path) -> None:
    axes.legend()
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)
