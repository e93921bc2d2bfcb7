"""What every feature asks of a recording."""

import numpy as np
import pytest

from audio.mel import MelFeature
from audio.sound import check_values, sounding_part
from config.errors import InputError


def test_sounding_part():
    assert sounding_part(np.array([0, 0, 3, 0, -1, 0])) == slice(2, 5)
    assert sounding_part(np.zeros(4)) == slice(0, 4)
    assert sounding_part(np.zeros(0)) == slice(0, 0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_sound_that_is_not_finite_is_refused(value):
    wave = np.zeros(1600, np.float32)
    wave[800] = value
    with pytest.raises(InputError, match="NaN or infinite"):
        MelFeature().compute(wave)


def test_values_that_are_not_finite_name_their_model():
    rows = np.zeros((3, 2), np.float32)
    assert check_values(rows, "model.pb") is rows
    rows[1] = np.nan
    with pytest.raises(InputError, match="model.pb gives values that are NaN"):
        check_values(rows, "model.pb")
