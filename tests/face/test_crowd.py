"""Several faces are followed under numbers of their own: side by side, crossing, hidden for a while, leaving."""

from collections.abc import Iterable

import cv2
import numpy as np
import pytest
import skimage.data

from face.crowd import MAX_LOST, CrowdTracker
from face.landmarks import FaceLandmarker

PHOTO = cv2.resize(skimage.data.astronaut()[0:220, 115:335, ::-1], (160, 160), interpolation=cv2.INTER_AREA)
# Another look: mirrored, and as under blue light.
OTHER = np.clip(PHOTO[:, ::-1] * np.array([1.2, 0.8, 0.55]), 0, 255).astype(np.uint8)
OVAL = cv2.ellipse(np.zeros((160, 160), np.uint8), (80, 76), (52, 74), 0, 0, 360, 255, -1)[..., None] > 0


def picture(*placed: tuple[np.ndarray, float]) -> np.ndarray:
    """Heads on a grey ground at these columns; later ones hide earlier ones."""
    frame = np.full((220, 640, 3), 110, np.uint8)
    for head, left in placed:
        part = frame[30:190, round(left) : round(left) + 160]
        part[:] = np.where(OVAL, head, part)
    return frame


@pytest.fixture(scope="module")
def landmarker():
    with FaceLandmarker() as task:
        yield task


def follow(landmarker: FaceLandmarker, frames: Iterable[np.ndarray]) -> list[dict[int, float]]:
    """By frame: the column of every face's centre by its number."""
    tracker = CrowdTracker(landmarker)
    return [{number: float(p[:, 0].mean()) for number, p in tracker.detect(frame).items()} for frame in frames]


def test_two_side_by_side_keep_their_numbers(landmarker):
    seen = follow(landmarker, (picture((PHOTO, 20 + k), (OTHER, 440 - k)) for k in range(20)))
    assert all(set(columns) == {0, 1} for columns in seen)
    for number in (0, 1):
        moves = np.diff([columns[number] for columns in seen])
        assert np.abs(np.abs(moves) - 1).max() < 1.5


def test_faces_that_cross_do_not_change_numbers(landmarker):
    """The one in front keeps its number; the hidden one has its own again or a new one, never the other's."""
    lefts = np.linspace(20, 440, 61)
    seen = follow(landmarker, (picture((PHOTO, left), (OTHER, 460 - left)) for left in lefts))
    back, front = sorted(seen[0], key=lambda number: seen[0][number])
    for columns, left in zip(seen, lefts, strict=True):
        assert abs(columns[front] - (460 - left + 80)) < 25
        assert back not in columns or abs(columns[back] - (left + 80)) < 25
    assert len(seen[-1]) == 2 and max(columns for columns in seen[-1].values()) > 480


@pytest.mark.parametrize("hidden", [MAX_LOST - 4, MAX_LOST + 30])
def test_a_face_that_was_hidden_shortly_is_the_same_and_after_long_a_new_one(landmarker, hidden):
    frames = [picture((PHOTO, 100)) for _ in range(6)] + [picture()] * hidden + [picture((PHOTO, 106))] * 30
    seen = follow(landmarker, frames)
    assert set(seen[0]) == {0} and not seen[6]
    assert set(seen[-1]) == ({0} if hidden < MAX_LOST else {1})


def test_another_person_in_the_same_place_gets_another_number(landmarker):
    frames = [picture((PHOTO, 100))] * 6 + [picture()] * 3 + [picture((OTHER, 100))] * 3
    seen = follow(landmarker, frames)
    assert set(seen[0]) == {0} and 0 not in seen[-1] and len(seen[-1]) == 1


def test_who_comes_in_later_is_found(landmarker):
    frames = [picture((PHOTO, 20))] * 4 + [picture((PHOTO, 20), (OTHER, 400))] * 30
    assert set(follow(landmarker, frames)[-1]) == {0, 1}


def test_numbers_are_never_given_again(landmarker):
    tracker = CrowdTracker(landmarker)
    assert set(tracker.detect(picture((PHOTO, 100)))) == {0}
    tracker.cut()
    assert set(tracker.detect(picture((PHOTO, 100)))) == {1}
