"""track_video on videos of a photograph: what is found where, and what cannot be decoded."""

from dataclasses import replace

import numpy as np
import pytest
from talking_photo import write_video

from config.errors import InputError
from face.landmarks import FaceLandmarker
from face.tracking import track_video
from media.video import probe

GAP = (4, 5)


@pytest.fixture(scope="module")
def landmarker():
    with FaceLandmarker() as made:
        yield made


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return probe(write_video(tmp_path_factory.mktemp("video") / "gap.mp4", 8, faceless=GAP))


def test_frames_without_a_face_are_nan_and_no_success(video, landmarker):
    track = track_video(video, landmarker)
    expected = [number not in GAP for number in range(8)]
    assert track.success.tolist() == expected and not track.smoothed
    assert np.isfinite(track.landmarks).all((1, 2)).tolist() == expected
    assert np.isnan(track.landmarks[list(GAP)]).all() and (track.confidence > 0).tolist() == expected


def test_no_more_frames_than_asked_for_and_nothing_of_the_video_before(video, landmarker):
    first, again = (track_video(video, landmarker, 3) for _ in range(2))
    assert first.landmarks.shape == (3, 68, 2)
    np.testing.assert_array_equal(first.landmarks, again.landmarks)


def test_a_frame_that_cannot_be_decoded_is_named(video, landmarker):
    longer = replace(video, times=np.arange(11) / 25)
    with pytest.raises(InputError, match=r"gap.mp4: frame 8 of 11 cannot be decoded"):
        track_video(longer, landmarker)
