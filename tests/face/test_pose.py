"""The pose of a head from its landmarks, against landmarks of a turned model."""

import numpy as np
from turned_face import turned_face

from face.alignment import align_frame, transform
from face.pose import head_pose


def test_known_turns_of_the_head_are_found():
    rng = np.random.default_rng(0)
    turns = [(yaw, pitch, roll) for yaw in range(-60, 61, 15) for pitch in range(-40, 41, 20) for roll in (-25, 0, 25)]
    yaw, pitch = head_pose(np.stack([turned_face(*turn, rng) for turn in turns]))
    wanted = np.array(turns)
    errors = np.abs(yaw - wanted[:, 0]), np.abs(pitch - wanted[:, 1])
    assert all(np.median(error) < 4 and np.percentile(error, 95) < 7 for error in errors), errors
    frontal = np.abs(wanted[:, :2]).max(1) <= 20
    assert max(error[frontal].max() for error in errors) < 7


def test_a_crop_shows_the_pose_that_its_video_shows():
    rng = np.random.default_rng(0)
    for roll in (0, 20):
        points = turned_face(25, -10, roll, rng) + rng.normal(0, 0.1, (68, 2))
        cropped = transform(points, align_frame(points))
        np.testing.assert_allclose(head_pose(cropped[None]), head_pose(points[None]), atol=1e-6)
