"""The mel feature against a plain FFT, and what level, silence and time shifts do to it."""

import tracemalloc

import numpy as np
import pytest
import scipy.signal
from transformers import audio_utils

from audio import mel as mel_module
from audio.features import frame_features
from audio.mel import MelFeature, mel_blocks
from audio.mel_bands import mel_bands

RATE = 16000


def published_bands() -> np.ndarray:
    """(40, 257) as transformers has them, which are librosa's."""
    return audio_utils.mel_filter_bank(257, 40, 55, 7600, RATE, norm="slaney", mel_scale="slaney").T


def test_bands_are_the_published_ones():
    np.testing.assert_allclose(mel_bands(RATE, 512, 40, 55, 7600), published_bands(), atol=1e-7)


def test_energies_equal_a_plain_fft(speech):
    """Across the border between two blocks, row by row from the definition."""
    decibels = np.concatenate(list(mel_blocks(np.tile(speech, 16), first=5900, last=6100)))
    bands = published_bands()
    taper = np.pad(scipy.signal.get_window("hann", 400), 56)
    sound = np.tile(speech, 16).astype(np.float64)
    for row in (5900, 5999, 6000, 6001, 6099):
        spectrum = np.fft.rfft(sound[row * 160 - 256 : row * 160 + 256] * taper)
        expected = 10 * np.log10(np.maximum(bands @ np.abs(spectrum) ** 2, 1e-12))
        np.testing.assert_allclose(decibels[row - 5900], expected, atol=0.01)


def test_blocks_join_without_a_seam(speech, monkeypatch):
    whole = MelFeature().compute(speech)
    monkeypatch.setattr(mel_module, "BLOCK_ROWS", 37)
    np.testing.assert_allclose(MelFeature().compute(speech), whole, atol=1e-5)


@pytest.mark.parametrize("frequency", [200, 1000, 5000])
def test_a_tone_lights_its_own_band(frequency):
    tone = (0.3 * np.sin(2 * np.pi * frequency * np.arange(RATE) / RATE)).astype(np.float32)
    loudest = MelFeature().compute(tone)[50, :40].argmax()
    lowest, highest = (audio_utils.hertz_to_mel(edge, "slaney") for edge in (55.0, 7600.0))
    centres = audio_utils.mel_to_hertz(np.linspace(lowest, highest, 42), "slaney")[1:-1]
    assert loudest == np.abs(centres - frequency).argmin()


def test_values_lie_within_one_and_speech_fills_them(speech):
    rows = MelFeature().compute(speech)
    assert rows.shape == (400, 80) and rows.dtype == np.float32
    assert rows.min() == -1 and rows.max() == 1


@pytest.mark.parametrize("gain", [0.05, 0.3, 1.9])
def test_loud_and_quiet_recordings_give_the_same_rows(speech, gain):
    np.testing.assert_allclose(MelFeature().compute(gain * speech), MelFeature().compute(speech), atol=1e-4)


def test_a_quiet_16_bit_recording_with_noise_stays_close_where_there_is_speech(speech):
    noise = 1e-4 * np.random.default_rng(1).standard_normal(len(speech)).astype(np.float32)  # -80 dB of full scale
    quiet = np.round((0.05 * speech + noise) * 32768) / 32768
    loud_rows, quiet_rows = MelFeature().compute(speech), MelFeature().compute(quiet.astype(np.float32))
    spoken = loud_rows > 0
    assert spoken.mean() > 0.2
    assert np.abs(quiet_rows - loud_rows)[spoken].mean() < 0.02


def test_silence_and_room_noise_are_not_amplified_to_speech():
    noise = np.random.default_rng(2).standard_normal(5 * RATE).astype(np.float32)
    assert (MelFeature().compute(np.zeros(RATE, np.float32)) == -1).all()
    assert MelFeature().compute(1e-3 * noise).mean() < 0.25  # -60 dB of full scale, a loud room
    assert MelFeature().compute(1e-4 * noise).mean() < -0.25  # -80 dB, a quiet one


@pytest.mark.parametrize("seconds", [1, 60])
def test_silence_around_the_speech_changes_nothing(speech, seconds):
    padded = np.pad(speech, (0, seconds * RATE))
    np.testing.assert_allclose(MelFeature().compute(padded)[:398], MelFeature().compute(speech)[:398], atol=1e-5)


def test_sound_that_starts_200_ms_later_gives_rows_5_frames_later(speech):
    rows = frame_features(MelFeature(), speech, 100)
    delayed = frame_features(MelFeature(), np.pad(speech, (3200, 0)), 105)
    np.testing.assert_allclose(delayed[6:104], rows[1:99], atol=1e-5)
    assert np.abs(delayed[7:104] - rows[1:98]).mean() > 0.05  # one frame off would show


def test_a_click_is_loudest_in_the_row_of_its_time():
    wave = np.zeros(RATE, np.float32)
    wave[8000] = 0.9
    rows = MelFeature().compute(wave)
    both = np.minimum(rows[:, :40].mean(axis=1), rows[:, 40:].mean(axis=1))  # 10 ms before and 10 ms after
    assert both.argmax() == 50


def test_memory_stays_small_for_long_sound(speech):
    """Ten minutes may take a sixth of the gigabyte allowed for an hour."""
    wave = np.tile(speech, 150)
    tracemalloc.start()
    MelFeature().compute(wave)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 160e6
