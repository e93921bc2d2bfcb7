"""Who is told of a job's end, on a real socket."""

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from serving.callbacks import check_callback, post
from serving.refused import Refused


class Listener(BaseHTTPRequestHandler):
    """Answers each path with a status, and notes what came."""

    heard: list[tuple[str, dict]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.heard.append((self.path, json.loads(body)))
        status = 302 if self.path == "/moved" else 200 if len(self.heard) > 1 else 500
        self.send_response(status)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def listener(monkeypatch):
    monkeypatch.setattr(Listener, "heard", [])
    with HTTPServer(("127.0.0.1", 0), Listener) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_host_that_fails_is_told_again(listener):
    url = check_callback(f"http://{listener}/done", f"other.example, {listener}")
    post(url, {"id": "a", "state": "completed"})
    assert Listener.heard == [("/done", {"id": "a", "state": "completed"})] * 2


def test_nobody_is_led_elsewhere(listener, monkeypatch, capsys):
    monkeypatch.setattr("serving.callbacks.TRIES", 1)
    post(f"http://{listener}/moved", {"id": "a"})
    assert [path for path, _ in Listener.heard] == ["/moved"] and "job a" in capsys.readouterr().out
    with pytest.raises(Refused, match="not among"):
        check_callback(f"http://{listener}/", "")
