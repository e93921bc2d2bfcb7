"""Landmark smoothing: noise goes, true motion and lip closures stay, and nothing leaks across a lost face."""

import numpy as np
import pytest

from face.landmarks import FaceLandmarker, track_faces
from face.smoothing import MAX_GAP, smooth_landmarks
from media.video import read_frames

FACE = 200.0  # pixels
NOISE = 0.0035 * FACE  # what the face landmarker shows on a still face


def base_shape() -> np.ndarray:
    """Any 68 points with a mouth in the lower middle serve; the inner lips are 62 (upper) and 66 (lower)."""
    rng = np.random.default_rng(1)
    points = rng.uniform(0, FACE, (68, 2))
    points[48:68] = rng.uniform((60, 140), (140, 160), (20, 2))
    points[62], points[66] = (100, 150), (100, 150)
    return points


def speaking_face(frames: int, head: np.ndarray) -> np.ndarray:
    """(T, 68, 2): the head moves by `head` (T, 2); the lower lip opens by 20 px and closes for two frames in eight."""
    track = np.repeat(base_shape()[None], frames, 0)
    opening = np.where(np.arange(frames) % 8 < 2, 0.0, 20.0)
    track[:, 66, 1] += opening
    track[:, 57, 1] += opening
    return track + head[:, None, :]


def lip_opening(track: np.ndarray) -> np.ndarray:
    return np.linalg.norm(track[:, 66] - track[:, 62], axis=1)


def acceleration(track: np.ndarray) -> float:
    """Jitter: the standard deviation of the second difference of everything but the jaw, pixels."""
    return float(np.diff(track[:, 17:].astype(np.float64), n=2, axis=0).std())


def test_noise_of_a_slowly_moving_head_is_reduced():
    time = np.arange(200)
    head = np.stack((30 * np.sin(time / 15), 10 * np.cos(time / 11)), axis=1)
    truth = np.repeat(base_shape()[None], 200, 0) + head[:, None]
    noisy = truth + np.random.default_rng(2).normal(0, NOISE, truth.shape)
    smooth = smooth_landmarks(noisy.astype(np.float32), np.ones(200, bool))
    assert smooth.dtype == np.float32 and smooth.shape == truth.shape
    assert np.abs(smooth - truth).mean() < 0.75 * np.abs(noisy - truth).mean()
    assert acceleration(smooth) < 0.5 * acceleration(noisy)


def test_a_sudden_nod_is_followed_in_the_frame_it_happens():
    head = np.zeros((60, 2))
    head[30:, 1] = 0.15 * FACE
    truth = speaking_face(60, head)
    smooth = smooth_landmarks(truth, np.ones(60, bool))
    offset = (smooth - truth)[:, 17:48].mean(1)
    assert np.abs(offset).max() < 0.01 * FACE


def test_no_lag():
    head = np.stack((np.arange(60) * 3.0, np.zeros(60)), axis=1)
    truth = np.repeat(base_shape()[None], 60, 0) + head[:, None]
    np.testing.assert_allclose(smooth_landmarks(truth, np.ones(60, bool)), truth, atol=0.02)


def test_lip_closures_of_two_frames_stay_closed_and_peaks_keep_their_height():
    truth = speaking_face(80, np.zeros((80, 2)))
    opening = lip_opening(smooth_landmarks(truth, np.ones(80, bool)))
    closed = lip_opening(truth) == 0
    assert opening[closed].max() < 0.1 * 20
    assert opening[~closed].min() > 0.9 * 20
    assert opening[~closed].mean() > 0.95 * 20


def test_short_gap_is_bridged_and_long_gap_is_not_crossed():
    time = np.arange(80.0)
    truth = np.repeat(base_shape()[None], 80, 0) + (2 * time)[:, None, None]
    found = np.ones(80, bool)
    found[20 : 20 + MAX_GAP] = False
    found[50 : 50 + MAX_GAP + 1] = False
    truth[56:] += 300  # after the long gap the face is elsewhere
    given = truth.copy()
    given[~found] = -77
    smooth = smooth_landmarks(given, found)
    np.testing.assert_allclose(smooth[:50], truth[:50], atol=0.05)
    np.testing.assert_allclose(smooth[56:], truth[56:], atol=0.05)
    assert (smooth[50:56] == -77).all()


@pytest.mark.parametrize("frames", [1, 2, 4, 8])
def test_short_tracks(frames):
    truth = np.repeat(base_shape()[None], frames, 0)
    np.testing.assert_allclose(smooth_landmarks(truth, np.ones(frames, bool)), truth, atol=1e-3)


def test_no_face_at_all_and_input_untouched():
    given = np.zeros((5, 68, 2), np.float32)
    assert (smooth_landmarks(given, np.zeros(5, bool)) == 0).all()
    moving = speaking_face(20, np.zeros((20, 2)))
    before = moving.copy()
    smooth_landmarks(moving, np.ones(20, bool))
    assert (moving == before).all()


def test_real_speech_keeps_its_lip_openings(real_clip):
    with FaceLandmarker() as landmarker:
        frames = read_frames(real_clip("talking_woman_10s_25fps.mp4"), 0, 100)
        raw = np.stack([points for points, _ in track_faces(frames, landmarker)])
    smooth = smooth_landmarks(raw, np.ones(len(raw), bool))
    assert acceleration(smooth) < 0.75 * acceleration(raw)
    before, after = lip_opening(raw), lip_opening(smooth)
    peaks = np.flatnonzero((before[1:-1] > before[:-2]) & (before[1:-1] >= before[2:])) + 1
    peaks = peaks[before[peaks] > before.mean()]
    assert len(peaks) > 5
    assert np.mean(after[peaks] / before[peaks]) > 0.95
