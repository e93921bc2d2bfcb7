"""Pictures and sound written as they come: whole, in step within 20 ms, and received by another process."""

import json
import socket
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from config.errors import InputError
from media.live_output import LiveWriter, output_format

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import stream_watcher

WATCHER = Path(stream_watcher.__file__)
COUNT, FLASHES = 75, (10, 35, 60)


def moments(fps: Fraction = Fraction(25)):
    """COUNT dark frames with three white ones, each with the sound that is heard with it, which beeps in these."""
    for number in range(COUNT):
        image = np.full((66, 96, 3), 235 if number in FLASHES else 16, np.uint8)
        begin, end = (round(k * 16000 / fps) for k in (number, number + 1))
        tone = np.sin(2 * np.pi * 1000 * np.arange(end - begin) / 16000)
        yield image, (tone * 0.5 * (number in FLASHES)).astype(np.float32)


def write(output: str, wait: float = 0.0, fps: Fraction = Fraction(25)) -> None:
    with LiveWriter(output, (96, 66), fps, crf=18, preset="ultrafast") as writer:
        for image, samples in moments(fps):
            writer.write(image, samples)
            time.sleep(wait)


def offsets(seen: dict) -> np.ndarray:
    """Seconds by which each beep is heard after its flash is seen."""
    times = {key: np.array(seen[key]) for key in ("pictures", "levels")}
    lit = times["pictures"][:, 0][times["pictures"][:, 1] > 128]
    loud = times["levels"][:, 0][times["levels"][:, 1] > 0.2]
    return np.array([loud[loud > flash - 0.3].min() - flash for flash in lit])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "flv", "mov", "ts"])
@pytest.mark.parametrize("fps", [Fraction(25), Fraction(30000, 1001)])
def test_a_file_is_whole_and_in_step(tmp_path, suffix, fps):
    path = tmp_path / f"a b.{suffix}"
    write(str(path), fps=fps)
    seen = stream_watcher.watch(str(path))
    assert len(seen["pictures"]) == COUNT and seen["size"] == (96, 66)
    assert np.abs(offsets(seen)).max() < 0.02 and len(offsets(seen)) == 3
    assert seen["levels"][-1][0] - seen["levels"][0][0] > float(COUNT / fps) - 0.05
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("scheme", ["udp", "rtmp"])
def test_a_stream_is_received_by_another_process_in_step(scheme):
    url = f"{scheme}://127.0.0.1:{free_port()}" + ("/live/x" if scheme == "rtmp" else "")
    watched = f"{url}?timeout=2000000" if scheme == "udp" else url  # microseconds without a packet, then it ends
    watcher = subprocess.Popen([sys.executable, str(WATCHER), watched], stdout=subprocess.PIPE, text=True)
    write_when_watched(url)
    seen = json.loads(watcher.communicate(timeout=30)[0])
    assert len(seen["pictures"]) > COUNT - 30 and seen["size"] == [96, 66]  # joined at a key frame
    assert len(offsets(seen)) >= 2 and np.abs(offsets(seen)).max() < 0.02


def write_when_watched(url: str) -> None:
    """Nobody says when a watcher listens."""
    for attempt in range(20):
        time.sleep(0.5)
        try:
            if url.startswith("udp"):
                time.sleep(1.5)
            return write(url, wait=0.02)
        except InputError:
            if attempt == 19:
                raise
    return None


@pytest.mark.parametrize(
    "output, words",
    [
        ("x.avi", "expected a file that ends in .mp4"),
        ("ftp://host/x.mp4", "expected a file that ends in"),
        ("rtmp://127.0.0.1:1/x", "Connection refused"),
        ("srt://127.0.0.1:1", "built without srt"),
    ],
)
def test_where_nothing_can_be_written_one_line_says_so(output, words):
    with pytest.raises(InputError, match="--output") as refused:
        write(output)
    assert words in str(refused.value) and "\n" not in str(refused.value)


def test_what_fails_midway_leaves_no_file_and_raises_what_failed(tmp_path):
    path = tmp_path / "a.mp4"
    with pytest.raises(KeyError), LiveWriter(str(path), (96, 66), Fraction(25), 18, "ultrafast") as writer:
        writer.write(*next(moments()))
        raise KeyError("the dubber's own")
    with pytest.raises(ValueError), LiveWriter(str(path), (96, 66), Fraction(25), 18, "ultrafast") as writer:
        writer.write(np.zeros((66, 96), np.uint8), np.zeros(640, np.float32))
    assert not list(tmp_path.iterdir()) and output_format("a.MP4") == "mp4"
