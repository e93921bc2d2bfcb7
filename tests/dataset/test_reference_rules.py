"""References near the source's pose, on a video whose poses and openings are known."""

import numpy as np
import pytest

from dataset.references import AWAY, REFERENCES
from dataset.video import Video

N = 400
TURNED = np.arange(N) // 20 % 2 * 40.0  # degrees, for 20 frames at a time


def video_of(n: int = N, opening: np.ndarray | None = None) -> Video:
    opening = np.random.default_rng(0).permutation(n) * 0.1 if opening is None else opening
    pose = np.stack([TURNED[:n] + np.random.default_rng(1).normal(0, 1, n), np.zeros(n)], 1)
    return Video("v", np.arange(n), [f"{k}.jpg" for k in range(n)], np.zeros((n, 2), np.float32), opening, {}, pose)


def drawn(rule: str, video: Video, first: int, last: int, times: int = 200) -> np.ndarray:
    rng = np.random.default_rng(2)
    return np.stack([REFERENCES[rule](video, first, last, rng) for _ in range(times)])


@pytest.mark.parametrize("rule", REFERENCES)
@pytest.mark.parametrize("n, first, last", [(N, 100, 101), (N, 0, 5), (N, 395, 400), (13, 4, 9), (6, 0, 5), (7, 1, 6)])
def test_five_frames_outside_the_window_the_same_for_the_same_seed(rule, n, first, last):
    video = video_of(n)
    positions = drawn(rule, video, first, last)
    assert positions.shape == (200, 5) and np.array_equal(positions, drawn(rule, video, first, last))
    assert ((positions < first) | (positions >= last)).all() and len(np.unique(positions)) >= min(5, n - (last - first))
    if n - (last - first) >= 5:
        assert all(len(set(five)) == 5 for five in positions.tolist())


@pytest.mark.parametrize("rule", ["pose_lips", "pose_spread"])
@pytest.mark.parametrize("first", [110, 128])  # the second in the other pose
def test_they_look_where_the_source_looks_and_are_not_its_neighbours(rule, first):
    positions = drawn(rule, video_of(), first, first + 1)
    assert (TURNED[positions] == TURNED[first]).all() and np.abs(positions - first).min() >= AWAY
    assert len(np.unique(positions)) > 40  # of some 195 in this pose


def test_of_few_frames_the_farthest_are_drawn():
    positions = drawn("pose_lips", video_of(13), 4, 9)
    assert set(positions.ravel()) == {0, 1, 2, 3, 9, 10, 11, 12} - {3, 9}  # some are at the same distance


def test_far_lips_are_likelier_than_those_like_the_source_s():
    video = video_of()
    first = int(np.argmin(video.lip_opening))
    difference = {
        rule: np.abs(video.lip_opening[drawn(rule, video, first, first + 1)] - video.lip_opening[first]).mean()
        for rule in REFERENCES
    }
    assert difference["pose_lips"] > 1.2 * difference["random"]
    assert difference["pose_spread"] == pytest.approx(difference["random"], rel=0.05)


def test_lips_that_do_not_differ_are_drawn_like_others():
    assert len(np.unique(drawn("pose_lips", video_of(opening=np.full(N, 3.0)), 100, 101))) > 40


def test_spread_lips_go_from_closed_to_open():
    video = video_of()
    openings = np.sort(video.lip_opening[drawn("pose_spread", video, 100, 101)], axis=1)
    assert (np.diff(openings, axis=1) > 0).all()
    assert (openings[:, 0] < 0.2 * 0.1 * N + 1).all() and (openings[:, 4] > 0.8 * 0.1 * N - 1).all()
