"""tools/audio.py as a program: what it makes of files and folders, and what it refuses."""

import hashlib
import os
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
from programs import run_program
from talking_photo import write_speech, write_video

from config.config import AudioOptions
from config.errors import InputError
from media.audio import write_wav
from media.loudness import measure_loudness
from media.sound_blocks import SoundFormat, probe_sound, read_blocks
from media.sound_writer import write_sound
from media.video import VideoWriter
from sample_speaker.speech import Voice, synthesize_sentences
from tools.audio import run as run_tool

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "audio.py"
SENTENCE = "My brother bought a broken piano, and plays it every evening."


def run(*arguments: object, folder: Path | None = None) -> subprocess.CompletedProcess:
    return run_program(SCRIPT, *arguments, cwd=folder)


def sound_of(path: Path, layout: str = "mono", rate: int | None = None) -> np.ndarray:
    return np.concatenate(list(read_blocks(path, SoundFormat(rate or probe_sound(path).rate, layout))))


def loudness_of(path: Path) -> float:
    sound = probe_sound(path)
    return measure_loudness(read_blocks(path, sound), sound).integrated


def state(folder: Path) -> dict[str, tuple]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns) for path in files}


@pytest.fixture(scope="module")
def speech(tmp_path_factory) -> Path:
    """A sentence of the sample speaker, 16 kHz mono, with a second of silence before and after."""
    path = tmp_path_factory.mktemp("speech") / "speech.wav"
    wave, _ = synthesize_sentences([SENTENCE], Voice("en-us"))
    quiet = np.zeros(16000, np.float32)
    write_wav(path, np.concatenate([quiet, 0.4 * wave, quiet]))
    return path


@pytest.mark.parametrize("suffix", ["wav", "mp3", "flac", "m4a"])
def test_the_sample_speaker_is_brought_to_minus_23(speech, tmp_path, suffix):
    output = tmp_path / f"out.{suffix}"
    result = run(speech, "--output", output, "--loudness", "-23", "--rate", "48000")
    assert result.returncode == 0 and "-23.0 LUFS" in result.stdout, result.stderr
    assert loudness_of(output) == pytest.approx(-23, abs=0.5) and probe_sound(output).rate == 48000


@pytest.mark.parametrize("name", ["katiehill.mp4", "grid_brbk7n.mpg", "mandarin_8s_48k_stereo.wav", "vr1.mp4"])
@pytest.mark.parametrize("target", [-23.0, -16.0])
def test_real_speech_is_brought_to_a_loudness(real_clip, tmp_path, name, target):
    output = tmp_path / "out.wav"
    assert run_tool([real_clip(name)], AudioOptions(output=str(output), loudness=target)) == 0
    assert loudness_of(output) == pytest.approx(target, abs=0.5)


def test_all_at_once_on_a_folder(tmp_path, speech):
    root = tmp_path / "in 'put' 目录"
    (root / "sub").mkdir(parents=True)
    data = speech.read_bytes()
    for name in ("a.wav", 'sub/say "hi".wav', "sub/two\nlines.wav", "sub/中文.wav", ".hidden.wav", "notes.txt"):
        (root / name).write_bytes(data)
    with VideoWriter(root / "clip.mp4", 64, 64, 25, audio_path=speech) as writer:
        for _ in range(100):
            writer.write(np.zeros((64, 64, 3), np.uint8))
    before = state(root)
    flags = ["--rate", "24000", "--mono", "--trim", "--loudness", "-20", "--pad", "0.25", "--format", "flac"]
    result = run(root, "--output", tmp_path / "out", *flags)
    assert result.returncode == 0 and "audio: 5 done" in result.stdout and state(root) == before, result.stderr
    made = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*"))
    assert made == sorted(["a.flac", "clip.flac", 'sub/say "hi".flac', "sub/two\nlines.flac", "sub/中文.flac"])
    output = tmp_path / "out" / "a.flac"
    assert probe_sound(output) == SoundFormat(24000, "mono") and loudness_of(output) == pytest.approx(-20, abs=0.2)
    samples = sound_of(output)[:, 0]
    sounding = np.flatnonzero(np.abs(samples) > 10 ** (-50 / 20))
    assert not samples[:6000].any() and not samples[-6000:].any()
    assert 6000 < sounding[0] < 6000 + 0.06 * 24000 and sounding[-1] > len(samples) - 6000 - 0.06 * 24000
    spoken = np.flatnonzero(np.abs(sound_of(speech)[:, 0]) > 10 ** (-50 / 20))
    assert abs(np.ptp(sounding) / 24000 - np.ptp(spoken) / 16000) < 0.02


def test_a_cut_is_that_part_of_the_file(tmp_path, speech):
    output = tmp_path / "cut.wav"
    assert run(speech, "--output", output, "--start", "1.25", "--end", "2.5").returncode == 0
    assert np.array_equal(sound_of(output), sound_of(speech)[20000:40000])
    assert run(speech, "--output", output, "--end", "900").returncode == 0
    assert np.array_equal(sound_of(output), sound_of(speech))


def test_nothing_asked_for_is_a_conversion_without_loss(tmp_path, speech):
    assert run(speech, "--output", tmp_path / "a.flac").returncode == 0
    assert np.array_equal(sound_of(tmp_path / "a.flac"), sound_of(speech))


def steepest(samples: np.ndarray) -> float:
    """The largest second difference, which a click is."""
    return float(np.abs(np.diff(samples, 2)).max())


def test_joined_files_do_not_click(tmp_path):
    time = np.arange(16000) / 16000
    for number, phase in enumerate((0.0, 1.6, 3.0)):  # so that waves meet at their worst
        write_wav(tmp_path / f"{number}.wav", (0.7 * np.cos(2 * np.pi * 220 * time + phase)).astype(np.float32))
    paths = [tmp_path / f"{number}.wav" for number in range(3)]
    clean = steepest(sound_of(paths[0])[:, 0])
    assert run(*paths, "--output", tmp_path / "hard.wav", "--join", "--crossfade", "0").returncode == 0
    hard = sound_of(tmp_path / "hard.wav")[:, 0]
    assert len(hard) == 48000 and steepest(hard) > 20 * clean
    assert run(*paths, "--output", tmp_path / "soft.wav", "--join").returncode == 0
    soft = sound_of(tmp_path / "soft.wav")[:, 0]
    assert len(soft) == 48000 - 2 * 320 and steepest(soft) < 1.5 * clean
    assert np.abs(soft[10000:15000] - sound_of(paths[0])[10000:15000, 0]).max() < 1e-4


def test_files_of_several_formats_are_joined(tmp_path, speech):
    write_sound(tmp_path / "b.mp3", read_blocks(speech, SoundFormat(44100, "stereo")), SoundFormat(44100, "stereo"))
    write_sound(tmp_path / "c.flac", read_blocks(speech, SoundFormat(8000, "mono")), SoundFormat(8000, "mono"))
    output = tmp_path / "all.m4a"
    result = run(speech, tmp_path / "b.mp3", tmp_path / "c.flac", "--output", output, "--join", "--loudness", "-23")
    assert result.returncode == 0, result.stderr
    assert probe_sound(output) == SoundFormat(44100, "stereo") and loudness_of(output) == pytest.approx(-23, abs=0.5)
    seconds = len(sound_of(speech)) / 16000
    assert len(sound_of(output)) / 44100 == pytest.approx(3 * seconds - 0.04, abs=0.1)


@pytest.fixture
def mixed(tmp_path, speech) -> Path:
    """A folder of files with sound, without, and with nothing to be heard."""
    root = tmp_path / "mixed"
    root.mkdir()
    (root / "good.wav").write_bytes(speech.read_bytes())
    (root / "good too.wav").write_bytes(speech.read_bytes())
    (root / "empty.wav").touch()
    (root / "text.mp3").write_text("not sound " * 100)
    (root / "cut.flac").write_bytes(b"fLaC\0\0\0\x22" + bytes(20))
    write_video(root / "mute.mp4", 10)
    write_wav(root / "silent.wav", np.zeros(16000, np.float32))
    with av.open(str(root / "nan.wav"), "w") as container:
        stream = container.add_stream("pcm_f32le", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.full((1, 16000), np.nan, np.float32), format="flt", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return root


def test_what_has_no_sound_is_named_and_the_others_go_on(mixed, tmp_path):
    result = run(mixed, "--output", tmp_path / "out", "--trim", "--loudness", "-23", "--format", "wav")
    assert result.returncode == 1 and "audio: 2 done, 0 up to date, 6 failed" in result.stdout
    failures = [line for line in result.stdout.splitlines() if "FAILED" in line]
    for name, reason in (
        ("empty.wav", "cannot be read"),
        ("text.mp3", "cannot be read"),
        ("cut.flac", ""),
        ("mute.mp4", "has no sound"),
        ("silent.wav", "is silence"),
        ("nan.wav", "NaN or infinite"),
    ):
        assert any(f"{name}: FAILED" in line and reason in line for line in failures), (name, failures)
    assert "Error" not in result.stdout and "Traceback" not in result.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["good too.wav", "good.wav"]


def test_files_that_are_joined_stand_or_fall_together(mixed, tmp_path):
    result = run(mixed / "good.wav", mixed / "mute.mp4", "--output", tmp_path / "out.wav", "--join")
    assert result.returncode == 2 and result.stderr.count("\n") == 1 and "mute.mp4 has no sound" in result.stderr
    assert not (tmp_path / "out.wav").exists()


# Bad input


def test_no_file_that_is_read_is_written_to(tmp_path, speech):
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(speech.read_bytes())
    (tmp_path / "link.wav").symlink_to("a.wav")
    os.link(tmp_path / "b.wav", tmp_path / "hard.wav")
    before = state(tmp_path)
    for arguments in (
        ["a.wav", "--output", "a.wav"],
        ["a.wav", "--output", "./link.wav"],
        ["b.wav", "--output", "hard.wav"],
        ["a.wav", "b.wav", "--output", "b.wav", "--join"],
        ["a.wav", "--output", "."],
        [".", "--output", "."],
        [".", "--output", "below/out"],
        [".", "--output", "new.wav", "--join"],
        ["a.wav", "b.wav", "--output", tmp_path],
    ):
        result = run(*arguments, folder=tmp_path)
        assert result.returncode == 2 and result.stderr.startswith("error: --output"), (arguments, result.stderr)
        assert result.stderr.count("\n") == 1 and state(tmp_path) == before


BAD = {
    "": "SOUND",
    "a.wav": "--output is missing",
    "missing.wav --output out": "missing.wav: no such file",
    "empty --output out": "empty holds no sound files",
    "a.wav sub/a.wav --output out": "would both become",
    "a.wav a.wav --output out --start 5 --end 4": "--end is 4",
    "a.wav --output out.mp3 --rate 12345": "--rate is 12345",
    "a.wav --output out.mp3 --format wav": "--format is wav",
    "a.wav --output out.ogg --join": "does not end in",
    "a.wav sub/a.wav --output out.wav": "is the name of a file",
    "a.wav --output out.ogg": "is the name of a file",
    "a.wav --output out --loudness nan": "--loudness",
    "a.wav --output out --loudness 5": "--loudness",
    "a.wav --output out --pad -1": "--pad",
    "a.wav --output out --rate 0": "--rate",
    "a.wav --output out --format ogg": "--format",
    "a.wav --output a.wav/out": "--output",
    f"a.wav --output {'n' * 300}": "--output",
}


@pytest.mark.parametrize("arguments", BAD)
def test_a_wrong_command_line_is_one_line_and_status_2(tmp_path, speech, arguments):
    for name in ("a.wav", "sub/a.wav", "empty/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(speech.read_bytes())
    before = state(tmp_path)
    result = run(*arguments.split(), folder=tmp_path)
    assert result.returncode == 2 and result.stderr.startswith("error: "), result.stderr
    assert result.stderr.count("\n") == 1 and BAD[arguments] in result.stderr
    assert state(tmp_path) == before


def test_a_file_that_ends_before_the_cut_is_named(tmp_path):
    path = write_speech(tmp_path / "a.wav", 1)
    with pytest.raises(InputError, match="ends before --start 2 s"):
        run_tool([path], AudioOptions(output=str(tmp_path / "b.wav"), start=2, join=True))
