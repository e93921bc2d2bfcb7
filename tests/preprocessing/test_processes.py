"""Signals, deaths and missing libraries: no process outlives its parent, no half-made file stays, others go on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from preprocessing.jobs import Outcome, run_jobs

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 60  # seconds, for processes to start on a busy machine
GONE = 5  # seconds in which all must have ended

SCRIPT = """
import sys, time
from pathlib import Path
from config.errors import run_script
from media.files import atomic_write
from preprocessing.jobs import Outcome, run_jobs

def write_slowly(name, folder):
    with atomic_write(Path(folder) / (name + ".npy")) as temporary:
        temporary.write_text("half")
        while True:
            time.sleep(0.01)

def main():
    run_jobs("slow", write_slowly, [(str(number), sys.argv[1]) for number in range(4)], int(sys.argv[2]))

if __name__ == "__main__":
    run_script(main)
"""


def children_of(process: int) -> list[int]:
    """The processes below one, without multiprocessing's own."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(condition, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def slow(tmp_path):
    """Starts SCRIPT with a number of processes; gives it and its children when all of them write."""
    (tmp_path / "made").mkdir()
    (tmp_path / "slow.py").write_text(SCRIPT)
    started = []

    def start(workers: int) -> tuple[subprocess.Popen, list[int]]:
        command = [sys.executable, tmp_path / "slow.py", tmp_path / "made", str(workers)]
        log = (tmp_path / "log").open("wb")
        process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=log)
        started.append(process)
        assert wait_until(lambda: len(list((tmp_path / "made").glob(".partial-*"))) == workers, LONGEST)
        return process, children_of(process.pid) if workers > 1 else []

    yield start
    for process in started:
        process.kill()


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at /proc")
@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_and_leaves_nothing_half_made(slow, tmp_path, workers, stop):
    parent, children = slow(workers)
    assert len(children) == (workers if workers > 1 else 0)
    parent.send_signal(stop)
    assert wait_until(lambda: not any(map(is_running, [parent.pid, *children])), GONE)
    assert parent.wait() == 128 + stop
    assert not list((tmp_path / "made").iterdir())
    log = (tmp_path / "log").read_text()
    assert "Traceback" not in log


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at /proc")
def test_children_of_a_parent_that_was_killed_end_and_clean_up(slow, tmp_path):
    parent, children = slow(2)
    parent.kill()
    parent.wait()
    assert len(children) == 2 and wait_until(lambda: not any(map(is_running, children)), GONE)
    assert not list((tmp_path / "made").iterdir())


ORPHAN = """
import os, sys, time
from pathlib import Path
from preprocessing.processes import in_processes

def wait_for_orphanhood(folder):
    Path(folder, "begun").touch()
    parent = os.getppid()
    while os.getppid() == parent:
        pass

def answers_at_once(folder):
    wait_for_orphanhood(folder)

def holds_on_when_terminated(folder):
    try:
        wait_for_orphanhood(folder)
        time.sleep(1)
    except SystemExit:
        pass

class Remains:
    def __del__(self):
        wait_for_orphanhood(self.folder)
        time.sleep(1)

def is_interrupted_where_exceptions_are_printed(folder):
    Remains().folder = folder

if __name__ == "__main__":
    for result in in_processes([(globals()[sys.argv[1]], (sys.argv[2],))], 1):
        pass
"""


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at /proc")
@pytest.mark.parametrize(
    "work", ["answers_at_once", "holds_on_when_terminated", "is_interrupted_where_exceptions_are_printed"]
)
def test_an_orphan_ends_without_a_word(tmp_path, work):
    (tmp_path / "orphan.py").write_text(ORPHAN)
    with (tmp_path / "log").open("wb") as log:
        command = [sys.executable, tmp_path / "orphan.py", work, tmp_path]
        parent = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=log, stderr=log)
    assert wait_until((tmp_path / "begun").exists, LONGEST)
    children = children_of(parent.pid)
    parent.kill()
    parent.wait()
    assert len(children) == 1 and wait_until(lambda: not any(map(is_running, children)), GONE)
    assert (tmp_path / "log").read_text() == ""


def be_killed_or_return(name: str, is_killed: bool) -> Outcome:
    if is_killed:
        os.kill(os.getpid(), signal.SIGKILL)
    return Outcome(name, "done")


def test_a_process_that_is_killed_costs_its_own_video_alone():
    outcomes = run_jobs("killed", be_killed_or_return, [(str(n), n in (1, 2)) for n in range(6)], num_workers=2)
    assert [o.name for o in outcomes if o.status == "done"] == ["0", "3", "4", "5"]
    assert all("killed by signal 9" in o.detail for o in outcomes if o.status == "failed")


def fail(name: str, kind: str) -> Outcome:
    if kind == "memory":
        raise MemoryError
    if kind == "library":
        import no_such_library  # noqa: F401
    if kind == "disk":
        raise OSError(28, "No space left on device", "clip.wav")
    if kind == "permission":
        raise PermissionError(13, "Permission denied", "clip.csv")
    if kind == "bug":
        return {}["crop"]
    return Outcome(name, "done")


KINDS = {
    "memory": "not enough memory",
    "library": "no_such_library",
    "disk": "clip.wav: the disk is full",
    "permission": "clip.csv: Permission denied",
    "bug": "KeyError: 'crop' (test_processes.py, line",
}


@pytest.mark.parametrize("workers", [1, 2])
def test_any_exception_costs_its_video_with_its_reason(workers, capsys):
    outcomes = run_jobs("failing", fail, [("good", ""), *((kind, kind) for kind in KINDS), ("\udcff", "")], workers)
    assert [o.status for o in outcomes] == ["done"] + ["failed"] * 6
    for outcome in outcomes[1:-1]:
        assert KINDS[outcome.name] in outcome.detail and "\n" not in outcome.detail
    assert "not UTF-8" in outcomes[-1].detail
    assert "Traceback" not in capsys.readouterr().err


class NotThere:
    """Arguments that cannot be unpickled in a worker, as where a library is missing."""

    def __reduce__(self):
        return __import__, ("no_such_library",)


def test_a_library_that_a_worker_lacks_costs_the_videos_that_need_it():
    outcomes = run_jobs("lacking", fail, [("bad", NotThere()), ("good", "")], 2)
    assert [o.status for o in outcomes] == ["failed", "done"] and "no_such_library" in outcomes[0].detail
