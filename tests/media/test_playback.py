"""The order of the source frames, and reading them so, compared with plain arithmetic and sequential decoding."""

import time
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from talking_photo import number_of, write_video

from media import video
from media.playback import play, playback_runs
from media.prefetch import prefetch
from media.video import probe, read_chosen_frames, read_frames, read_pictures_backwards


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return probe(write_video(tmp_path_factory.mktemp("clip") / "forty.mp4", 40))


def test_forwards_and_backwards_without_a_pause_at_the_turns(clip):
    order = np.concatenate(playback_runs(replace(clip, times=clip.times[:5]), 14)).tolist()
    assert order == [0, 1, 2, 3, 4, 3, 2, 1, 0, 1, 2, 3, 4, 3]


@pytest.mark.parametrize("count", [1, 2])
def test_very_short_videos(clip, count):
    order = np.concatenate(playback_runs(replace(clip, times=clip.times[:count]), 5)).tolist()
    assert order == ([0] * 5 if count == 1 else [0, 1, 0, 1, 0])


def test_short_speech_needs_only_the_first_frames(clip):
    assert [run.tolist() for run in playback_runs(clip, 3)] == [[0, 1, 2]]


def test_varying_rate_is_read_by_time(clip):
    times = np.array([0.0, 0.04, 0.2, 0.24, 0.28])  # frame 1 stays on screen for 160 ms
    info = replace(clip, times=times, fps=Fraction(4000, 280))  # a mean step of 70 ms
    assert [run.tolist() for run in playback_runs(info, 5)] == [[0, 1, 1, 2, 4]]


@pytest.mark.parametrize("frames_held", [1, 7, 1000])
def test_play_gives_the_pictures_of_the_order(clip, frames_held, monkeypatch):
    picture = clip.width * clip.height * 3 // 2
    monkeypatch.setattr(video, "BACKWARDS_BYTES", frames_held * picture * 2)
    order = [number for run in playback_runs(clip, 100) for number in run]
    played = list(play(clip, playback_runs(clip, 100)))
    assert [number for number, _ in played] == order == [number_of(picture.bgr()) for _, picture in played]


def test_reading_backwards_is_bounded_and_equal(clip, monkeypatch):
    held = []
    counted = video.last_frames
    monkeypatch.setattr(video, "BACKWARDS_BYTES", 8 * clip.width * clip.height * 3)
    monkeypatch.setattr(video, "last_frames", lambda *args: held.append(len(run := counted(*args))) or run)
    forwards = list(read_frames(clip.path))
    backwards = [picture.bgr() for picture in read_pictures_backwards(clip, 3, 38)]
    assert max(held) <= 16 and len(held) > 2
    assert all(np.array_equal(a, b) for a, b in zip(forwards[3:38][::-1], backwards, strict=True))


def test_chosen_frames(clip):
    assert [number_of(frame) for frame in read_chosen_frames(clip, [0, 5, 6, 31])] == [0, 5, 6, 31]


def test_prefetch_keeps_order_and_passes_errors_on():
    def failing():
        yield from range(3)
        raise ValueError("here")

    seen = []
    with pytest.raises(ValueError, match="here"):
        for item in prefetch(failing(), 2):
            seen.append(item)
    assert seen == [0, 1, 2]


def test_prefetch_makes_no_more_than_it_may():
    made = []
    items = prefetch((made.append(number) or number for number in range(50)), 2)
    next(items)
    items.close()
    assert len(made) <= 4


def test_whoever_stops_asking_waits_for_one_item_at_most():
    def slow():
        for number in range(100):
            time.sleep(0.1)
            yield number

    items = prefetch(slow(), 50)
    assert next(items) == 0
    began = time.monotonic()
    items.close()
    assert time.monotonic() - began < 1
