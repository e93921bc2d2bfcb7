"""Scores of mouths whose truth is known: blurred, opened less, trembling, following another curve."""

import cv2
import numpy as np
import pytest

from face.lips import INNER_LIPS, LOWER_INNER, UPPER_INNER, lip_opening
from face.mouth_scores import (
    correlation,
    inner_area,
    jitter,
    open_area_ratio,
    opening_gain,
    partial_correlation,
    texture_energy,
    texture_ratio,
)

HEIGHT, WIDTH, CENTRE, HALF = 416, 320, (160.0, 245.0), 40.0
TIMES = np.arange(60) / 25
OPENINGS = 12 + 10 * np.sin(2 * np.pi * 3 * TIMES)  # pixels of the crop


def lips(openings: np.ndarray) -> np.ndarray:
    """Landmarks (T, 68, 2) whose inner lips are a hexagon-like opening of that height."""
    x = np.array([-1, -0.5, 0, 0.5, 1, 0.5, 0, -0.5]) * HALF
    y = np.array([0, -1, -1, -1, 0, 1, 1, 1]) / 2
    points = np.full((len(openings), 68, 2), CENTRE)
    points[:, INNER_LIPS, 0] += x
    points[:, INNER_LIPS, 1] += openings[:, None] * y
    return points


def mouths(openings: np.ndarray) -> np.ndarray:
    """Crops (T, 416, 320, 3) of skin, with rows of teeth where the lips of `lips` are open."""
    columns = np.arange(WIDTH) // 6 % 2 * 90 + 110
    crops = np.full((len(openings), HEIGHT, WIDTH, 3), 150, np.uint8)
    for crop, points in zip(crops, lips(openings), strict=True):
        inside = cv2.fillPoly(np.zeros((HEIGHT, WIDTH), np.uint8), [points[INNER_LIPS].round().astype(np.int32)], 1)
        crop[inside > 0] = np.broadcast_to(columns[None, :, None], crop.shape)[inside > 0]
    return crops


def blurred(crops: np.ndarray, sigma: float) -> np.ndarray:
    return np.stack([cv2.GaussianBlur(crop, (0, 0), sigma) for crop in crops])


def test_texture_falls_with_blur_and_rises_with_noise():
    true, landmarks = mouths(OPENINGS[:15]), lips(OPENINGS[:15])
    energy = texture_energy(true, landmarks)
    ratios = [texture_ratio(texture_energy(blurred(true, s), landmarks), energy) for s in (0.5, 1, 2, 3, 5)]
    assert texture_ratio(energy, energy) == 1
    assert ratios == sorted(ratios, reverse=True) and ratios[0] < 1 and ratios[-1] < 0.05
    noisy = (true + np.random.default_rng(0).normal(0, 12, true.shape)).clip(0, 255).astype(np.uint8)
    assert texture_ratio(texture_energy(noisy, landmarks), energy) > 1.02


def test_texture_is_of_the_inside_alone_and_leaves_closed_mouths_out():
    openings = np.array([2.0, 4.0, 20.0])
    crops, landmarks = mouths(openings), lips(openings)
    energy = texture_energy(crops, landmarks)
    assert np.isnan(energy[:2]).all() and energy[2] > 100
    outside = crops.copy()
    outside[:, :230], outside[:, 262:] = 0, 255  # skin that ends a few pixels from the lips
    assert texture_energy(outside, landmarks)[2] == pytest.approx(energy[2])
    assert np.isnan(texture_ratio(energy[:2], energy[:2]))


def test_smaller_crops_give_the_same_ratio():
    """Of the crop at half the size, as training sees it at mouth 128."""
    sides = blurred(mouths(OPENINGS[:15]), 3), mouths(OPENINGS[:15])
    whole = [texture_energy(side, lips(OPENINGS[:15])) for side in sides]
    halves = [np.stack([cv2.resize(crop, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for crop in side])
              for side in sides]  # fmt: skip
    small = [texture_energy(side, (lips(OPENINGS[:15]) + 0.5) / 2 - 0.5) for side in halves]
    assert texture_ratio(*small) == pytest.approx(texture_ratio(*whole), abs=0.1)
    assert np.isfinite(small[1]).sum() == np.isfinite(whole[1]).sum() > 5


def test_area_is_that_of_the_polygon():
    landmarks = lips(np.array([0.0, 10.0, 20.0]))
    drawn = [cv2.contourArea(points[INNER_LIPS].astype(np.float32)) for points in landmarks]
    assert inner_area(landmarks) == pytest.approx(drawn)
    crossed = landmarks[1:2].copy()
    crossed[:, [*UPPER_INNER, *LOWER_INNER]] = landmarks[1:2][:, [*LOWER_INNER, *UPPER_INNER]]
    assert inner_area(crossed) == 0
    assert open_area_ratio(lips(OPENINGS / 2), lips(OPENINGS)) == pytest.approx(0.5)
    assert np.isnan(open_area_ratio(landmarks, lips(np.zeros(3))))


@pytest.mark.parametrize("gain", [0, 0.5, 1, 1.2])
def test_the_gain_of_a_mouth_that_opens_less_is_found(gain):
    mean = OPENINGS.mean()
    generated = lip_opening(lips(mean + gain * (OPENINGS - mean)))
    assert opening_gain(generated, lip_opening(lips(OPENINGS))) == pytest.approx(gain, abs=1e-6)


def test_the_gain_bears_noise_in_the_result_not_in_the_truth():
    noise = np.random.default_rng(0).normal(0, 3, (2, 4000))
    openings = np.resize(OPENINGS, 4000)
    assert opening_gain(openings + noise[0], openings) == pytest.approx(1, abs=0.02)
    share = openings.var() / (openings.var() + 9)
    assert opening_gain(openings, openings + noise[1]) == pytest.approx(share, abs=0.02)
    assert opening_gain(np.roll(openings, 2), openings) < 0.5  # the same movement, too late
    assert np.isnan(opening_gain(openings, np.ones(4000)))


def test_jitter_counts_only_frames_in_a_row():
    true, frames = lips(OPENINGS), np.arange(60)
    assert jitter(true, true, frames) == 1
    assert jitter(lips(2 * OPENINGS), true, frames) == pytest.approx(2)
    trembling = true + np.random.default_rng(0).normal(0, 2, true.shape)
    assert jitter(trembling, true, frames) > 3
    jump = true.copy()
    jump[30:] += 50  # between frame 29 and frame 30, which is missing
    seen = np.delete(frames, 30)
    assert jitter(jump[seen], true[seen], seen) == pytest.approx(1)
    assert np.isnan(jitter(trembling[:2], true[:2], frames[:2]))


def test_partial_correlation_takes_away_what_both_follow():
    wanted, hidden, noise = np.random.default_rng(0).normal(size=(3, 5000))
    hidden = hidden + wanted  # by chance like what is wanted
    obedient = wanted + 0.3 * noise
    assert correlation(obedient, hidden) > 0.5 and abs(partial_correlation(obedient, hidden, wanted)) < 0.05
    leaking = wanted + hidden
    expected = [correlation(a, b) for a, b in ((leaking, hidden), (leaking, wanted), (hidden, wanted))]
    formula = (expected[0] - expected[1] * expected[2]) / np.sqrt((1 - expected[1] ** 2) * (1 - expected[2] ** 2))
    assert partial_correlation(leaking, hidden, wanted) == pytest.approx(formula) and formula > 0.9
    assert partial_correlation(wanted, hidden, wanted) == 0
