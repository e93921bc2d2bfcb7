"""app.py as a user runs it: a process on a free port of loopback, which can be killed and started again."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 300.0  # seconds that anything here may take on a busy machine
OVER = ("completed", "failed", "cancelled")


class AppProcess:
    """`flags`: of app.py, by name. Use as a context manager."""

    def __init__(self, **flags: object):
        self.flags = {"port": 0, **flags}
        self.address = ""
        self.process: subprocess.Popen | None = None
        self.http = httpx.Client(timeout=LONGEST, trust_env=False)

    def __enter__(self) -> "AppProcess":
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.http.close()
        self.end(signal.SIGTERM)

    def start(self) -> None:
        given = [part for name, value in self.flags.items() for part in (f"--{name}", str(value))]
        command = [sys.executable, "app.py", *given]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().partition(" ")[0].rstrip("/")
        self.http.base_url = self.address

    def end(self, number: int) -> int:
        """Send a signal; the exit status."""
        self.process.send_signal(number)
        status = self.process.wait(LONGEST)
        self.process.stdout.close()
        return status

    def post(self, **values: Any) -> httpx.Response:
        """Post a job; paths are sent as files."""
        files = {name: (value.name, value.read_bytes()) for name, value in values.items() if isinstance(value, Path)}
        fields = {name: value for name, value in values.items() if name not in files}
        return self.http.post("/api/jobs", files=files, data=fields)

    def job(self, identity: str) -> dict[str, Any]:
        return self.http.get(f"/api/jobs/{identity}").json()

    def ended(self, identity: str) -> dict[str, Any]:
        """The job, once it has ended."""
        return self.until(lambda: (job := self.job(identity))["state"] in OVER and job)

    def until(self, condition: Callable[[], Any]) -> Any:
        """What `condition` gives as soon as it is true. Raises TimeoutError after LONGEST, or where the server died."""
        deadline = time.monotonic() + LONGEST
        while not (found := condition()):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise TimeoutError(f"not within {LONGEST:.0f} s, or app.py has died")
            time.sleep(0.05)
        return found
