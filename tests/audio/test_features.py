"""Times, counts and windows of audio features, and how a feature is chosen."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from audio.features import frame_features, get_audio_feature, sample_feature, windows_at
from config.errors import InputError

RATE = 16000


@pytest.fixture(scope="module")
def mel():
    return get_audio_feature("mel")


@pytest.mark.parametrize("frames", [1, 24, 75, 100, 101, 250])
def test_features_count_equals_frames_for_longer_and_shorter_sound(mel, speech, frames):
    assert frame_features(mel, speech, frames).shape == (frames, mel.dim)


@pytest.mark.parametrize("samples", [0, 1, 399, 640, 16001])
def test_sound_of_any_length_gives_every_frame(mel, speech, samples):
    rows = frame_features(mel, speech[:samples], 30)
    assert rows.shape == (30, mel.dim) and np.isfinite(rows).all()


def test_sound_longer_than_the_video_is_cut_by_time(mel, speech):
    rows = frame_features(mel, speech, 60)
    np.testing.assert_array_equal(rows, frame_features(mel, speech, 100)[:60])


def test_sound_shorter_than_the_video_goes_on_as_silence(mel, speech):
    rows = frame_features(mel, speech, 130)
    np.testing.assert_allclose(rows[:99], frame_features(mel, speech, 100)[:99], atol=1e-6)
    assert (rows[101:] == -1).all()


def test_rows_belong_to_their_time_at_another_frame_rate(mel, speech):
    dense = mel.compute(speech)
    rows = frame_features(mel, speech, 100, fps=29.97)
    times = np.arange(100) / 29.97
    expected = [np.interp(times, np.arange(len(dense)) / mel.rate, column) for column in dense.T]
    np.testing.assert_allclose(rows, np.transpose(expected), atol=1e-5)


def test_sample_feature_interpolates_and_holds_the_edges():
    dense = np.random.default_rng(0).standard_normal((7, 3)).astype(np.float32)
    times = np.array([-1.0, 0.0, 0.013, 0.0299, 0.06, 0.061, 5.0])
    sampled = sample_feature(dense, 100.0, times)
    expected = np.stack([np.interp(times, np.arange(7) / 100, column) for column in dense.T], axis=1)
    assert sampled.dtype == np.float32
    np.testing.assert_allclose(sampled, expected, atol=1e-6)


def test_windows_equal_the_rows_around_each_frame(mel, speech):
    rows = frame_features(mel, speech, 100)
    frames = np.arange(2, 97)
    windows = windows_at(mel.compute(speech), mel.rate, frames / 25)
    expected = np.stack([rows[k - 2 : k + 3] for k in frames])
    assert windows.dtype == np.float32
    np.testing.assert_allclose(windows, expected, atol=1e-6)
    np.testing.assert_array_equal(windows_at(mel.compute(speech), mel.rate, np.array([40 / 25]))[0], windows[38])


def test_window_between_frames_steps_by_40_ms(mel, speech):
    dense = mel.compute(speech)
    times = (1.257, 1.297, 1.337, 1.377, 1.417)
    expected = [[np.interp(time, np.arange(len(dense)) / mel.rate, column) for column in dense.T] for time in times]
    np.testing.assert_allclose(windows_at(dense, mel.rate, np.array([1.337]))[0], expected, atol=1e-5)


@pytest.mark.parametrize("spec", ["mfcc", "", "hf:", "Mel"])
def test_unknown_feature_lists_what_exists(spec):
    with pytest.raises(InputError, match="mel, deepspeech, hf:"):
        get_audio_feature(spec)


def test_importing_the_interface_is_cheap():
    heavy = {"tensorflow", "transformers", "torch", "scipy"}
    code = f"import sys, audio.features; print({heavy} & set(sys.modules))"
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
