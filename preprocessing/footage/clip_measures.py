"""All measures of one clip, from what its frames say and its sound."""

from collections.abc import Sequence

import numpy as np

from preprocessing.footage.measures import MEASURES
from preprocessing.footage.signs import FrameSigns


def clip_measures(
    landmarks: np.ndarray, signs: Sequence[FrameSigns | None], wave: np.ndarray, speech: np.ndarray
) -> dict[str, float | None]:
    """The values of MEASURES by name; None for what cannot be measured.

    landmarks (T, 68, 2) in video pixels at 25 fps; signs (T) of the same frames, None where the face was not found
    (those rows of landmarks are not read); wave (T * 640,) float32 in [-1, 1], the clip's sound at 16 kHz; speech (T,)
    bool, when somebody speaks.
    """
    return {measure.name: None for measure in MEASURES}
