"""The mel feature of a stream: the whole recording's rows, however the sound comes in pieces."""

import math
import tracemalloc

import numpy as np
import pytest

from audio.features import get_audio_feature, open_stream, windows_at
from audio.mel import MelFeature, mel_blocks, reference_level
from audio.mel_stream import MelStream, RunningLevel
from config.errors import InputError
from media.audio import read_audio

RATE = 16000
VOICES = (
    "talking_woman_10s_25fps.mp4",
    "katiehill.mp4",
    "mandarin_8s_48k_stereo.wav",
    "other_voice_10s.wav",
    "inf.mp4",
)


def streamed(wave: np.ndarray, piece: int, fps: float = 25) -> np.ndarray:
    """The windows (T, 5, 80) of every frame, each asked for as soon as its sound has come, in pieces of so many."""
    stream, windows, begin = open_stream("mel"), [], 0
    times = np.arange(round(len(wave) / RATE * fps)) / fps
    while begin < len(wave):
        stream.push(wave[begin : begin + piece])
        begin += piece
        if begin >= len(wave):
            stream.end()
        batch = [time for time in times[len(windows) :] if stream.has_ended or stream.samples_for(time) <= begin]
        if len(batch):
            windows += list(stream.windows(np.array(batch)))
    return np.stack(windows)


def known_level(monkeypatch, wave: np.ndarray) -> None:
    """Have streams know the level of the whole recording."""
    rows = np.concatenate(list(mel_blocks(wave, 0, math.ceil(len(wave) / 160))))
    monkeypatch.setattr(RunningLevel, "value", reference_level(rows))


@pytest.mark.parametrize("piece", [1, 160, 641, 16000, 10**6])
@pytest.mark.parametrize("fps", [25, 29.97])
def test_windows_equal_the_recordings_but_for_the_level(speech, monkeypatch, piece, fps):
    wave = speech[: RATE // 2 + 77] if piece == 1 else speech[:-77]
    known_level(monkeypatch, wave)
    expected = windows_at(MelFeature().compute(wave), MelFeature.rate, np.arange(round(len(wave) / RATE * fps)) / fps)
    np.testing.assert_allclose(streamed(wave, piece, fps), expected, atol=2e-5)


def test_the_level_is_the_recordings_within_the_stated_tolerance_after_a_second(speech):
    expected = windows_at(MelFeature().compute(speech), MelFeature.rate, np.arange(100) / 25)
    assert np.abs(streamed(speech, 640) - expected)[25:].max() < 0.05


def test_real_voices_are_within_the_stated_tolerance_after_a_second_of_speech(real_clip):
    worst = []
    for name in VOICES:
        wave = read_audio(real_clip(name))
        frames = round(len(wave) / RATE * 25)
        expected = windows_at(MelFeature().compute(wave), MelFeature.rate, np.arange(frames) / 25)
        error = np.abs(streamed(wave, 640) - expected)
        worst.append(error[50:].max())  # a second of speech has been heard by the second second
    assert max(worst) < 0.11 and np.median(worst) < 0.06, worst


def test_sound_that_is_taken_back_was_never_there(speech, monkeypatch):
    other = np.concatenate((speech[:20000], np.zeros(12000, np.float32)))
    known_level(monkeypatch, other)
    stream = MelStream()
    stream.push(speech[:21500])
    before = stream.windows(np.arange(30) / 25)  # up to 1.16 s: samples up to 20,656 were used
    stream.cut(20000)
    stream.push(other[20000:])
    after = stream.windows(np.arange(30, 44) / 25)
    expected = windows_at(MelFeature().compute(other), MelFeature.rate, np.arange(44) / 25)
    np.testing.assert_allclose(before[:27], expected[:27], atol=2e-5)  # later ones heard what was taken back
    np.testing.assert_allclose(after, expected[30:], atol=2e-5)


def test_noise_before_speech_is_not_taken_for_speech(speech):
    hiss = 1e-3 * np.random.default_rng(0).standard_normal(3 * RATE).astype(np.float32)
    wave = np.concatenate((hiss, speech))
    expected = windows_at(MelFeature().compute(wave), MelFeature.rate, np.arange(175) / 25)
    found = streamed(wave, 640)
    assert np.abs(found - expected)[:70].mean() < 0.1 and np.abs(found - expected)[100:].max() < 0.05


def test_a_louder_voice_is_followed_and_a_bang_forgotten(speech):
    rows = np.concatenate(list(mel_blocks(speech, 0, 400)))
    level, quiet = RunningLevel(), reference_level(rows)
    for _ in range(30):
        level.add(rows)
    assert level.value == pytest.approx(quiet, abs=0.2)
    level.add(rows[:1] + 60)
    for _ in range(60):
        level.add(rows + 12)
    assert level.value == pytest.approx(quiet + 12, abs=0.5)


def test_memory_does_not_grow_with_the_stream(speech):
    stream = MelStream()

    def hour(minutes: int) -> None:
        for _ in range(minutes * 15):
            stream.push(speech)
            stream.windows(np.array([stream.length / RATE - 0.2]))

    hour(1)
    tracemalloc.start()
    hour(5)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 2**20 and len(stream.wave) < 6 * RATE


def test_what_has_not_come_cannot_be_asked_for(speech):
    stream = MelStream()
    stream.push(speech[:1600])
    with pytest.raises(ValueError, match="has not come"):
        stream.windows(np.array([0.0]))
    with pytest.raises(InputError, match="NaN"):
        stream.push(np.full(10, np.nan, np.float32))


@pytest.mark.parametrize("spec", ["deepspeech", "hf:facebook/hubert-base-ls960"])
def test_features_that_hear_the_whole_recording_say_so_in_a_line(spec):
    with pytest.raises(InputError, match=f"{spec} cannot be had live") as refused:
        open_stream(spec)
    assert "\n" not in str(refused.value)


def test_every_feature_says_how_much_future_it_needs(encoders):
    assert get_audio_feature("mel").future == pytest.approx(0.026)
    assert math.isinf(get_audio_feature(f"hf:{encoders['hubert']}").future)
