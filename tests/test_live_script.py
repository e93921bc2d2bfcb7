"""live.py as a user runs it: sound of every kind in, files out, silence, Ctrl-C, and a line for what is wrong."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from talking_photo import number_of, tiny_spec, write_checkpoint, write_speech, write_video

import live
from config.config import AvatarOptions, LiveOptions
from config.errors import InputError
from dubbing.avatar_making import make_avatar
from dubbing.live.dubber import LiveDubber, LiveFrame
from dubbing.live.effort import Effort
from dubbing.live.session import on_time, paced_frames, run_live
from media.audio import read_audio, to_pcm16
from media.live_input import SoundQueue, read_raw
from media.video import probe, read_frames

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    folder = tmp_path_factory.mktemp("live 声音")
    write_video(folder / "face.mp4", 20)
    write_speech(folder / "speech.wav", 2.0, rate=44100)
    write_checkpoint(folder, tiny_spec()).rename(folder / "tiny.pth")
    (folder / "junk.bin").write_bytes(bytes(range(256)) * 20)
    options = AvatarOptions(str(folder / "face.mp4"), str(folder / "tiny.pth"), cache_folder="")
    make_avatar(options, folder / "anna")
    return folder


def options(material: Path, **changes: object) -> LiveOptions:
    chosen = {"avatar": str(material / "anna"), "input": str(material / "speech.wav"), "device": "cpu"}
    return LiveOptions(**{**chosen, "preset": "ultrafast", "precision": "fp32", **changes})


def test_a_file_is_spoken_whole_with_its_sound(material, tmp_path):
    line = run_live(options(material, output=str(tmp_path / "a.mp4")))
    assert line.startswith(f"{tmp_path / 'a.mp4'}: 2.0 s")
    info = probe(tmp_path / "a.mp4")
    assert info.num_frames == 50 and info.is_constant_rate(25)
    wanted, made = (read_audio(path, duration=1.9) for path in (material / "speech.wav", tmp_path / "a.mp4"))
    assert np.corrcoef(wanted, made)[0, 1] > 0.95
    shown = [number_of(frame) for frame in read_frames(tmp_path / "a.mp4")]
    assert shown[:25] == [*range(20), *range(18, 13, -1)]


def start(material: Path, output: Path, *flags: str) -> subprocess.Popen:
    command = [sys.executable, str(ROOT / "live.py"), "--avatar", str(material / "anna"), "--input", "-"]
    command += ["--output", str(output), "--device", "cpu", "--preset", "ultrafast", *flags]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)


def test_raw_sound_on_standard_input(material, tmp_path):
    pcm = to_pcm16(read_audio(material / "speech.wav")).astype("<i2").tobytes()
    process = start(material, tmp_path / "b.mkv")
    assert process.communicate(pcm, timeout=60)[1] == b"" and process.returncode == 0
    assert probe(tmp_path / "b.mkv").num_frames == 50
    process = start(material, tmp_path / "none.mkv")
    assert b"--input: - gave no sound" in process.communicate(b"", timeout=60)[1]
    process = start(material, tmp_path / "half.mkv")
    assert b"--input -: half a sample" in process.communicate(pcm[:2001], timeout=60)[1]
    assert process.returncode == 2 and [path.name for path in tmp_path.iterdir()] == ["b.mkv"]


def test_ctrl_c_ends_a_stream_that_waits_for_sound_and_its_file_is_whole(material, tmp_path):
    process = start(material, tmp_path / "c.mp4", "--realtime")
    process.stdin.write(b"\0\0" * 8000)
    process.stdin.flush()
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size for path in tmp_path.glob(".partial-*")) and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 0 and b"stopped" in errors and b"c.mp4" in output
    assert probe(tmp_path / "c.mp4").num_frames > 25  # it went on idling after the half second that came
    assert [path.name for path in tmp_path.iterdir()] == ["c.mp4"]


def test_paced_frames_keep_in_step_with_the_clock_and_idle_where_no_sound_comes(material):
    dubber = LiveDubber(material / "anna", device="cpu", precision="fp32")
    wave = read_audio(material / "speech.wav")[:8000]

    def halting():
        yield wave
        time.sleep(3.0)  # long enough for a machine that is behind to idle
        yield wave

    began, times, frames = time.monotonic(), [], []
    for frame in paced_frames(dubber, SoundQueue(halting())):
        times.append(time.monotonic() - began)
        frames.append(frame)
    assert 26 <= len(frames) <= 92  # half a second of sound, some without, half a second again
    late = np.array(times) - [frame.time for frame in frames]
    assert late[:-4].min() > 0.08  # a window's future must come first
    heard = np.concatenate([frame.samples for frame in frames])
    assert not heard[8000:8320].any() and np.array_equal(heard[:8000], wave)


class TimedDubber:
    """Draws nothing, in so many seconds for 20 ms at full effort, and counts what it was given."""

    def __init__(self, seconds: float):
        self.seconds, self.effort, self.mouths, self.given = seconds, Effort(), [], 0.0

    def push(self, samples: np.ndarray) -> list[LiveFrame]:
        return self.idle(len(samples) / 16000)

    def idle(self, seconds: float) -> list[LiveFrame]:
        time.sleep(self.seconds * seconds / 0.02 / self.effort.mouths_every)
        self.mouths.append(self.effort.mouths_every)
        self.given += seconds
        return []

    def finish(self) -> list[LiveFrame]:
        return []


def microphone(piece: float):
    """Two seconds of sound in pieces, each when it has been spoken, with a pause of one second in the middle."""
    for k in range(round(2 / piece)):
        time.sleep(piece + (1.0 if k == round(1 / piece) else 0))
        yield np.ones(round(piece * 16000), np.float32)


@pytest.mark.parametrize("piece", [0.02, 0.125])
def test_a_slow_face_stays_with_the_clock_in_speech_and_pauses_and_a_quick_one_draws_every_mouth(piece):
    quick, slow = TimedDubber(0.0), TimedDubber(0.04)
    list(paced_frames(quick, SoundQueue(microphone(piece))))
    assert np.mean(np.array(quick.mouths) > 1) < 0.1  # all of them, but for a machine that stops for a moment
    began = time.monotonic()
    list(paced_frames(slow, SoundQueue(microphone(piece))))
    assert max(slow.mouths) > 1 and abs(time.monotonic() - began - slow.given) < 0.8


@pytest.mark.parametrize("delay, late", [(0.3, 0), (0.0, 4)])
def test_frames_that_took_longer_are_shown_in_time_if_kept_back(delay, late):
    """Frames of 50 a second, ready in time but for one, which takes 0.1 s more, as do those that wait for it."""
    image, silence, began = np.zeros((2, 2, 3), np.uint8), np.zeros(320, np.float32), time.monotonic()

    def drawn():
        for index in range(25):
            ready = began + index / 50 + (0.1 if index == 5 else 0)
            time.sleep(max(0.0, ready - time.monotonic()))
            yield LiveFrame(index, index / 50, image, silence)

    shown = np.array([(time.monotonic(), frame.time) for frame in on_time(drawn(), delay, 50)])
    after = np.diff(shown - shown[0], axis=1)[:, 0]  # time of a frame less time of showing it
    assert len(shown) == 25 and (shown[:, 0] - shown[:, 1]).min() >= began + delay  # none before its time
    assert (after < -0.03).sum() == pytest.approx(late, abs=1)


def test_sound_comes_in_any_pieces():
    data = np.arange(-300, 300, dtype="<i2").tobytes()

    class Trickle(io.BytesIO):
        def read1(self, size: int = -1) -> bytes:
            return self.read(min(size, 3))

    assert np.array_equal(np.concatenate(list(read_raw(Trickle(data)))) * 32768, np.arange(-300, 300))
    queue = SoundQueue(iter([np.ones(10, np.float32), np.ones(5, np.float32)]))
    assert [len(queue.take(4)) for _ in range(4)] == [4, 4, 4, 3] and not len(queue.take(4)) and queue.is_empty
    blocked = threading.Event()
    queue = SoundQueue(iter(lambda: blocked.wait(), None))
    assert len(queue.take(4, wait=0.01)) == 0 and not queue.is_empty
    blocked.set()


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"avatar": ""}, "--avatar is not given"),
        ({"avatar": "."}, "is no avatar"),
        ({"input": "nowhere.wav"}, "--input: nowhere.wav is not a file"),
        ({"output": "speech.wav"}, "is --input itself"),
        ({"output": "x.avi"}, "expected a file that ends in"),
        ({"input": "tiny.pth"}, "tiny.pth cannot be read as a sound file"),
        ({"input": "face.mp4"}, "has no sound"),
        ({"input": "tcp://127.0.0.1:1"}, "--input: tcp://127.0.0.1:1 cannot be read"),
    ],
)
def test_what_cannot_be_used_is_one_line_that_names_it(material, tmp_path, monkeypatch, changes, words):
    chosen = vars(options(material, **{"output": str(tmp_path / "x.mp4"), **changes}))
    arguments = [part for name, value in chosen.items() if name != "realtime" for part in (f"--{name}", str(value))]
    monkeypatch.chdir(material)
    monkeypatch.setattr(sys, "argv", ["live.py", *arguments])
    with pytest.raises(InputError) as refused:
        live.main()
    assert words in str(refused.value) and "\n" not in str(refused.value)
    assert not list(tmp_path.iterdir()) and os.listdir(material)
