"""benchmarks/hearing.py on a set whose lips are as open as its sound is loud."""

import numpy as np
import pytest
from tiny_set import make_tiny_set

from benchmarks.hearing_bench import divide, first_frames, known_speech, of_people, of_seconds


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    return known_speech(make_tiny_set(tmp_path_factory.mktemp("set"), videos=4, clips=6))


def test_what_the_sound_tells_is_heard(speech):
    ((seconds, text),) = of_seconds(speech, 1, (100,), 0.25)
    assert seconds == 100 and float(text.split()[0]) > 0.95


def test_a_person_is_heard_after_its_own_beginning_and_after_others(speech):
    name = sorted(speech)[0]
    rows = dict(of_people(speech, [name], 1, 0.3))
    assert list(rows) == ["own beginning", "all others", "all others, then own"]
    assert all(float(cell.split()[0]) > 0.8 for (cell,) in rows.values())


def test_no_sound_is_shared_and_no_second_too_many_taken(speech):
    one = next(iter(speech.values()))
    (begin, _), (end, _) = divide(one, 0.3)
    assert len(begin) + len(end) == len(one[0]) - 4
    last, first = begin[-1].numpy(), end[0].numpy()
    assert not any(np.array_equal(last[:, i], first[:, j]) for i in range(5) for j in range(5))
    assert sum(len(windows) for windows, _ in first_frames([one, one], 60)) == 60
