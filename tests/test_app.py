"""app.py's options, and what is said at once where it cannot serve."""

import socket
import time

import pytest
from talking_photo import tiny_spec, write_checkpoint

import app
from config.config import AppOptions
from config.errors import run_script
from serving.worker_process import WorkerDied, WorkerProcess


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint")
    return write_checkpoint(folder, tiny_spec()).rename(folder / "tiny.pth")


def complaint(monkeypatch, capsys, *flags: str) -> str:
    monkeypatch.setattr("sys.argv", ["app.py", *flags])
    with pytest.raises(SystemExit) as ended:
        run_script(app.main)
    said = capsys.readouterr().err
    assert ended.value.code == 2 and said.startswith("error:") and said.count("\n") == 1
    return said


def test_what_cannot_be_served_is_one_line(monkeypatch, capsys, checkpoint, tmp_path):
    given = "--checkpoint", str(checkpoint), "--state_folder", str(tmp_path / "state")
    assert "--checkpoint is not given" in complaint(monkeypatch, capsys)
    assert "not a file" in complaint(monkeypatch, capsys, "--checkpoint", str(tmp_path))
    assert "--token" in complaint(monkeypatch, capsys, *given, "--host", "0.0.0.0")
    assert "--media_root" in complaint(monkeypatch, capsys, *given, "--media_root", str(checkpoint))
    assert "--port is 65536" in complaint(monkeypatch, capsys, *given, "--port", "65536")
    assert "no.such.host.invalid" in complaint(
        monkeypatch, capsys, *given, "--host", "no.such.host.invalid", "--token", "x"
    )
    (tmp_path / "file").touch()
    assert "not a folder" in complaint(monkeypatch, capsys, *given[:3], str(tmp_path / "file" / "state"))
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        assert f"--port {port}: Address already in use" in complaint(monkeypatch, capsys, *given, "--port", port)
    assert not (tmp_path / "state").exists()


def test_a_broken_checkpoint_is_said_by_the_worker_and_a_dead_worker_is_explained(tmp_path, checkpoint):
    (tmp_path / "junk.pth").write_bytes(b"junk")
    worker = WorkerProcess(AppOptions(checkpoint=str(tmp_path / "junk.pth"), state_folder=str(tmp_path)))
    said = worker.answer()["broken"]
    assert said.startswith("--checkpoint") and "junk.pth" in said and "\n" not in said
    worker.close()
    worker = WorkerProcess(AppOptions(checkpoint=str(checkpoint), state_folder=str(tmp_path)))
    time.sleep(0.1)
    worker.kill()
    with pytest.raises(WorkerDied, match="memory runs out"):
        next(worker.work({"id": "a"}))
    worker.close()
