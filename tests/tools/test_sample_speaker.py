"""tools/sample_speaker.py as a program: what it writes, and what it refuses."""

from pathlib import Path

import numpy as np
import pytest
from programs import run_program

from media.audio import read_audio
from sample_speaker.speech import Voice, synthesize_sentences

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "sample_speaker.py"


def test_speech_only_writes_a_wave_file(tmp_path):
    output = tmp_path / "一 句话.wav"
    flags = ["--speech_only", "Hello there.", "--output", output, "--voice", "en-gb-x-rp"]
    assert run_program(SCRIPT, *flags).returncode == 0
    assert np.array_equal(
        np.round(read_audio(output) * 32768),
        np.round(synthesize_sentences(["Hello there."], Voice("en-gb-x-rp"))[0] * 32768),
    )


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--voice", "no-such-voice"], "--voice"),
        (["--sentences", "missing.txt"], "missing.txt"),
        (["--size", "301"], "--size"),
        (["--speech_only", "..."], "'...'"),
        (["--speech_only", b"\xff\xfe"], "nothing to say"),
        (["--voice", b"\xff"], "--voice"),
    ],
)
def test_bad_input_is_one_line_and_status_2(flags, named, tmp_path):
    result = run_program(SCRIPT, "--output_folder", "out", "--number", "1", "--seconds", "1", *flags, cwd=tmp_path)
    assert result.returncode == 2
    assert named in result.stderr and result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "flags",
    [
        ["--speech_only", "mine.txt", "--output", "./mine.txt"],
        ["--sentences", "speaker_01_mouth.csv", "--output_folder", ".", "--number", "2"],
    ],
)
def test_a_text_is_not_written_over(flags, tmp_path):
    for name in ("mine.txt", "speaker_01_mouth.csv"):
        (tmp_path / name).write_text("Hello there.")
    result = run_program(SCRIPT, *flags, cwd=tmp_path)
    assert result.returncode == 2 and result.stderr.count("\n") == 1 and flags[0] in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.txt", "speaker_01_mouth.csv"]
    assert all(path.read_text() == "Hello there." for path in tmp_path.iterdir())
