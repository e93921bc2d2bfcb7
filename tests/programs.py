"""Programs of this project, run as `python SCRIPT ARGUMENTS` runs them, but forked: libraries are not imported anew.

A process that has the libraries in memory and nothing of the project forks for every program, one such process for
every process of tests. What a test interrupts, kills or starts in several processes, it starts by itself.
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


def run_program(
    script: str | Path, *arguments: object, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a script, whose path is the project's or absolute, in `cwd` (the project), with variables added.

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
            "environment": {**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
        }
        launcher = connection()
        launcher.write(json.dumps(request) + "\n")
        launcher.flush()
        answer = json.loads(launcher.readline())
        out, err = ((logs / name).read_text("utf-8", "surrogateescape") for name in ("out", "err"))
    if "status" not in answer:
        raise subprocess.TimeoutExpired([script, *request["arguments"]], LONGEST, out, err)
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
    atexit.register(lambda: (file.close(), here.close(), process.wait()))
    return file
