"""StageClock: every second has one place."""

import pytest

from training.stage_clock import LOADING, SAVING, TRAINING, VALIDATING, StageClock


def test_every_second_is_spent_on_one_thing(monkeypatch):
    now = [10.0]
    monkeypatch.setattr("training.stage_clock.time.perf_counter", lambda: now[0])
    clock = StageClock()
    for part, seconds in ((LOADING, 3), (TRAINING, 30), (LOADING, 6), (TRAINING, 45), (VALIDATING, 24), (SAVING, 12)):
        now[0] += seconds
        clock.spent(part)
    assert clock.trained == pytest.approx(84)
    assert clock.line() == "2.0 min: 62.5 % training, 7.5 % waiting for batches, 20.0 % validating, 10.0 % saving"
