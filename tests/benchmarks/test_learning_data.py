"""What learning.py makes of your own video."""

import numpy as np
import pytest
from talking_photo import number_of, write_speech, write_video

from benchmarks.learning_data import copy_mouths
from config.errors import InputError
from media.cut import cut_video
from media.video import VideoWriter, read_frames


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """Two seconds of a photograph with sound; frame 5 shows no face."""
    folder = tmp_path_factory.mktemp("own")
    speech = write_speech(folder / "speech.wav", 0.8)
    silent = write_video(folder / "silent.mp4", 20, faceless=(5,))
    with VideoWriter(folder / "video.mp4", 240, 232, 25, audio_path=speech, crf=10) as writer:
        for frame in read_frames(silent):
            writer.write(frame)
    return folder / "video.mp4"


def test_mouths_are_copied_where_both_videos_show_a_face(video, tmp_path):
    other = tmp_path / "other.mp4"
    cut_video(video, other, 0.28, 0.8, crf=10)  # 13 frames, from frame 7 on
    masked = tmp_path / "masked.mp4"
    with VideoWriter(masked, 240, 232, 25, audio_path=video, crf=10) as writer:
        for frame in read_frames(other):
            frame = frame.copy()
            frame[110:150, 70:150] //= 2  # a mouth to recognise
            writer.write(frame)
    copy_mouths(masked, video, tmp_path / "copies.mp4")
    copies, truth = (list(read_frames(path)) for path in (tmp_path / "copies.mp4", video))
    assert [number_of(frame) for frame in copies] == list(range(20))
    changed = [bool(np.abs(a.astype(int) - b)[100:160, 60:160].mean() > 5) for a, b in zip(copies, truth, strict=True)]
    assert changed == [number != 5 and number < 13 for number in range(20)]


def test_without_a_face_there_is_nothing_to_copy(video, tmp_path):
    faceless = write_video(tmp_path / "faceless.mp4", 6, faceless=tuple(range(6)))
    with pytest.raises(InputError, match="shows no face"):
        copy_mouths(faceless, video, tmp_path / "copies.mp4")
    assert not (tmp_path / "copies.mp4").exists()
