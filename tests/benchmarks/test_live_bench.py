"""The live benchmark measures what it says: lateness by the clock, sound against picture, closed mouths."""

from pathlib import Path

import numpy as np
import pytest
from talking_photo import tiny_spec, write_checkpoint, write_video

from benchmarks.live import LiveBenchmarkOptions
from benchmarks.live_pace import interrupt_figures, opening_seconds, pace_figures, sound_offset
from config.config import AvatarOptions
from dubbing.avatar_making import make_avatar
from media.audio import write_wav


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    write_video(folder / "face.mp4", 20)
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, 3 * 16000).astype(np.float32)
    write_wav(folder / "speech.wav", noise)
    write_checkpoint(folder, tiny_spec()).rename(folder / "tiny.pth")
    make_avatar(AvatarOptions(str(folder / "face.mp4"), str(folder / "tiny.pth"), cache_folder=""), folder / "anna")
    return folder


def options(folder: Path, **changes: object) -> LiveBenchmarkOptions:
    return LiveBenchmarkOptions(truth=str(folder / "speech.wav"), device="cpu", precision="fp32", **changes)


def test_a_paced_stream_is_measured_against_the_clock(material, tmp_path):
    figures = pace_figures(options(material, minutes=0.07), material / "anna", tmp_path / "out.mkv")
    assert figures["frames a second"] > 15 and 0 <= figures["latency, median ms"] < 2000
    assert figures["sound against picture in the file, most ms"] < 20
    assert opening_seconds(material / "anna") < 1


def test_sound_out_of_step_is_found(tmp_path):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 5 * 16000).astype(np.float32)
    write_wav(tmp_path / "late.wav", np.concatenate((np.zeros(560, np.float32), noise)))
    assert sound_offset(tmp_path / "late.wav", noise, 5.0) == pytest.approx(0.035, abs=1e-4)


def test_an_interruption_is_timed_to_a_closed_mouth(material):
    """Drawn at random it counts as closed; with the detail of the photograph, which shows its teeth, it never does."""
    drawn, own = (interrupt_figures(options(material, interruptions=1, detail=k), material / "anna") for k in (0, 1))
    assert drawn["interruptions"] == own["interruptions"] == 1
    assert drawn["interrupt to closed mouth, most ms"] > 0 and own["interrupt to closed mouth, most ms"] is None
