"""All that the server does, without HTTP: what the API and the page have in common."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from config.config import AppOptions
from config.errors import InputError
from serving.avatars import Avatars
from serving.callbacks import call_back
from serving.job_files import SOURCE, JobFiles, Upload, shown_name
from serving.job_queue import JobQueue
from serving.job_store import COMPLETED, PENDING, RUNNING, Job, JobStore, new_id
from serving.live_process import LiveProcesses
from serving.meter import sentence
from serving.orders import Order
from serving.refused import Refused
from serving.state_folder import DATABASE, LOCK

CLEANING = 60.0  # seconds between looks for what is to be deleted
ALL = -1  # SQLite's LIMIT for no limit
ROLES = {"video": "source_video_path", "speech": "driving_audio_path"}


class Service:
    """Jobs from their posting to their deletion. Use `running` to begin and end the work."""

    def __init__(self, options: AppOptions):
        self.options = options
        self.state = Path(options.state_folder)
        self.files = JobFiles(self.state / "jobs")
        self.store = JobStore(self.state / DATABASE)
        self.queue = JobQueue(options, self.store, self.files, self.job_ended)
        self.avatars = Avatars(Path(options.avatars))
        self.live = LiveProcesses(options)
        self.is_over = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Do jobs and delete old ones while the block lasts."""
        cleaner = threading.Thread(target=self.clean, daemon=True)
        self.queue.start()
        if self.avatars.names():
            self.live.warm_up()
        cleaner.start()
        try:
            yield
        finally:
            self.is_over.set()
            self.queue.stop()
            self.live.close()
            cleaner.join()
            self.store.close()

    def clean(self) -> None:
        while True:
            for job in self.store.expired(time.time() - self.options.keep_hours * 3600):
                self.remove(job)
            if self.is_over.wait(CLEANING):
                return

    def submit(self, order: Order) -> Job:
        """A new job; the earlier one where its key was used before. Raises Refused where it cannot be taken."""
        if order.key and (known := self.store.of_key(order.key)):
            return known
        if self.store.counts()[PENDING] >= self.options.max_pending:
            message = f"{self.options.max_pending} jobs are waiting, the most that this server takes; try again later"
            raise Refused(message, HTTPStatus.TOO_MANY_REQUESTS)
        self.check_vacant(order)
        identity = new_id()
        uploads = {role: source for role, source in order.inputs.items() if isinstance(source, Upload)}
        paths = {**order.inputs, **self.files.store(identity, uploads)}
        names = {role: shown_name(str(source.name)) for role, source in order.inputs.items()}
        work = {
            "options": {**order.options, **{ROLES[role]: str(path) for role, path in paths.items()}},
            "names": {str(path): names[role] for role, path in paths.items()},
        }
        title = " + ".join(Path(name).stem for name in names.values())
        job = None
        try:
            job = self.store.add(identity, order.kind, work, title, order.callback, order.key)
        finally:
            if job is None or job.id != identity:
                self.files.remove(identity)
        self.queue.wake()
        return job

    def check_vacant(self, order: Order) -> None:
        """Raise Refused where another job is to make an avatar of the same name."""
        place = order.options.get("output_folder")
        others = [*self.store.listed(PENDING, ALL), *self.store.listed(RUNNING, ALL)] if place else []
        if any(job.work["options"].get("output_folder") == place for job in others):
            raise Refused("avatar: one of this name is being made; give another name", HTTPStatus.CONFLICT)

    def get(self, identity: str) -> Job:
        """Raises Refused where there is no such job."""
        if job := self.store.get(identity):
            return job
        raise Refused("no such job; it was deleted, or never posted", HTTPStatus.NOT_FOUND)

    def result(self, identity: str) -> tuple[Job, Path]:
        """A job and the file of its result. Raises Refused where there is none."""
        job = self.get(identity)
        if job.state != COMPLETED:
            raise Refused(f"the job is {job.state}; only a completed one has a result", HTTPStatus.CONFLICT)
        return job, self.files.result(job.id, job.kind)

    def source(self, identity: str) -> Path:
        """The file of its source as it is played beside the result, frame for frame. Raises Refused as `result`."""
        return self.result(identity)[1].with_name(SOURCE)

    def discard(self, identity: str) -> Job:
        """Cancel a job that waits or runs, delete one that has ended; the job as it then is, or was."""
        job = self.get(identity)
        if job.is_over:
            self.remove(job)
            return job
        self.queue.cancel(job)
        return self.get(identity)

    def remove(self, job: Job) -> None:
        self.store.remove(job.id)
        self.files.remove(job.id)

    def job_ended(self, job: Job | None) -> None:
        if job and job.callback:
            call_back(job.callback, described(job))


def described(job: Job) -> dict[str, Any]:
    """A job as the API shows it."""
    shown = {name: getattr(job, name) for name in ("id", "kind", "state", "title", "created", "began", "ended")}
    result = f"/api/jobs/{job.id}/result" if job.state == COMPLETED else None
    message = job.message or sentence(job.stage)
    return {**shown, "progress": round(job.progress, 4), "message": message, "stage": job.stage, "result": result}


@contextmanager
def sole_server(folder: Path) -> Iterator[None]:
    """Hold the state folder, so that no second server works in it. Raises InputError where one does."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        message = f"--state_folder: another server works in {folder}; stop it, or give another folder"
        raise InputError(message) from error
    try:
        yield
    finally:
        lock.release()
