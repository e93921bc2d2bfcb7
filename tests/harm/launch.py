"""A script in a process of its own, as `python SCRIPT ARGUMENTS` would run it, but forked: nothing is imported anew.

The forked process has third-party libraries in memory and none of the project's modules; the script's folder stands
first on sys.path, the script is __main__, and on the way out threads are joined and exit handlers run.
"""

import atexit
import os
import runpy
import signal
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MARK = "HARM_RUN"  # variable of the environment that children inherit, whatever session they move to
GRACE = 5.0  # seconds in which a script's children must end after it


class Missed(Exception):
    """A script did not do what it must."""


@dataclass
class Result:
    """How a run ended. `left`: command lines of child processes that still ran GRACE seconds later."""

    status: int
    out: str
    err: str
    seconds: float
    left: list[str] = field(default_factory=list)

    @property
    def tail(self) -> str:
        """The last lines of what was printed, for messages."""
        text = (self.err.strip() or self.out.strip()).replace("\r", "\n").splitlines()
        return " / ".join(line.strip() for line in text[-3:])[-400:]


class Running:
    """A script that was started. Its output goes to files in `logs`."""

    def __init__(self, process: int, logs: Path, mark: str):
        self.process, self.logs, self.mark = process, logs, mark
        self.began = time.monotonic()

    def signal(self, number: int, group: bool = False) -> None:
        (os.killpg if group else os.kill)(self.process, number)

    def out(self) -> str:
        return (self.logs / "out").read_text("utf-8", "replace")

    def err(self) -> str:
        return (self.logs / "err").read_text("utf-8", "replace")

    def children(self) -> dict[int, str]:
        """Command lines of what the script started and still runs, by process."""
        return {number: name for number, name in descendants(self.process, self.mark).items() if number != self.process}

    def is_over(self) -> bool:
        """Whether the script has ended; `wait` gives its status."""
        return os.waitid(os.P_PID, self.process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def wait_until(self, condition, timeout: float = 60) -> None:
        """Until `condition()` holds. Raises Missed when the script ends before, or time is over."""
        until = time.monotonic() + timeout
        while not condition():
            if self.is_over() or time.monotonic() > until:
                result = self.wait(1)
                raise Missed(f"ended with status {result.status} before the fault could be made: {result.tail}")
            time.sleep(0.02)

    def wait(self, timeout: float) -> Result:
        """How it ended. Killed, and Missed raised, after `timeout` seconds; killed too when the harness is ended."""
        until = time.monotonic() + timeout
        try:
            while not self.is_over():
                if time.monotonic() > until:
                    raise Missed(f"still ran after {timeout:.0f} s: {Result(-1, self.out(), self.err(), 0).tail}")
                time.sleep(0.01)
        except BaseException:
            self.kill_all()
            os.waitpid(self.process, 0)
            raise
        seconds = time.monotonic() - self.began
        status = os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])
        until = time.monotonic() + GRACE
        while (left := self.children()) and time.monotonic() < until:
            time.sleep(0.05)
        self.kill_all()
        return Result(status, self.out(), self.err(), seconds, list(left.values()))

    def kill_all(self) -> None:
        for process in descendants(self.process, self.mark):
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass


def descendants(session: int, mark: str) -> dict[int, str]:
    """Living processes of a session, or whose environment bears the mark: command lines by number."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state = (folder / "stat").read_text().rpartition(")")[2].split()
            marked = f"{MARK}={mark}\0".encode() in (folder / "environ").read_bytes()
            if state[0] not in "ZX" and (int(state[3]) == session or marked):
                found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()[:120]
        except OSError:
            continue
    return found


def start(
    script: Path,
    arguments: Sequence[str],
    cwd: Path,
    logs: Path,
    environment: Mapping[str, str],
    before=None,
) -> Running:
    """Fork a process that runs `script`. `before` is called in it first: limits, users, mounts."""
    logs.mkdir(parents=True)
    mark = str(logs)
    files = [os.open(logs / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666) for name in ("out", "err")]
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    process = os.fork()
    if process:
        for file in files:
            os.close(file)
        while os.getsid(process) != process:  # until it leads a session of its own
            time.sleep(0.001)
        return Running(process, logs, mark)
    status = 1
    try:
        become_a_program(files, cwd, {**environment, MARK: mark})
        if before:
            before()
        status = run_as_main(script, arguments)
    finally:
        os._exit(status & 255)


def become_a_program(files: Sequence[int], cwd: Path, environment: Mapping[str, str]) -> None:
    """A session, files, signals and environment as a shell gives them to a program."""
    os.setsid()
    signal.alarm(0)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for target, file in enumerate(files, start=1):
        os.dup2(file, target)
    os.closerange(3, 256)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)
    os.chdir(cwd)
    os.environ.update(environment)


def run_as_main(script: Path, arguments: Sequence[str]) -> int:
    """Run the script and give the status with which Python would end."""
    sys.argv = [str(script), *arguments]
    sys.path[0] = str(script.parent)
    try:
        runpy.run_path(str(script), run_name="__main__")
        status = 0
    except SystemExit as stopped:
        status = stopped.code if isinstance(stopped.code, int) else int(stopped.code is not None)
        if not isinstance(stopped.code, int | None):
            print(stopped.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        status = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stderr.flush()
    try:
        sys.stdout.flush()
    except OSError:
        status = 120
    return status
