"""A live stream on a real server: what it is sent and sends, and clients that misbehave."""

import json
from contextlib import contextmanager, suppress

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from benchmarks.app_process import LONGEST
from config.constants import SAMPLE_RATE
from dubbing.live.effort import Effort
from media.audio import read_audio, to_pcm16
from media.video import probe, read_frames
from serving.live_messages import read_frame
from serving.live_pace import MOST_LATE, PATIENCE, LivePace
from serving.live_worker import Stream


@pytest.fixture(scope="module")
def avatar(server, sent):
    """The name of an avatar that the server has made."""
    files = {"video": ("脸.mp4", (sent / "脸 1.mp4").read_bytes())}
    posted = server.http.post("/api/avatars", files=files, data={"name": "小明_1"})
    job = server.ended(posted.json()["id"])
    assert job["state"] == "completed" and server.http.get(job["result"]).headers["content-type"] == "image/png", job
    (listed,) = server.http.get("/api/avatars").json()
    assert (listed["name"], listed["frames"], listed["trouble"]) == ("小明_1", 12, "")
    assert server.http.get(listed["preview"]).content[1:4] == b"PNG"
    return listed["name"]


def address(server, name: str) -> str:
    return f"{server.address.replace('http', 'ws')}/api/live/{name}"


@contextmanager
def stream(server, name: str):
    """An open stream, ready to be spoken to, as soon as the one before it has given its place back."""
    socket, said = server.until(lambda: connected(server, name))
    with socket:
        assert said == {"ready": {"width": 240, "height": 232, "fps": 25.0}}, said
        yield socket


def connected(server, name: str):
    """A stream and what it said first; None where its place is taken."""
    socket = connect(address(server, name), open_timeout=LONGEST, max_size=None)
    said = json.loads(socket.recv(LONGEST))
    if "speak live already" not in said.get("error", ""):
        return socket, said
    socket.close()
    return None


def test_what_is_heard_comes_back_with_its_frames(server, sent, avatar):
    speech = read_audio(sent / "short.wav")
    with stream(server, avatar) as socket:
        socket.send(to_pcm16(speech).tobytes())
        socket.send('{"end": true}')
        *frames, last = list(socket)
    assert json.loads(last) == {"closed": True}
    indices, times, pictures, sounds = zip(*map(read_frame, frames), strict=True)
    assert indices == tuple(range(len(frames))) and np.allclose(times, np.arange(len(frames)) / 25)
    assert all(picture[:3] == b"\xff\xd8\xff" for picture in pictures)
    heard = np.concatenate([np.frombuffer(sound, "<i2") for sound in sounds])
    begin = np.flatnonzero(heard)[0] - np.flatnonzero(to_pcm16(speech))[0]  # silence comes before, if it was late
    assert np.abs(heard[begin:][: len(speech)] - to_pcm16(speech)).max() <= 1


class FreeDubber:
    """Takes no time to draw nothing, and remembers with what effort it was asked."""

    def __init__(self) -> None:
        self.effort, self.efforts = Effort(), []

    def push(self, samples: np.ndarray) -> list:
        self.efforts.append(self.effort)
        return []


@pytest.mark.parametrize("late", [0.0, 0.6])
def test_a_stream_that_is_late_draws_less(late):
    dubber = FreeDubber()
    stream = Stream(None, dubber)
    stream.pace.began -= late + 0.01
    stream.pace.arrive(np.ones(SAMPLE_RATE, np.float32))
    stream.go_on()
    assert dubber.efforts and all((effort == Effort()) == (late == 0) for effort in dubber.efforts)


BAD = {
    "words": ("hello", "a text is"),
    "a list": ("[1]", "a text is"),
    "deep": ("[" * 10000, "a text is"),
    "another command": ('{"interrupt": 1, "x": 2}', "a text is"),
    "half a sample": (b"abc", "half a sample"),
    "a flood": (bytes(10**6), "more than 120 s of sound"),
}


@pytest.mark.parametrize("said, part", BAD.values(), ids=BAD)
def test_a_client_that_misbehaves_is_told_why_and_the_next_one_is_served(server, avatar, said, part):
    with stream(server, avatar) as socket:
        texts = []
        with suppress(ConnectionClosed):  # it may have been told before it has said all
            for _ in range(10):
                socket.send(said)
        with pytest.raises(ConnectionClosed):
            while True:
                texts += [text] if isinstance(text := socket.recv(LONGEST), str) else []
        assert part in json.loads(texts[0])["error"]


def test_one_that_leaves_mid_sentence_makes_room_and_a_second_one_waits(server, avatar):
    with stream(server, avatar) as socket:
        socket.send(bytes(2 * SAMPLE_RATE))
        with connect(address(server, avatar)) as second:
            assert "1 people speak live already" in json.loads(second.recv(LONGEST))["error"]
        socket.recv(LONGEST)
        socket.socket.close()
    with stream(server, avatar):
        pass  # there is room again


def test_an_interruption_drops_what_was_not_spoken(server, sent, avatar):
    with stream(server, avatar) as socket:
        socket.send(to_pcm16(np.full(20 * SAMPLE_RATE, 0.5, np.float32)).tobytes())
        socket.recv(LONGEST)
        socket.send('{"interrupt": true}')
        socket.send('{"end": true}')
        frames = [read_frame(frame) for frame in socket if isinstance(frame, bytes)]
    assert frames[-1][1] < 10 and not any(frames[-1][3])


@pytest.mark.parametrize("name", ["nobody", "a..b", "a.b", "x" * 65])
def test_an_avatar_that_is_not_there(server, name):
    with connect(address(server, name)) as socket:
        assert "avatar" in json.loads(socket.recv(LONGEST))["error"]


def test_jobs_may_name_an_avatar(server, sent, avatar, tmp_path):
    good = {"avatar": avatar, "speech": "short.wav"}
    job = server.ended(server.http.post("/api/jobs", json=good).json()["id"])
    assert job["state"] == "completed" and job["title"] == "小明_1 + short", job
    (tmp_path / "a.mp4").write_bytes(server.http.get(job["result"]).content)
    assert len(list(read_frames(tmp_path / "a.mp4"))) == probe(tmp_path / "a.mp4").num_frames == 10
    both = server.http.post("/api/jobs", json={**good, "video": "脸 1.mp4"})
    assert both.status_code == 400 and "both" in both.json()["detail"]
    assert server.http.post("/api/jobs", json={**good, "avatar": "../x"}).status_code == 400
    assert server.http.post("/api/jobs", json={**good, "avatar": "nobody"}).status_code == 404
    again = server.http.post("/api/avatars", json={"name": avatar, "video": "脸 1.mp4"})
    assert again.status_code == 409


def test_the_clock_goes_on_whatever_arrives():
    pace = LivePace(began=100.0)
    assert pace.speech(100.0) is None and pace.silence(100.0 + PATIENCE) == 0
    assert pace.silence(101.0) == pytest.approx(1 - PATIENCE)
    pace.arrive(np.ones(3 * SAMPLE_RATE, np.float32))
    given = 0
    for now in np.arange(101, 105, 0.02):
        assert pace.silence(now) == 0 or not pace.waiting
        while (samples := pace.speech(now)) is not None:
            given += len(samples)
        assert given <= (now - 100 + 0.1) * SAMPLE_RATE
    assert given == 3 * SAMPLE_RATE
    pace.let_go(200.0)
    assert pace.silence(200.0) == pytest.approx(MOST_LATE - PATIENCE)
