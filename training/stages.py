"""A stage as the loop takes it: data, phases and validation."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from config.config import StageOptions
from dataset.samples import TrainingSamples
from dataset.split import Split
from models.loading import NetworkSpec
from training.phases import Phase


@dataclass(frozen=True)
class Validation:
    """Held-out measures, and for generators an RGB uint8 picture (H, W, 3) and video (T, H, W, 3) at 25 fps."""

    values: dict[str, float]
    picture: np.ndarray | None = None
    video: np.ndarray | None = None


@dataclass
class BuiltStage:
    """Everything the loop needs to know of a stage.

    `validate` is None where nothing is held out; `accumulate` is the number of passes over a batch; `fingerprint` that
    of the training set.
    """

    options: StageOptions
    spec: NetworkSpec
    parts: Split
    samples: TrainingSamples
    phases: list[Phase]
    fingerprint: str
    validate: Callable[[], Validation] | None = None
    accumulate: int = 1
