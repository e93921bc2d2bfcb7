"""How the learning rate falls by epochs, steps and minutes, and when a stage is over."""

import pytest

from training.schedule import Schedule


def test_the_rate_falls_by_whatever_is_furthest_on():
    schedule = Schedule(non_decay=5, decay=5, warmup_steps=0, max_steps=100, max_minutes=2.0)
    assert schedule.epoch_factor(0, 0, 0.0) == schedule.epoch_factor(5, 50, 60.0) == 1
    by_epochs, by_steps, by_time = ((8, 0, 0.0), (0, 80, 0.0), (0, 0, 96.0))  # each eight tenths of the way
    expected = 1 - 3 / 6
    for spent in (by_epochs, by_steps, by_time):
        assert schedule.epoch_factor(*spent) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("spent", "over"),
    [((9, 99, 119.9), False), ((10, 0, 0.0), True), ((0, 100, 0.0), True), ((0, 0, 120.0), True)],
)
def test_a_stage_is_over_by_epochs_steps_or_time(spent, over):
    assert Schedule(5, 5, 0, max_steps=100, max_minutes=2.0).is_over(*spent) is over


@pytest.mark.parametrize(("steps", "minutes", "known"), [(0, 0.0, 70), (30, 0.0, 30), (90, 0.0, 70), (30, 1.0, None)])
def test_the_steps_of_a_stage_are_known_unless_time_may_end_it(steps, minutes, known):
    assert Schedule(5, 5, 0, steps, minutes).steps(epoch_steps=7) == known
