"""The folder of a run: its name, and that one training alone writes into it."""

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout  # torch needs it too

from config.config import RunOptions
from config.errors import InputError
from media.files import atomic_write, check_writable
from training.parallel import Parallel

LOCK, HOLDER = ".lock", ".holder.json"
SPLIT = "split.json"  # in a stage's folder: what it trains on and what it holds out
LONGEST_DELAY = 5.0  # seconds until a network file system shows a new file


def run_folder(run: RunOptions) -> Path:
    """--result_path / --name. Raises InputError for a name that is none, or that leads out of --result_path."""
    if not run.name:
        raise InputError("--name is not set; give the run a name, it becomes a folder of --result_path")
    parts = run.name.replace("\\", "/").split("/")
    if any(part.strip() in ("", ".", "..") for part in parts) or Path(run.name).is_absolute():
        raise InputError(f"--name is {run.name!r}; expected a folder's name inside --result_path, without '.' or '..'")
    folder = Path(run.result_path) / run.name
    check_writable("--result_path", run.result_path, is_folder=True)
    check_writable("--name", folder, is_folder=True)
    return folder


@contextmanager
def locked(folder: Path, name: str) -> Iterator[None]:
    """Hold the folder of a run, so that no second training writes into it. Raises InputError that says who holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise InputError(
            f"--name {name}: {holder(folder)} trains in {folder}; wait for it, or give another --name"
        ) from error
    try:
        with atomic_write(folder / HOLDER) as temporary:
            temporary.write_text(json.dumps({"process": os.getpid(), "host": socket.gethostname()}), encoding="utf-8")
        yield
    finally:
        (folder / HOLDER).unlink(missing_ok=True)
        lock.release()


def holder(folder: Path) -> str:
    try:
        record = json.loads((folder / HOLDER).read_text(encoding="utf-8"))
        return f"process {record['process']} on {record['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def require_shared(folder: Path, parallel: Parallel) -> None:
    """Raise InputError unless every process sees the folder that the main process has locked.

    Later stages start from what the main process wrote, and --resume goes on from it: on machines that do not share
    the folder, processes would train different weights.
    """
    expected = parallel.from_main(lambda: (folder / HOLDER).read_text(encoding="utf-8"))
    seen = parallel.gather((sees_text(folder / HOLDER, expected), socket.gethostname()))
    blind = [f"process {rank} on {host}" for rank, (sees, host) in enumerate(seen) if not sees]
    if blind:
        where = folder.absolute()
        parallel.stop(f"--result_path: {', '.join(blind)} cannot see {where} of process 0; share the folder")


def sees_text(path: Path, expected: str) -> bool:
    """Whether a file has this content; a network file system gets some seconds to show it."""
    deadline = time.monotonic() + LONGEST_DELAY
    while True:
        try:
            if path.read_text(encoding="utf-8") == expected:
                return True
        except OSError:
            pass
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
