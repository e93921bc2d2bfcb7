"""Mouths opened and closed in a picture whose lips are known exactly."""

import numpy as np
import pytest

from face.opening import scale_opening

HEIGHT, WIDTH, UPPER, LOWER = 416, 320, 270, 290  # rows of the inner lips, in the middle
LEFT, RIGHT, TURN = 110.0, 210.0, 0.2


def face() -> tuple[np.ndarray, np.ndarray]:
    """A crop whose gap between the lips is black, on skin that grows lighter downwards, and its landmarks."""
    points = np.full((68, 2), [160.0, 200.0])
    across = np.linspace(LEFT, RIGHT, 5)
    bend = np.array([0, 0.75, 1, 0.75, 0])
    points[[60, 61, 62, 63, 64]] = np.stack([across, 280 - 10 * bend], 1)
    points[[67, 66, 65]] = np.stack([across, 280 + 10 * bend], 1)[1:4]
    points[33], points[8] = (160, 210), (160, 340)
    image = np.repeat((60 + np.arange(HEIGHT) * 0.4)[:, None, None], WIDTH, 1).repeat(3, 2).astype(np.uint8)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    reach = np.interp(x, across, 10 * bend)
    image[(np.abs(y - 280) < reach)] = 0
    return image, points


def gap(image: np.ndarray) -> int:
    return int((image[:, 160, 0] < 30).sum())


@pytest.mark.parametrize("strength", [0.0, 0.3, 0.5, 0.8, 1.2, 1.5, 2.0])
def test_the_gap_is_as_much_larger_as_was_asked_for(strength):
    image, points = face()
    opened = scale_opening(image, points, np.eye(3), strength)
    assert abs(gap(opened) - strength * gap(image)) <= 1.5
    changed = (opened != image).any(-1)
    rows, columns = np.where(changed)
    assert rows.min() > 210 and rows.max() < 384 and columns.min() >= LEFT and columns.max() <= RIGHT


def test_a_closed_mouth_and_strength_1_stay_as_they_are():
    image, points = face()
    assert np.array_equal(scale_opening(image, points, np.eye(3), 1.0), image)
    points[[65, 66, 67], 1] = points[[61, 62, 63], 1]
    assert np.array_equal(scale_opening(image, points, np.eye(3), 2.0), image)


@pytest.mark.parametrize("scale, shift", [(0.5, (100, 40)), (1.5, (-200, -300)), (1.0, (3000, 0)), (0.3, (0, 0))])
def test_a_face_of_any_size_also_beside_the_picture(scale, shift):
    image, points = face()
    crop_to_video = np.array([[scale, 0, shift[0]], [0, scale, shift[1]], [0, 0, 1.0]])
    moved = points * scale + shift
    frame = np.full((300, 300, 3), 128, np.uint8)
    assert scale_opening(frame, moved, np.linalg.inv(crop_to_video), 2.0).shape == frame.shape


def test_a_gap_too_wide_for_the_face_is_opened_as_far_as_there_is_room():
    image, points = face()
    points[8, 1] = 383  # a chin at the lower edge
    opened = scale_opening(image, points, np.eye(3), 2.0)
    assert gap(image) <= gap(opened) < 1.5 * gap(image)
