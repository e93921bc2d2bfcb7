"""track_video on videos of a photograph: what is found where, and what cannot be decoded."""

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from talking_photo import FACE, photo_frame, write_video

from config.errors import InputError
from face.landmarks import FaceLandmarker
from face.openface_csv import FaceTrack
from face.tracking import parts_of, track_video
from media.video import VideoInfo, probe

GAP = (4, 5)
GROUP = 20  # frames from one key frame to the next


@pytest.fixture(scope="module")
def landmarker():
    with FaceLandmarker() as made:
        yield made


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return probe(write_video(tmp_path_factory.mktemp("video") / "gap.mp4", 8, faceless=GAP))


def test_frames_without_a_face_are_nan_and_no_success(video, landmarker):
    track = track_video(video, [landmarker])
    expected = [number not in GAP for number in range(8)]
    assert track.success.tolist() == expected and not track.smoothed
    assert np.isfinite(track.landmarks).all((1, 2)).tolist() == expected
    assert np.isnan(track.landmarks[list(GAP)]).all() and (track.confidence > 0).tolist() == expected


def test_no_more_frames_than_asked_for_and_nothing_of_the_video_before(video, landmarker):
    first, again = (track_video(video, [landmarker], 3) for _ in range(2))
    assert first.landmarks.shape == (3, 68, 2)
    np.testing.assert_array_equal(first.landmarks, again.landmarks)


def test_a_frame_that_cannot_be_decoded_is_named(video, landmarker):
    longer = replace(video, times=np.arange(11) / 25)
    with pytest.raises(InputError, match=r"gap.mp4: frame 8 of 11 cannot be decoded"):
        track_video(longer, [landmarker])


@pytest.fixture(scope="module")
def three():
    with ExitStack() as opened:
        yield [opened.enter_context(FaceLandmarker()) for _ in range(3)]


@pytest.fixture
def short_parts(monkeypatch):
    monkeypatch.setattr("face.tracking.SHORTEST_PART", 10)


def write_groups(path: Path, frames: Iterable[np.ndarray]) -> VideoInfo:
    """A video with a key frame every GROUP frames."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"g": str(GROUP), "sc_threshold": "0", "crf": "12"})
        for number, frame in enumerate(frames):
            if number == 0:
                stream.height, stream.width, stream.pix_fmt = *frame.shape[:2], "yuv420p"
            picture = av.VideoFrame.from_ndarray(frame, format="bgr24")
            picture.pts, picture.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return probe(path)


def require_equal(found: FaceTrack, expected: FaceTrack) -> None:
    np.testing.assert_array_equal(found.success, expected.success)
    np.testing.assert_allclose(found.landmarks, expected.landmarks, atol=0.3)


def test_parts_begin_with_key_frames_and_none_is_short(tmp_path, short_parts):
    info = write_groups(tmp_path / "groups.mp4", map(photo_frame, range(70)))
    assert parts_of(info, 70, 1) == [range(70)]
    assert parts_of(info, 70, 3) == [range(20), range(20, 40), range(40, 70)]
    assert parts_of(info, 45, 3) == [range(20), range(20, 45)]  # 40 is too near the end
    assert parts_of(info, 35, 2) == [range(20), range(20, 35)]  # 20 is nearer to the middle than 0
    assert parts_of(info, 45, 50)[-1].stop == 45


def test_parts_give_what_one_search_gives(tmp_path, three, short_parts):
    frames = (photo_frame(3 * number, face=number not in (19, 20, 33)) for number in range(60))
    info = write_groups(tmp_path / "groups.mp4", frames)
    assert len(parts_of(info, 60, 3)) == 3
    alone = track_video(info, three[:1])
    require_equal(track_video(info, three), alone)
    require_equal(track_video(info, three[:2], parts=[range(40), range(40, 60)]), alone)


def test_a_part_goes_on_with_the_face_of_the_part_before_and_not_with_a_larger_one(tmp_path, three, short_parts):
    def crowd(number: int) -> np.ndarray:
        frame = np.full((360, 640, 3), 70, np.uint8)
        frame[100:308, 20 + number % 5 : 228 + number % 5] = FACE
        if number >= 15:
            frame[10:350, 290:630] = cv2.resize(FACE, (340, 340))
        return frame

    info = write_groups(tmp_path / "crowd.mp4", map(crowd, range(60)))
    alone, found = track_video(info, three[:1]), track_video(info, three)
    assert alone.landmarks[:, :, 0].max() < 240
    require_equal(found, alone)


def test_whoever_listens_can_end_a_search_in_parts(tmp_path, three, short_parts):
    class Cancelled(Exception):
        pass

    def listen(work: str, done: int, total: int) -> None:
        heard.append(done)
        if done == 5:
            raise Cancelled

    heard = []
    info = write_groups(tmp_path / "groups.mp4", map(photo_frame, range(60)))
    with pytest.raises(Cancelled):
        track_video(info, three, listener=listen)
    assert len(heard) < 20 and heard == sorted(heard)


def test_a_part_that_cannot_be_decoded_is_named(tmp_path, three, short_parts):
    info = write_groups(tmp_path / "groups.mp4", map(photo_frame, range(60)))
    longer = replace(info, times=np.arange(66) / 25)
    with pytest.raises(InputError, match=r"groups.mp4: frame 60 of 66 cannot be decoded"):
        track_video(longer, three)
