"""Sound compared with PyAV's own decoding and with the wave module."""

import wave

import av
import numpy as np
import pytest
from clips import AUDIO_RATE, rising_tone, write_clip
from scipy.io import wavfile
from talking_photo import write_speech

from config.errors import InputError
from media.audio import decode_pcm, read_audio, to_pcm16, write_wav


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("sound") / "matroska.mkv", 50)


def test_a_wav_is_read_bit_by_bit(tmp_path):
    path = write_speech(tmp_path / "speech.wav", 0.5)
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert np.array_equal(np.round(read_audio(path) * 32768), samples)
    assert np.array_equal(to_pcm16(read_audio(path)), samples)


def test_sound_of_a_video_is_pyavs(clip):
    with av.open(str(clip)) as container:
        frames = list(container.decode(audio=0))
    direct = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    first = round(frames[0].time * AUDIO_RATE)  # the coder's delay before time 0
    ours = read_audio(clip, rate=AUDIO_RATE)
    expected = direct[max(0, -first) :]
    length = min(len(ours), len(expected))
    assert length > 1.9 * AUDIO_RATE and np.abs(ours[:length] - expected[:length]).max() < 1e-3


def test_start_and_duration_cut_and_pad(clip):
    tone = rising_tone(2.0) / 32768
    part = read_audio(clip, AUDIO_RATE, start=0.5, duration=0.4)
    assert len(part) == round(0.4 * AUDIO_RATE)
    assert np.corrcoef(part, tone[round(0.5 * AUDIO_RATE) :][: len(part)])[0, 1] > 0.99
    padded = read_audio(clip, AUDIO_RATE, start=1.5, duration=3)
    assert len(padded) == 3 * AUDIO_RATE and not padded[AUDIO_RATE:].any()
    early = read_audio(clip, AUDIO_RATE, start=-0.25, duration=0.5)
    assert not early[: AUDIO_RATE // 4 - 2000].any() and np.abs(early[-AUDIO_RATE // 8 :]).max() > 0.1


def test_time_zero_is_the_first_picture_even_if_sound_begins_later(tmp_path):
    clip = write_clip(tmp_path / "matroska.mkv", 50, audio_start=0.3)
    sound = np.abs(read_audio(clip, 16000))
    begins = np.flatnonzero(sound > 0.05)[0] / 16000
    assert abs(begins - 0.3) < 0.03


def test_blocks_are_small_and_stereo_where_asked(clip):
    blocks = list(decode_pcm(clip, 48000, "stereo", duration=1.0))
    assert sum(map(len, blocks)) == 48000 and max(map(len, blocks)) <= 1024
    assert all(block.dtype == np.int16 and block.shape[1] == 2 for block in blocks)


def test_pcm16_rounds_and_clips(tmp_path):
    values = np.array([-2, -1, -0.4 / 32768, 0.6 / 32768, 0.5, 1, 2], np.float32)
    expected = [-32768, -32768, 0, 1, 16384, 32767, 32767]
    assert to_pcm16(values).tolist() == expected and to_pcm16(values).dtype == np.int16
    write_wav(tmp_path / "x.wav", values)
    with wave.open(str(tmp_path / "x.wav")) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (1, 16000, 2)
        assert np.frombuffer(file.readframes(99), "<i2").tolist() == expected


def test_no_sound_and_no_file_are_named(tmp_path):
    silent = write_clip(tmp_path / "web.webm", 5)
    with pytest.raises(InputError, match=r"web\.webm has no sound"):
        read_audio(silent)
    with pytest.raises(InputError, match=r"absent\.wav"):
        read_audio(tmp_path / "absent.wav")
    (tmp_path / "text.wav").write_text("words")
    with pytest.raises(InputError, match=r"text\.wav cannot be read as a sound file"):
        read_audio(tmp_path / "text.wav")


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("value", [np.nan, np.inf, None])
def test_float_samples_that_are_not_finite_are_refused(tmp_path, kind, value):
    samples = np.linspace(-0.5, 0.5, 16000, dtype=kind)
    if value is not None:
        samples[12000] = value
    wavfile.write(tmp_path / "float.wav", 16000, samples)
    if value is None:
        assert np.abs(read_audio(tmp_path / "float.wav") - samples).max() < 1e-4
        return
    with pytest.raises(InputError, match="float.wav: the sound holds values that are not finite"):
        read_audio(tmp_path / "float.wav")


@pytest.mark.parametrize("name", ["index last.mp4", "matroska.mkv", "flash.flv", "old.avi"])
def test_sound_from_the_middle_of_a_long_file_is_the_same_as_when_all_is_read(tmp_path, name):
    clip = write_clip(tmp_path / name, 150)
    whole = read_audio(clip, AUDIO_RATE)
    for start in (2.5, 3.21, 5.0):
        part = read_audio(clip, AUDIO_RATE, start=start, duration=0.6)
        first, inner = round(start * AUDIO_RATE), slice(1000, -1000)
        moved = range(-45, 46) if name.endswith(".mkv") else (0,)  # Matroska's times are whole milliseconds
        apart = [np.abs(part[inner] - whole[first + by :][: len(part)][inner]).max() for by in moved]
        assert min(apart) < 2e-3
