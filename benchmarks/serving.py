"""app.py under many clients at once, some of whom send garbage, while it is killed: what becomes of every job.

    python benchmarks/serving.py --checkpoint CKPT --video FACE.mp4 --speech SPEECH.wav

Small jobs are posted by clients that post again where the connection breaks, with an Idempotency-Key each. When a third
of them has ended the server is killed with SIGKILL, and started again. Prints a table.
"""

import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from config.errors import InputError, run_script
from config.options import option, parse

PATIENCE = 1.0  # seconds until a client posts again


@dataclass
class ServingOptions:
    """benchmarks/serving.py"""

    checkpoint: str = option("", "checkpoint of a generator")
    video: str = option("", "of a face; short")
    speech: str = option("", "short")
    jobs: int = option(100, "how many are posted", low=1, high=10**4)
    garbage: int = option(3, "how many of them hold a video that is none", low=0, high=10**4)
    clients: int = option(20, "how many post at a time", low=1, high=200)


def main() -> None:
    options = parse(ServingOptions, __doc__)
    for name in ("checkpoint", "video", "speech"):
        if not Path(getattr(options, name)).is_file():
            raise InputError(f"--{name}: {getattr(options, name)!r} is not a file; give the path of a file that exists")
    from benchmarks.app_process import AppProcess

    with tempfile.TemporaryDirectory() as folder:
        flags = {"max_pending": options.jobs, "state_folder": folder, "checkpoint": Path(options.checkpoint).absolute()}
        began = time.perf_counter()
        with AppProcess(**flags) as app:
            app.until(lambda: app.http.get("/").status_code == 200)
            first_page = time.perf_counter() - began
            app.until(lambda: app.http.get("/api/status").json()["generator"] == "ready")
            ready = time.perf_counter() - began
            print_table(options, first_page, ready, *run(app, options))


def run(app, options: ServingOptions) -> tuple[Counter, float, float]:
    """What became of the jobs that were good and bad, by state; seconds; and the most memory, bytes."""
    memory = MemoryWatch(app)
    began = time.perf_counter()
    with ThreadPoolExecutor(options.clients) as clients, memory:
        posts = [clients.submit(post, app, options, number) for number in range(options.jobs)]
        app.until(lambda: ended_count(app) >= options.jobs // 3)
        app.end(signal.SIGKILL)
        app.start()
        jobs = [future.result() for future in posts]
        ends = [app.ended(job) for job in jobs]
    seconds = time.perf_counter() - began
    listed = app.http.get("/api/jobs", params={"limit": 1000}).json()
    outcomes = Counter(
        f"{'bad' if number < options.garbage else 'good'}, {job['state']}" for number, job in enumerate(ends)
    )
    outcomes["jobs that the server knows"] = len(listed)
    outcomes["results that are there"] = sum(
        app.http.get(job["result"]).status_code == 200 for job in listed if job["result"]
    )
    return outcomes, seconds, memory.most


def post(app, options: ServingOptions, number: int) -> str:
    """Post a job until it is taken; its identity."""
    import httpx

    video = b"no video" if number < options.garbage else Path(options.video).read_bytes()
    files = {"video": ("face.mp4", video), "speech": ("speech.wav", Path(options.speech).read_bytes())}
    while True:
        with suppress(httpx.TransportError):
            key = {"Idempotency-Key": f"job {number}"}
            answer = httpx.post(f"{app.address}/api/jobs", files=files, headers=key, timeout=60, trust_env=False)
            if answer.status_code == 201:
                return answer.json()["id"]
        time.sleep(PATIENCE)


def ended_count(app) -> int:
    return sum(app.http.get("/api/status").json()["jobs"][state] for state in ("completed", "failed"))


class MemoryWatch:
    """The most memory of server and workers together while the block lasts, shared pages counted once."""

    def __init__(self, app):
        self.app, self.most, self.is_over = app, 0, threading.Event()

    def __enter__(self) -> "MemoryWatch":
        self.watcher = threading.Thread(target=self.watch)
        self.watcher.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.is_over.set()
        self.watcher.join()

    def watch(self) -> None:
        import psutil

        while not self.is_over.wait(0.5):
            with suppress(psutil.Error):
                server = psutil.Process(self.app.process.pid)
                processes = [server, *server.children(recursive=True)]
                self.most = max(self.most, sum(process.memory_full_info().pss for process in processes))


def print_table(
    options: ServingOptions, first_page: float, ready: float, outcomes: Counter, seconds: float, memory: float
) -> None:
    print(f"{options.jobs} jobs from {options.clients} clients, {options.garbage} garbage, killed once\n")
    print("| | |\n| --- | --- |")
    print(f"| start to first page | {first_page:.1f} s |\n| start to a loaded generator | {ready:.1f} s |")
    for name, count in sorted(outcomes.items()):
        print(f"| {name} | {count} |")
    print(
        f"| time for all, restart included | {seconds:.0f} s |\n| most memory, all processes | {memory / 1e6:.0f} MB |"
    )


if __name__ == "__main__":
    run_script(main)
