"""MFCC in blocks against the library at once."""

import numpy as np
import pytest
import python_speech_features

from audio.mfcc import BLOCK_FRAMES, HOP, WINDOW, mfcc

BORDER = BLOCK_FRAMES * HOP
LENGTHS = (1, 399, 401, 641, 16000, BORDER, BORDER + WINDOW, BORDER + WINDOW + 1, 2 * BORDER + 241)


@pytest.mark.parametrize("samples", LENGTHS)
def test_blocks_equal_the_library_at_once(samples):
    """Also where a block holds one frame, is padded, or begins with a sample that preemphasis looks back from."""
    pcm = np.random.default_rng(samples).integers(-(2**15), 2**15, samples, dtype=np.int16)
    rows = mfcc(pcm)
    expected = python_speech_features.mfcc(pcm, numcep=26)
    assert rows.shape == expected.shape
    np.testing.assert_allclose(rows, expected, rtol=0, atol=1e-11)  # products of matrices round by their size


def test_silence_and_no_sound_at_all_are_finite():
    for samples in (0, 1, 16000):
        assert np.isfinite(mfcc(np.zeros(samples, np.int16))).all()
