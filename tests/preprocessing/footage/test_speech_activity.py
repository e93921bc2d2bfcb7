"""Speech activity follows the times of the phonemes, and nothing but speech counts."""

import numpy as np
import pytest
import torch

from config.constants import FPS, SAMPLE_RATE
from media.audio import read_audio
from preprocessing.footage.speech import BLOCK, SpeechDetector, speech_activity
from sample_speaker.speech import Voice, synthesize_sentences

SENTENCES = [
    "The quick brown fox jumps over the lazy dog near the river bank.",
    "She sells sea shells by the shore, and he buys them.",
]


@pytest.fixture(scope="module", params=["en-us", "en-gb-x-rp+f1", "cmn"])
def spoken(request) -> tuple[np.ndarray, np.ndarray]:
    """A voice with pauses of a second, and in which frames it speaks."""
    sentences = ["今天天气很好，我们去公园散步吧。", "请把门关上，谢谢。"] if request.param == "cmn" else SENTENCES
    wave, phonemes = synthesize_sentences(sentences, Voice(request.param), pause=1.0)
    wave = wave[: len(wave) // 640 * 640]
    speaks = np.zeros(len(wave) // 640, bool)
    for start, end, name in phonemes:
        if name:
            speaks[int(start * FPS) : int(np.ceil(end * FPS))] = True
    return wave, speaks


def noise(length: int) -> np.ndarray:
    """Pink noise of RMS 1."""
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(length))
    wave = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)), length)
    return wave / wave.std()


def music(length: int) -> np.ndarray:
    """Chords of harmonic tones that die away, a drum on every second beat, of RMS 1."""
    rng, time, wave = np.random.default_rng(0), np.arange(length) / SAMPLE_RATE, np.zeros(length)
    for beat in range(int(length / SAMPLE_RATE / 0.4)):
        since = np.maximum(time - beat * 0.4, 0)
        root = rng.choice([130.8, 164.8, 196.0, 220.0, 261.6])
        tones = sum(np.sin(2 * np.pi * root * step * h * time) / h for step in (1, 1.25, 1.5) for h in range(1, 6))
        wave += (since > 0) * np.exp(-4 * since) * tones
        wave += (since > 0) * (beat % 2) * np.exp(-30 * since) * rng.standard_normal(length)
    return wave / wave.std()


def mixed(wave: np.ndarray, other: np.ndarray, decibels: float) -> np.ndarray:
    level = np.sqrt((wave[wave != 0] ** 2).mean())
    result = wave + other * level * 10 ** (-decibels / 20)
    return (result / max(1, np.abs(result).max())).astype(np.float32)


@pytest.mark.parametrize("change", ["as it is", "quiet", "in noise", "over music"])
def test_speech_is_found_where_it_is(spoken, change):
    wave, speaks = spoken
    changed = {
        "as it is": lambda: wave,
        "quiet": lambda: wave * np.float32(0.03),
        "in noise": lambda: mixed(wave, noise(len(wave)), 10),
        "over music": lambda: mixed(wave, music(len(wave)), 10),
    }[change]()
    found = speech_activity(changed)
    assert len(found) == len(speaks)
    assert found[speaks].mean() > 0.93
    assert found[~speaks].mean() < 0.2


@pytest.mark.parametrize(
    "wave",
    [
        np.zeros(10 * SAMPLE_RATE),
        0.05 * noise(10 * SAMPLE_RATE),
        0.1 * music(10 * SAMPLE_RATE),
        0.1 * np.sin(np.arange(10 * SAMPLE_RATE) * 2 * np.pi * 50 / SAMPLE_RATE),
    ],
    ids=["silence", "noise", "music", "hum"],
)
def test_other_sound_is_no_speech(wave):
    assert speech_activity(wave.astype(np.float32)).mean() < 0.02


def test_pieces_make_no_difference(spoken):
    wave = spoken[0][: 5 * SAMPLE_RATE + 333]
    detector, start = SpeechDetector(), 0
    for length in np.random.default_rng(0).integers(0, 5000, 100):
        detector.feed(wave[start : start + length])
        assert len(detector.rest) < BLOCK
        start += length
    assert start > len(wave)
    np.testing.assert_array_equal(detector.finish(), speech_activity(wave))


def test_recordings_do_not_touch_each_other(spoken):
    wave = spoken[0][: 4 * SAMPLE_RATE]
    alone, first, second = speech_activity(wave), SpeechDetector(), SpeechDetector()
    for start in range(0, len(wave), 6400):
        first.feed(wave[start : start + 6400])
        second.feed(np.zeros(6400, np.float32))
    np.testing.assert_array_equal(first.finish(), alone)
    assert not second.finish().any()


def test_sound_of_less_than_a_frame():
    assert len(speech_activity(np.zeros(639, np.float32))) == 0
    assert len(speech_activity(np.zeros(0, np.float32))) == 0


def test_the_number_of_threads_stays():
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        SpeechDetector()
        assert torch.get_num_threads() == threads + 1
    finally:
        torch.set_num_threads(threads)


def test_real_clips_speak(real_clip):
    for name, least in (
        ("katiehill.mp4", 0.8),
        ("talking_man_20s_25fps.mp4", 0.6),
        ("mandarin_8s_48k_stereo.wav", 0.5),
    ):
        assert least < speech_activity(read_audio(real_clip(name))).mean() < 1
