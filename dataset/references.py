"""Which frames of a video are drawn as the references of a training sample.

Every rule takes the video, the positions first .. last - 1 of the sample's window, and a generator of random numbers,
and gives the positions (5,) of frames outside the window.
"""

from collections.abc import Callable

import numpy as np

from config.constants import NUM_REFERENCES
from dataset.video import Video

AWAY = 5  # frames between a window and its references: nearer ones look like it (MuseTalk, arXiv 2410.10122)
SAME_POSE = 2.0  # degrees between poses that count as one: an open jaw moves the landmarks that tell the pose as much
NEAR_SHARE = 1 / 4  # of the frames that may be drawn, those nearest in pose
FEWEST_NEAR = 3  # frames that a reference is drawn from, whatever their share


def random_frames(video: Video, first: int, last: int, rng: np.random.Generator) -> np.ndarray:
    """Any frames, as published."""
    return draw(np.delete(np.arange(len(video.paths)), np.arange(first, last)), rng)


def near_pose_far_lips(video: Video, first: int, last: int, rng: np.random.Generator) -> np.ndarray:
    """Frames that show the head as the window does, and lips the likelier, the more their opening differs from its.

    MuseTalk's rule, which takes one reference. Whether five differ in one direction gives the source's opening away:
    measured on a woman's video, their mean correlates with it by -0.5.
    """
    near = near_pose(video, far_frames(video, first, last), first, last, NUM_REFERENCES)
    difference = np.abs(video.lip_opening[near] - video.lip_opening[first:last].mean())
    return draw(near, rng, difference + 1e-3 * (1 + difference.max()))


def near_pose_spread_lips(video: Video, first: int, last: int, rng: np.random.Generator) -> np.ndarray:
    """Frames that show the head as the window does, one from every fifth of the video's lip openings.

    As inference chooses them (dubbing/references.py), but near the pose of the window rather than the usual one.
    """
    away = far_frames(video, first, last)
    if len(away) < NUM_REFERENCES:
        return draw(away, rng)
    fifths = np.array_split(away[np.argsort(video.lip_opening[away], kind="stable")], NUM_REFERENCES)
    return rng.permutation([rng.choice(near_pose(video, fifth, first, last, 1)) for fifth in fifths])


REFERENCES: dict[str, Callable[[Video, int, int, np.random.Generator], np.ndarray]] = {
    "random": random_frames,
    "pose_lips": near_pose_far_lips,
    "pose_spread": near_pose_spread_lips,
}


def draw(positions: np.ndarray, rng: np.random.Generator, weight: np.ndarray | None = None) -> np.ndarray:
    """Five of `positions` (n,), each once where there are as many."""
    chances = None if weight is None else weight / weight.sum()
    return rng.choice(positions, NUM_REFERENCES, replace=len(positions) < NUM_REFERENCES, p=chances)


def far_frames(video: Video, first: int, last: int) -> np.ndarray:
    """Positions of frames at least AWAY from the window in time, or of the five farthest where there are fewer."""
    numbers = video.frame_numbers
    distance = np.maximum(numbers[first] - numbers, numbers - numbers[last - 1])  # 0 or below in the window
    outside = np.sort(distance[distance > 0])
    return np.flatnonzero(distance >= min(AWAY, outside[-NUM_REFERENCES:][0]))


def near_pose(video: Video, positions: np.ndarray, first: int, last: int, drawn: int) -> np.ndarray:
    """Those of `positions` (n,) whose heads are turned about as in the window, enough for `drawn` references."""
    pose = video.head_pose[first:last].mean(0)
    distance = np.linalg.norm(video.head_pose[positions] - pose, axis=1)
    count = min(len(positions), max(FEWEST_NEAR * drawn, round(NEAR_SHARE * len(positions))))
    return positions[distance <= max(SAME_POSE, np.partition(distance, count - 1)[count - 1])]
