"""Programs of this project, run as `python SCRIPT ARGUMENTS` runs them, but forked: libraries are not imported anew.

A process that has the libraries in memory and nothing of the project forks for every program, one such process for
every process of tests. What a test interrupts, kills or starts in several processes, it starts by itself; what happens
while libraries are imported and while Python ends does not show here.
"""

import atexit
import json
import os
import socket
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 600.0  # seconds that a program may take


def run_program(script: str | Path, *arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a script, whose path is the project's or absolute, in `cwd` (the project). It must leave nothing running.

    Raises TimeoutExpired after LONGEST seconds.
    """
    with tempfile.TemporaryDirectory() as folder:
        logs = Path(folder) / "logs"
        request = {
            "script": str(ROOT / script),
            "arguments": [
                os.fsdecode(argument) if isinstance(argument, bytes) else str(argument) for argument in arguments
            ],
            "cwd": str(cwd or ROOT),
            "logs": str(logs),
            "environment": {**os.environ, "PYTHONIOENCODING": "utf-8"},
        }
        launcher = connection()
        launcher.write(json.dumps(request) + "\n")
        launcher.flush()
        line = launcher.readline()
        assert line, "tests/launcher.py has ended; what it said is above"
        answer = json.loads(line)
        out, err = ((logs / name).read_text("utf-8", "surrogateescape") for name in ("out", "err"))
    if "status" not in answer:
        raise subprocess.TimeoutExpired([script, *request["arguments"]], LONGEST, out, err)
    assert not answer["left"], f"left running: {answer['left']}"
    return subprocess.CompletedProcess([script, *request["arguments"]], answer["status"], out, err)


@cache
def connection():
    """The launcher of this process, as a file of lines. It ends with the process."""
    here, there = socket.socketpair()
    quiet = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    command = [sys.executable, Path(__file__).parent / "launcher.py", str(there.fileno())]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **quiet}, pass_fds=[there.fileno()])
    there.close()
    file = here.makefile("rw")

    def end() -> None:
        here.shutdown(socket.SHUT_RDWR)  # a forked process may hold it open
        process.wait()

    atexit.register(end)
    return file
