"""Runs one step over many videos: here, in several processes, or on a cluster. Reports what became of each."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import cv2
from tqdm import tqdm

from config.errors import InputError

LONGEST_WAIT = 60  # seconds, for the first worker of a cluster
Status = Literal["done", "kept", "failed"]


@dataclass(frozen=True)
class Outcome:
    """What a step did with one video: done, kept (its output was up to date), or failed. `detail` says more."""

    name: str
    status: Status
    detail: str = ""


def run_jobs(
    title: str, work: Callable[..., Outcome], arguments: Sequence[tuple], num_workers: int = 1, scheduler: str = ""
) -> list[Outcome]:
    """Call `work(name, *rest)` for every tuple, with a progress bar. Results keep the order of `arguments`.

    A video that fails is reported and the others go on, but for a process that dies: it takes with it the videos that
    are not done; a cluster works on. `scheduler` is the address of a Dask cluster whose workers see
    the same files under the same paths; without it the work is done by `num_workers` processes of this machine.
    """
    outcomes: dict[str, Outcome] = {}
    with tqdm(total=len(arguments), desc=title, unit="video") as bar:
        if not scheduler and (num_workers == 1 or len(arguments) < 2):
            for job in arguments:
                outcomes[job[0]] = attempt(work, job)
                bar.update()
        else:
            workers = cluster(scheduler) if scheduler else processes(min(num_workers, len(arguments)))
            with workers as (executor, worker_died):
                jobs = {executor.submit(attempt, work, job): job[0] for job in arguments}
                for future in as_completed(jobs):
                    outcomes[jobs[future]] = result_of(future, jobs[future], worker_died)
                    bar.update()
    return [outcomes[job[0]] for job in arguments]


@contextmanager
def processes(number: int) -> Iterator[tuple[Executor, type[Exception]]]:
    """Executor of this machine, and what it raises for a job whose worker died.

    Processes are spawned: libraries used here do not survive a fork with threads running.
    """
    with ProcessPoolExecutor(number, mp_context=multiprocessing.get_context("spawn")) as executor:
        yield executor, BrokenProcessPool


@contextmanager
def cluster(address: str) -> Iterator[tuple[Executor, type[Exception]]]:
    """The same of a Dask cluster. Raises InputError when none answers at `address`."""
    from distributed import Client, KilledWorker

    try:
        client = Client(address, timeout=10)
    except (OSError, ValueError) as error:
        raise InputError(
            f"--scheduler {address}: no Dask scheduler answers ({error}); start one, see README"
        ) from error
    with client, client.get_executor(pure=False) as executor:
        try:
            client.wait_for_workers(1, timeout=LONGEST_WAIT)
        except TimeoutError as error:
            raise InputError(f"--scheduler {address}: the cluster has no workers; start some, see README") from error
        yield executor, KilledWorker


def attempt(work: Callable[..., Outcome], job: tuple) -> Outcome:
    try:
        return work(*job)
    except (InputError, OSError, ValueError, cv2.error) as error:
        return Outcome(job[0], "failed", str(error).replace("\n", " "))


def result_of(future: Future, name: str, worker_died: type[Exception]) -> Outcome:
    try:
        return future.result()
    except (worker_died, CancelledError):
        return Outcome(name, "failed", "a worker process died, perhaps for lack of memory; run again with fewer")
    except ModuleNotFoundError as error:
        raise InputError(
            f"--scheduler: a worker does not find the project ({error}); start it as README says"
        ) from error


def summarise(step: str, outcomes: list[Outcome]) -> int:
    """Print one line for the step and one for every failure; return the number of failures."""
    counts = {status: sum(o.status == status for o in outcomes) for status in ("done", "kept", "failed")}
    print(f"{step}: {counts['done']} done, {counts['kept']} up to date, {counts['failed']} failed")
    for outcome in outcomes:
        if outcome.status == "failed" or (outcome.status == "done" and outcome.detail):
            print(f"  {outcome.name}: {'FAILED: ' if outcome.status == 'failed' else ''}{outcome.detail}")
    return counts["failed"]
