"""audio/editing.py against NumPy on whole arrays, whatever the sizes of the blocks."""

import numpy as np
import pytest

from audio.editing import MARGIN, joined, padded, part, sounding_range

RATE = 8000


def sound(count: int, channels: int = 2, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, channels)).astype(np.float32)


def blocks(wave: np.ndarray, size: int):
    return (wave[start : start + size] for start in range(0, len(wave), size))


def whole(stream, channels: int = 2) -> np.ndarray:
    return np.concatenate([np.empty((0, channels), np.float32), *stream])


@pytest.mark.parametrize("size", [1, 7, 100, 5000])
@pytest.mark.parametrize("start, stop", [(0, None), (0, 5), (3, 999), (3, None), (700, 701), (999, None), (2000, None)])
def test_a_part_is_a_slice(size, start, stop):
    wave = sound(1000)
    assert np.array_equal(whole(part(blocks(wave, size), start, stop)), wave[start:stop])


def reference_join(pieces: list[np.ndarray], fade: int) -> np.ndarray:
    result = pieces[0]
    for piece in pieces[1:]:
        count = min(fade, len(piece), len(result))
        if not count:
            result = np.concatenate([result, piece])
            continue
        rising = (0.5 - 0.5 * np.cos(np.pi * (np.arange(count) + 0.5) / count))[:, None]
        overlap = result[-count:] * (1 - rising) + piece[:count] * rising
        result = np.concatenate([result[:-count], overlap, piece[count:]])
    return result


@pytest.mark.parametrize("size", [1, 16, 1000])
@pytest.mark.parametrize("lengths", [(300, 200), (300, 20, 10, 200), (50,), (50, 50, 50), (7, 300), (300, 7)])
@pytest.mark.parametrize("fade", [0, 1, 50])
def test_joined_pieces_fade_into_each_other(size, lengths, fade):
    pieces = [sound(length, seed=length) for length in lengths]
    result = whole(joined([blocks(piece, size) for piece in pieces], fade))
    if min(lengths) >= fade or len(lengths) <= 2:
        assert np.allclose(result, reference_join(pieces, fade), atol=1e-6)
    assert len(result) >= max(lengths)


def test_a_piece_without_samples_changes_nothing():
    wave = sound(100)
    assert np.array_equal(whole(joined([blocks(wave, 9), iter(()), blocks(wave[:0], 9)], 20)), wave)
    assert not list(joined([], 20))


def test_a_constant_stays_constant_where_it_is_joined():
    ones = np.ones((500, 1), np.float32)
    assert np.allclose(whole(joined([blocks(ones, 64)] * 3, 100), 1), 1, atol=1e-6)


def test_padding_adds_silence_and_keeps_the_sound():
    wave = sound(1000)
    result = whole(padded(blocks(wave, 64), 300, 2, 40))
    assert len(result) == 1600 and not result[:300].any() and not result[-300:].any()
    assert np.array_equal(result[340:-340], wave[40:-40])
    assert np.abs(result[300:340] / wave[:40]).max() < 1 and np.abs(result[300]).max() < 0.01


@pytest.mark.parametrize("size", [1, 13, 80, 4000])
def test_the_sounding_range_leaves_a_margin(size):
    wave = np.full((RATE, 2), 10 ** (-60 / 20), np.float32)
    wave[2000:2600, 1] = 0.1  # in one channel
    wave[4000:5003] = 0.1
    first, last = sounding_range(blocks(wave, size), RATE, -50)
    margin = round(MARGIN * RATE)
    assert 2000 - margin - 80 <= first <= 2000 - margin and 5003 + margin <= last <= 5003 + margin + 80
    assert sounding_range(blocks(wave, size), RATE, -61)[0] == 0
    assert sounding_range(blocks(wave, size), RATE, -19) is None
    assert sounding_range(iter(()), RATE, -50) is None
