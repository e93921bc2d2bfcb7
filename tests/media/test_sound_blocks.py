"""media/sound_blocks.py, sound_writer.py and loudness.py: streams of sound in, files of four kinds out."""

import wave
from pathlib import Path

import av
import numpy as np
import pytest
from scipy.signal import lfilter, resample_poly

from config.errors import InputError
from media.loudness import HIGHEST_PEAK, measure_loudness, with_loudness
from media.sound_blocks import SoundFormat, probe_sound, read_blocks
from media.sound_writer import writable_format, write_sound

RATE = 48000


def noise(seconds: float, channels: int = 1, rate: int = RATE, seed: int = 0) -> np.ndarray:
    """Bursts of noise whose level changes like that of speech."""
    rng, count = np.random.default_rng(seed), round(seconds * rate)
    level = 0.02 + 0.1 * (np.sin(2 * np.pi * 1.7 * np.arange(count) / rate) > 0)
    return (rng.standard_normal((count, channels)) * level[:, None]).astype(np.float32)


def tone(frequency: float, rate: int, seconds: float = 1.0, level: float = 0.5) -> np.ndarray:
    return (level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)).astype(np.float32)[:, None]


def blocks(samples: np.ndarray, size: int = 1000):
    return (samples[start : start + size] for start in range(0, len(samples), size))


def decode(path: Path) -> tuple[np.ndarray, int]:
    """(n, channels) and the rate, by PyAV alone."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    planes = [frame.to_ndarray() for frame in frames]
    if not frames[0].format.is_planar:
        planes = [plane.reshape(-1, frame.layout.nb_channels).T for plane, frame in zip(planes, frames, strict=True)]
    samples = np.concatenate(planes, axis=1).T
    scale = {"s16": 2**15, "s16p": 2**15, "s32": 2**31}.get(frames[0].format.name, 1)
    return samples / scale, frames[0].sample_rate


def bs1770(samples: np.ndarray) -> float:
    """Integrated loudness in LUFS of (n, channels) at 48 kHz, from the text of ITU-R BS.1770-4."""
    shelf = [1.53512485958697, -2.69169618940638, 1.19839281085285], [1, -1.69065929318241, 0.73248077421585]
    high_pass = [1.0, -2.0, 1.0], [1, -1.99004745483398, 0.99007225036621]
    weighted = lfilter(*high_pass, lfilter(*shelf, samples, axis=0), axis=0)
    size, step = round(0.4 * RATE), round(0.1 * RATE)
    starts = range(0, len(weighted) - size + 1, step)
    powers = np.array([np.square(weighted[start : start + size]).mean(0).sum() for start in starts])
    loud = powers[-0.691 + 10 * np.log10(powers + 1e-20) > -70]
    gate = -0.691 + 10 * np.log10(loud.mean()) - 10
    return -0.691 + 10 * np.log10(loud[-0.691 + 10 * np.log10(loud) > gate].mean())


@pytest.mark.parametrize("layout", ["mono", "stereo", "5.1"])
@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_16_bit_sound_passes_unchanged(tmp_path, suffix, layout):
    sound = SoundFormat(44100, layout)
    samples = np.clip(np.round(noise(0.7, sound.channels) * 32768), -32768, 32767) / 32768
    path = tmp_path / f"a.{suffix}"
    assert write_sound(path, blocks(samples), sound) == len(samples) / 44100
    assert probe_sound(path) == sound
    again, rate = decode(path)
    assert rate == 44100 and np.array_equal(again, samples)
    assert np.array_equal(np.concatenate(list(read_blocks(path, sound))), samples.astype(np.float32))


@pytest.mark.parametrize("suffix", ["mp3", "m4a"])
@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
@pytest.mark.parametrize("layout", ["mono", "stereo"])
def test_lossy_files_have_the_same_sound_in_the_same_place(tmp_path, suffix, rate, layout):
    sound, path = SoundFormat(rate, layout), tmp_path / f"a.{suffix}"
    samples = np.repeat(tone(300, rate, 1.5) * np.hanning(round(1.5 * rate))[:, None], sound.channels, 1)
    write_sound(path, blocks(samples), sound)
    again = np.concatenate(list(read_blocks(path, sound)))
    assert abs(len(again) - len(samples)) <= 2400
    count = min(len(again), len(samples))
    assert np.abs(again[:count] - samples[:count]).max() < 0.03


def test_resampling_keeps_what_fits_and_drops_what_does_not(tmp_path):
    path = tmp_path / "a.wav"
    write_sound(
        path, blocks(tone(1000, RATE) / 2 + tone(7900, RATE) / 4 + tone(11000, RATE) / 4), SoundFormat(RATE, "mono")
    )
    low = np.concatenate(list(read_blocks(path, SoundFormat(16000, "mono"))))[:, 0]
    assert len(low) == 16000
    middle = slice(1000, 15000)
    spectrum = np.abs(np.fft.rfft(low[middle] * np.hanning(14000))) * 4 / 14000
    frequency = np.fft.rfftfreq(14000, 1 / 16000)
    assert spectrum[np.abs(frequency - 1000).argmin()] == pytest.approx(0.25, rel=0.01)
    assert spectrum[(frequency > 4900) & (frequency < 5100)].max() < 1e-3  # where 11 kHz would be mirrored to
    expected = resample_poly(tone(1000, RATE)[:, 0] / 2, 1, 3)[middle]
    assert np.abs(low[middle] - expected).max() < 0.13  # the tone at the edge of what fits


@pytest.mark.parametrize("layout", ["stereo", "5.1", "quad"])
def test_mixing_to_mono_does_not_clip(tmp_path, layout):
    sound, path = SoundFormat(RATE, layout), tmp_path / "a.wav"
    write_sound(path, blocks(np.repeat(tone(440, RATE, level=0.99), sound.channels, 1)), sound)
    mono = np.concatenate(list(read_blocks(path, SoundFormat(RATE, "mono"))))
    assert 0.9 < np.abs(mono).max() <= 1.0
    if layout == "stereo":
        assert np.allclose(mono, tone(440, RATE, level=0.99), atol=1e-4)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("scale", [1.0, 0.01])
def test_loudness_is_that_of_the_standard(channels, scale):
    samples = noise(4, channels) * scale
    measured = measure_loudness(blocks(samples), SoundFormat(RATE, "mono" if channels == 1 else "stereo"))
    assert measured.integrated == pytest.approx(bs1770(samples), abs=0.05)
    finely = resample_poly(samples, 8, 1, axis=0)
    peak = np.abs(finely).max()
    assert -0.5 < measured.peak - 20 * np.log10(peak) < 0.5 + 20 * np.log10(1 + 0.001 / peak)


@pytest.mark.parametrize("target", [-30.0, -23.0, -16.0, -12.0])
def test_a_stream_is_brought_to_a_loudness_without_clipping(target):
    sound, samples = SoundFormat(RATE, "stereo"), noise(4, 2)
    stream, reached = with_loudness(lambda: blocks(samples), sound, target)
    changed = np.concatenate(list(stream))
    assert changed.shape == samples.shape
    assert bs1770(changed) == pytest.approx(target, abs=0.2) and reached == pytest.approx(target, abs=0.1)
    assert 20 * np.log10(np.abs(resample_poly(changed, 8, 1, axis=0)).max()) < HIGHEST_PEAK + 0.1
    if target <= -23:  # one gain
        ratio = changed[np.abs(samples) > 0.01] / samples[np.abs(samples) > 0.01]
        assert np.ptp(ratio) < 1e-4 * abs(ratio.mean())


def test_silence_and_short_sound_have_no_loudness():
    sound = SoundFormat(RATE, "mono")
    with pytest.raises(InputError, match="silence"):
        measure_loudness(blocks(np.zeros((RATE, 1), np.float32)), sound)
    with pytest.raises(InputError, match="lasts 0.20 s"):
        measure_loudness(blocks(noise(0.2)), sound)
    with pytest.raises(InputError, match="lasts 0.00 s"):
        measure_loudness(iter(()), sound)


def test_formats_that_a_file_cannot_hold_become_the_nearest():
    assert writable_format("mp3", SoundFormat(96000, "5.1")) == SoundFormat(48000, "stereo")
    assert writable_format("m4a", SoundFormat(23000, "mono")) == SoundFormat(24000, "mono")
    assert writable_format("wav", SoundFormat(96000, "5.1")) == SoundFormat(96000, "5.1")


@pytest.mark.parametrize("content, said", [(b"", "cannot be read"), (b"text", "cannot be read"), (None, "not a file")])
def test_what_holds_no_sound_is_named(tmp_path, content, said):
    path = tmp_path / "a.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=said) as refused:
        probe_sound(path)
    assert str(path) in str(refused.value)


def test_a_sound_file_without_samples_is_named(tmp_path):
    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
    with pytest.raises(InputError, match="no sound"):
        probe_sound(path)


def test_nothing_is_written_of_nothing(tmp_path):
    with pytest.raises(InputError, match="nothing is left"):
        write_sound(tmp_path / "a.wav", iter(()), SoundFormat(RATE, "mono"))
    assert not list(tmp_path.iterdir())
