"""A worker as the server sees it: a process that holds a generator, is told of jobs, and may die."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from config.config import AppOptions
from dubbing.memory import ONE_HEAP

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 5.0  # seconds in which a worker must end a job that was cancelled; then it is killed


def child_environment() -> dict[str, str]:
    """Of a process that finds the project's modules wherever it was started."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    # Threads that wait for each other leave the processor to the server and its other workers, as in live.py.
    return {"OMP_WAIT_POLICY": "PASSIVE", **ONE_HEAP, **os.environ, "PYTHONPATH": os.pathsep.join(paths)}


class WorkerDied(Exception):
    """The process ended before its answer; the message says how."""


class WorkerProcess:
    """Starts at once and loads its generator while nobody waits. Messages are lines of JSON; see worker.py."""

    def __init__(self, options: AppOptions):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "serving.worker"],
            env=child_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self.current = ""  # the job that it works on
        self.tell(asdict(options))

    def tell(self, message: dict[str, Any]) -> None:
        with suppress(OSError):  # one that is dead is found out when its answer is read
            self.process.stdin.write(json.dumps(message) + "\n")
            self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """The next message. Raises WorkerDied where none comes any more."""
        line = self.process.stdout.readline()
        if not line.endswith("\n"):
            raise WorkerDied(how_it_ended(self.process.wait()))
        return json.loads(line)

    def work(self, job: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Tell of a job; its messages, of which the last has "state". Raises WorkerDied."""
        self.current = job["id"]
        self.tell(job)
        try:
            while "state" not in (message := self.answer()):
                yield message
            yield message
        finally:
            self.current = ""

    def cancel(self, identity: str) -> None:
        """Have a job end soon: by itself, or with its process."""
        self.tell({"cancel": identity})
        timer = threading.Timer(PATIENCE, self.kill, (identity,))
        timer.daemon = True
        timer.start()

    def kill(self, identity: str | None = None) -> None:
        """End the process now; with `identity`, only where it still works on that job."""
        if identity in (None, self.current):
            self.process.kill()

    def close(self) -> None:
        """End the process and release its pipes."""
        self.kill()
        self.process.wait()
        self.process.stdout.close()
        with suppress(OSError):
            self.process.stdin.close()


def how_it_ended(status: int) -> str:
    """What is known of a process that died at its work."""
    if status == -signal.SIGKILL:
        return "the process that worked on it was killed, as happens where memory runs out; give smaller files"
    if status < 0:
        return f"the process that worked on it crashed ({signal.Signals(-status).name}); the files are at fault"
    return f"the process that worked on it ended with status {status}; the server's terminal says why"
