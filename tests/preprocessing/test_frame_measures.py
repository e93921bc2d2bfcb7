"""What the training JSON says of every frame, from the landmarks beside its crops."""

import numpy as np
from turned_face import turned_face

from dataset.crop_landmarks import landmark_records
from preprocessing.crop_step import LANDMARKS
from preprocessing.json_step import frame_measures


def test_opening_and_pose_of_every_frame_by_its_landmarks(tmp_path):
    rng, yaws = np.random.default_rng(0), np.linspace(-30, 30, 9)
    points = np.stack([turned_face(yaw, 10, 0, rng) for yaw in yaws])
    points[:, [61, 62, 63]], points[:, [65, 66, 67]] = 100, [[[100, 100 + k]] for k in range(9)]
    names = [f"000000/{k:06d}.jpg" for k in range(9)]
    np.save(tmp_path / LANDMARKS, landmark_records(names, points))
    measures = frame_measures(tmp_path)
    assert [*measures] == ["lip_opening", "yaw", "pitch"]
    stems = [f"{k:06d}" for k in range(9)]
    assert all([*values] == stems for values in measures.values())
    assert [measures["lip_opening"][stem] for stem in stems] == [*range(9)]
    assert np.abs([measures["yaw"][stem] for stem in stems] - yaws).max() < 7
    assert np.abs(np.array([*measures["pitch"].values()]) - 10).max() < 7


def test_crops_without_landmarks_are_not_measured(tmp_path):
    assert frame_measures(tmp_path) == {}
