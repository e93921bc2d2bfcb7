"""Who does the jobs: lanes, each a thread with a worker process, which is replaced when it dies."""

import sqlite3
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any

from config.config import AppOptions
from serving.job_files import JobFiles
from serving.job_store import CANCELLED, FAILED, PENDING, Job, JobStore
from serving.meter import Meter
from serving.worker_process import WorkerDied, WorkerProcess

LOADING, READY, BROKEN = "loading", "ready", "broken"
Ended = Callable[[Job], None]
LONGEST_WAIT = 5.0  # seconds after which a lane looks for a job unasked
RETRY = 1.0  # seconds until the disk is tried again, when it is full


class Lane(threading.Thread):
    """Does jobs of some kinds, one after another. `generator` is LOADING, READY or BROKEN, for a reason, `trouble`.

    A spare lane works only while all others do, and loads its generator when it first has to.
    """

    def __init__(self, queue: "JobQueue", kinds: Collection[str], is_spare: bool = False):
        super().__init__(daemon=True)
        self.queue, self.kinds, self.is_spare = queue, kinds, is_spare
        self.generator, self.trouble = LOADING, ""
        self.current: Job | None = None
        self.is_cancelled = False  # the current job
        self.worker: WorkerProcess | None = None

    def run(self) -> None:
        if not self.is_spare:
            self.load()
        while (job := self.queue.next(self)) is not None:
            self.do(job)
            self.current = None
        if self.worker:
            self.worker.close()

    def load(self) -> None:
        """Start a worker and wait until its generator is loaded, or cannot be."""
        if self.worker:
            self.worker.close()
        with self.queue.loading:
            if self.queue.is_stopping:
                return
            self.generator, self.worker = LOADING, WorkerProcess(self.queue.options)
            try:
                self.trouble = self.worker.answer().get("broken", "")
            except WorkerDied as death:
                self.trouble = str(death)
        self.generator = BROKEN if self.trouble else READY
        if self.trouble and not self.queue.is_stopping:
            print(f"error: {self.trouble}", flush=True)

    def do(self, job: Job) -> None:
        if self.generator != READY:
            self.load()  # what was broken may have been mended
        if self.generator != READY:
            self.end(job, FAILED, self.trouble)
            return
        try:
            state, message, lost = self.outcome(job)
        except WorkerDied as death:
            if self.queue.is_stopping:
                self.queue.store.give_back(job.id)
                return
            state, message, lost = CANCELLED if self.is_cancelled else FAILED, str(death), True
        self.end(job, state, message)
        if lost:
            self.load()

    def outcome(self, job: Job) -> tuple[str, str, bool]:
        """Have the worker do a job, and note how far it comes. Its state, message, and whether the worker ends with it.

        Raises WorkerDied.
        """
        if self.is_cancelled:
            return CANCELLED, "cancelled", False
        result = self.queue.files.result(job.id, job.kind)
        names = {**job.work["names"], str(result): result.name}
        meter = Meter(job.kind)
        request = {"id": job.id, "kind": job.kind, "options": job.work["options"]}
        for message in self.worker.work({**request, "output": str(result), "names": names}):
            if "state" in message:
                return message["state"], message["message"], message["lost"]
            if reading := meter.reading(*message["progress"]):
                with suppress(sqlite3.Error):  # a full disk: the next one may be written
                    self.queue.store.note(job.id, *reading)
        raise WorkerDied("the process that worked on it said nothing of its end")

    def end(self, job: Job, state: str, message: str) -> None:
        """Note what became of a job; on a full disk, as soon as that is possible."""
        while True:
            try:
                self.queue.ended(self.queue.store.end(job.id, state, message))
                return
            except sqlite3.Error as error:
                print(f"warning: job {job.id} has {state}, which cannot be noted ({error}); make room", flush=True)
                if self.queue.is_stopping:
                    return
                self.queue.pause()

    def begin(self, job: Job) -> None:
        self.current, self.is_cancelled = job, False

    def cancel(self) -> None:
        """Have the current job end."""
        self.is_cancelled = True
        self.worker.cancel(self.current.id)


class JobQueue:
    """Jobs of a store, done by lanes: `options.workers` of them, and a spare one for previews, which wait for nobody.

    `ended` is called with every job that ends, in the thread that ended it.
    """

    def __init__(self, options: AppOptions, store: JobStore, files: JobFiles, ended: Ended):
        self.options, self.store, self.files, self.ended = options, store, files, ended
        self.changed, self.is_stopping = threading.Condition(), False
        self.loading = threading.Lock()  # one after another: side by side none would be ready soon
        lanes = [Lane(self, ("preview", "dub", "avatar")) for _ in range(options.workers)]
        self.lanes = [*lanes, Lane(self, ("preview",), is_spare=True)]

    def start(self) -> None:
        self.store.recover()
        self.files.remove_all_but(self.store.identities())
        for lane in self.lanes:
            lane.start()

    def stop(self) -> None:
        """End all workers; running jobs wait for the next start."""
        with self.changed:
            self.is_stopping = True
            self.changed.notify_all()
        for lane in self.lanes:
            if lane.worker:
                lane.worker.kill()
        for lane in self.lanes:
            lane.join()

    def next(self, lane: Lane) -> Job | None:
        """The next job for a lane, as soon as there is one; None when all ends."""
        with self.changed:
            while not self.is_stopping:
                with suppress(sqlite3.Error):  # a full disk
                    if self.is_wanted(lane) and (job := self.store.take(lane.kinds)):
                        lane.begin(job)
                        self.changed.notify_all()  # the spare lane, that there is one lane less
                        return job
                self.changed.wait(LONGEST_WAIT)
        return None

    def is_wanted(self, lane: Lane) -> bool:
        return not lane.is_spare or all(other.current for other in self.lanes if not other.is_spare)

    def pause(self) -> None:
        """Wait for RETRY, or until all ends."""
        with self.changed:
            self.changed.wait(RETRY)

    def wake(self) -> None:
        """Say that there is a new job."""
        with self.changed:
            self.changed.notify_all()

    def cancel(self, job: Job) -> None:
        """Have a job end that waits or runs; one that runs ends a little later."""
        if ended := self.store.end(job.id, CANCELLED, "cancelled before it began", (PENDING,)):
            self.ended(ended)
            return
        with self.changed:
            for lane in self.lanes:
                if lane.current and lane.current.id == job.id:
                    lane.cancel()

    def state(self) -> dict[str, Any]:
        """Of the generator that dubs first, with the reason where it is broken."""
        first = self.lanes[0]
        return {"generator": first.generator, "trouble": first.trouble if first.generator == BROKEN else ""}
