"""Cuts and fades are found on their very frame, and movement inside a shot is none."""

import cv2
import numpy as np
import pytest
import skimage.data

from preprocessing.footage.passages import with_cuts
from preprocessing.footage.shots import ShotDetector

SCENES = [
    cv2.resize(picture[..., ::-1] if picture.ndim == 3 else cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR), (320, 240))
    for picture in (skimage.data.astronaut(), skimage.data.chelsea(), skimage.data.coffee(), skimage.data.camera())
]


def shot(scene: int, length: int) -> list[np.ndarray]:
    """A slow pan with camera noise."""
    rng = np.random.default_rng(scene)
    wide = cv2.copyMakeBorder(SCENES[scene], 0, 0, 0, length, cv2.BORDER_REFLECT)
    return [
        np.clip(wide[:, k : k + 320].astype(int) + rng.integers(-3, 4, (240, 320, 3)), 0, 255).astype(np.uint8)
        for k in range(length)
    ]


def found_in(frames: list[np.ndarray]) -> list[int]:
    detector = ShotDetector()
    return sorted({cut for frame in frames for cut in detector.add(frame)})


def test_cuts_are_found_on_their_frame():
    lengths = [30, 7, 25, 40]
    frames = [frame for scene, length in enumerate(lengths) for frame in shot(scene, length)]
    assert found_in(frames) == [30, 37, 62]


@pytest.mark.parametrize("scene", range(len(SCENES)))
def test_a_pan_is_no_cut(scene):
    assert found_in(shot(scene, 100)) == []


def test_a_fade_through_black_ends_the_shot_where_it_is_black():
    out = [(frame * (1 - k / 10)).astype(np.uint8) for k, frame in enumerate(shot(0, 41)[30:])]
    back = [(frame * (k / 10)).astype(np.uint8) for k, frame in enumerate(shot(1, 11))]
    frames = shot(0, 30) + out + [out[-1]] * 5 + back + shot(1, 41)[11:]
    black = [number for number, frame in enumerate(frames) if frame.mean() < 12]
    (first, *rest) = found_in(frames)
    assert black[0] - 2 <= first <= black[0] and all(black[0] <= cut <= black[-1] + 1 for cut in rest), (first, rest)


def test_frames_come_with_the_cut_before_them():
    frames = shot(0, 20) + shot(1, 20)
    told = list(with_cuts(iter(frames)))
    assert [number for number, _, _ in told] == list(range(40))
    assert all(np.array_equal(frame, frames[number]) for number, frame, _ in told)
    assert {number: cut for number, _, cut in told if cut is not None} == {20: 20}
