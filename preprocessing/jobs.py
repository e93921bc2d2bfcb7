"""Runs one step over many videos, here or in several processes, and reports what became of each."""

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Literal

import cv2
from tqdm import tqdm

from config.errors import InputError

Status = Literal["done", "kept", "failed"]


@dataclass(frozen=True)
class Outcome:
    """What a step did with one video: done, kept (its output was up to date), or failed. `detail` says more."""

    name: str
    status: Status
    detail: str = ""


def run_jobs(
    title: str, work: Callable[..., Outcome], arguments: Sequence[tuple], num_workers: int = 1
) -> list[Outcome]:
    """Call `work(name, *rest)` for every tuple, with a progress bar. Results keep the order of `arguments`.

    A video that fails is reported and the others go on. Processes are spawned: libraries used here do not survive a
    fork with threads running.
    """
    outcomes: dict[str, Outcome] = {}
    with tqdm(total=len(arguments), desc=title, unit="video") as bar:
        if num_workers == 1 or len(arguments) < 2:
            for job in arguments:
                outcomes[job[0]] = attempt(work, job)
                bar.update()
        else:
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(min(num_workers, len(arguments)), mp_context=context) as executor:
                jobs = {executor.submit(attempt, work, job): job[0] for job in arguments}
                for future in as_completed(jobs):
                    outcomes[jobs[future]] = result_of(future, jobs[future])
                    bar.update()
    return [outcomes[job[0]] for job in arguments]


def attempt(work: Callable[..., Outcome], job: tuple) -> Outcome:
    try:
        return work(*job)
    except (InputError, OSError, ValueError, cv2.error) as error:
        return Outcome(job[0], "failed", str(error).replace("\n", " "))


def result_of(future: Future, name: str) -> Outcome:
    try:
        return future.result()
    except BrokenProcessPool:
        return Outcome(name, "failed", "a worker process died, perhaps for lack of memory; run again, --num_workers 1")


def summarise(step: str, outcomes: list[Outcome]) -> int:
    """Print one line for the step and one for every failure; return the number of failures."""
    counts = {status: sum(o.status == status for o in outcomes) for status in ("done", "kept", "failed")}
    print(f"{step}: {counts['done']} done, {counts['kept']} up to date, {counts['failed']} failed")
    for outcome in outcomes:
        if outcome.status == "failed" or (outcome.status == "done" and outcome.detail):
            print(f"  {outcome.name}: {'FAILED: ' if outcome.status == 'failed' else ''}{outcome.detail}")
    return counts["failed"]
