"""The five source frames that show the generator what mouth and teeth look like."""

import numpy as np

from config.constants import NUM_REFERENCES
from config.errors import InputError
from dubbing.faces import SourceFaces
from face.alignment import RIGID_INDEX, align_frame, transform
from face.lips import lip_opening

NEIGHBOURHOOD = 10  # a pose is picked among 1 / 5 of the frames: a tenth on either side of the wanted opening
RANDOM = "random"  # value of --reference_frames
LEAST_CONFIDENCE = 0.9  # of the most confident frame


def choose_references(faces: SourceFaces) -> np.ndarray:
    """Numbers (5,) of frames from the closed to the widest mouth, each in a pose near the median one.

    The mouth openings are spread over the quantiles of all usable frames. Fewer than five frames are repeated.
    """
    ordered, aligned = by_opening(faces)
    deviation = pose_deviation(aligned)
    half = len(ordered) // NEIGHBOURHOOD
    chosen = []
    for centre in np.linspace(0, len(ordered) - 1, NUM_REFERENCES).round().astype(int):
        low = max(0, centre - half)
        chosen.append(low + deviation[low : centre + half + 1].argmin())
    return ordered[chosen]


def by_opening(faces: SourceFaces) -> tuple[np.ndarray, np.ndarray]:
    """The frames that surely show the face, from the closed to the widest mouth: numbers (N,), upright landmarks
    (N, 68, 2)."""
    confident = faces.confidence >= LEAST_CONFIDENCE * faces.confidence[faces.usable].max()
    candidates = np.flatnonzero(faces.usable & confident)
    aligned = upright(faces.landmarks[candidates])
    order = np.argsort(lip_opening(aligned), kind="stable")
    return candidates[order], aligned[order]


def upright(landmarks: np.ndarray) -> np.ndarray:
    """Landmarks (T, 68, 2) in pixels of a crop aligned in each frame, of landmarks in video pixels."""
    return np.stack([transform(points, align_frame(points)) for points in landmarks])


def pose_deviation(upright: np.ndarray) -> np.ndarray:
    """How far (T,) the rigid parts of aligned landmarks (T, 68, 2) lie from their medians, in crop pixels."""
    rigid = upright[:, RIGID_INDEX]
    return np.linalg.norm(rigid - np.median(rigid, axis=0), axis=-1).mean(1)


def draw_references(faces: SourceFaces, seed: int) -> np.ndarray:
    """Numbers (5,) of usable frames at random, as the published code takes them."""
    usable = np.flatnonzero(faces.usable)
    return np.random.default_rng(seed).choice(usable, NUM_REFERENCES, replace=len(usable) < NUM_REFERENCES)


def parse_references(text: str, num_frames: int) -> np.ndarray | None:
    """The numbers (5,) in --reference_frames; None where it is not set or RANDOM.

    Raises InputError when there are not five in 0 .. num_frames - 1.
    """
    if text in ("", RANDOM):
        return None
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != NUM_REFERENCES:
        raise InputError(
            f"--reference_frames is {text!r}; expected {NUM_REFERENCES} numbers, such as 3,10,44,80,120, or random"
        )
    for number in numbers:
        if not 0 <= number < num_frames:
            raise InputError(f"--reference_frames: no frame {number}; the video has frames 0 to {num_frames - 1}")
    return np.array(numbers)


def check_references(numbers: np.ndarray, faces: SourceFaces) -> None:
    """Raise InputError when one of the frames that the user named has no usable face."""
    missing = numbers[~faces.usable[numbers]]
    if len(missing):
        raise InputError(f"--reference_frames: no usable face in frame {missing[0]}; name a frame that shows the face")
