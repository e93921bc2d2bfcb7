"""What a generator hears of a recording."""

import numpy as np
import pytest

from dubbing.speech import Speech


@pytest.fixture
def features():
    return np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)


def test_smoothed_windows_are_means_of_the_windows_around_them(features):
    times = np.arange(5, 40) / 25
    plain = Speech(features, 25.0, 2.4).windows(np.arange(3, 42) / 25)
    assert np.array_equal(Speech(features, 25.0, 2.4, smooth=0).windows(times), plain[2:-2])
    once, twice = (Speech(features, 25.0, 2.4, smooth=n).windows(times) for n in (1, 2))
    assert np.allclose(once, plain[1:-3] / 4 + plain[2:-2] / 2 + plain[3:-1] / 4, atol=1e-6)
    weights = np.array([1, 2, 3, 2, 1]) / 9
    assert np.allclose(twice, sum(w * plain[k : k + 35] for k, w in enumerate(weights)), atol=1e-6)
    assert (
        once.dtype == np.float32 and np.abs(np.diff(twice, axis=0)).mean() < np.abs(np.diff(plain, axis=0)).mean() / 2
    )


def test_a_sound_that_stays_the_same_stays_so_up_to_its_ends(features):
    speech = Speech(np.tile(features[:1], (60, 1)), 25.0, 2.4, smooth=5)
    middle = speech.windows(np.array([1.0]))
    assert np.allclose(speech.windows(np.arange(10, 40) / 25), middle, atol=1e-6)
    assert np.isfinite(speech.windows(np.array([0.0, 2.4]))).all()
