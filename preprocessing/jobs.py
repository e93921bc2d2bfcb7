"""Runs one step over many videos: here, in several processes, or on a cluster. Reports what became of each."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from config.errors import InputError, reason
from preprocessing.processes import ProcessDied, in_processes

if TYPE_CHECKING:
    from distributed import Future

LONGEST_WAIT = 60  # seconds, for the first worker of a cluster
Status = Literal["done", "kept", "failed"]


@dataclass(frozen=True)
class Outcome:
    """What a step did with one video: done, kept (its output was up to date), or failed. `detail` says more.

    `result` is what the step made, where that is not a file.
    """

    name: str
    status: Status
    detail: str = ""
    result: Any = None


def run_jobs(
    title: str, work: Callable[..., Outcome], arguments: Sequence[tuple], num_workers: int = 1, scheduler: str = ""
) -> list[Outcome]:
    """Call `work(name, *rest)` for every tuple, with a progress bar. Results keep the order of `arguments`.

    A video that fails, by whatever exception or by the death of its process, is reported and the others go on.
    `scheduler` is the address of a Dask cluster whose workers see the same files under the same paths; without it the
    work is done by `num_workers` processes of this machine.
    """
    from tqdm import tqdm

    outcomes: dict[int, Outcome] = {}
    if scheduler:
        results = on_cluster(work, arguments, scheduler)
    elif num_workers > 1 and len(arguments) > 1:
        results = in_processes([(attempt, (work, job)) for job in arguments], num_workers)
    else:
        results = ((index, attempt(work, job)) for index, job in enumerate(arguments))
    with tqdm(total=len(arguments), desc=title, unit="video") as bar, closing(results):
        for index, result in results:
            if isinstance(result, Exception):
                result = Outcome(arguments[index][0], "failed", cause(result))
            outcomes[index] = result
            bar.update()
    return [outcomes[index] for index in range(len(arguments))]


def on_cluster(
    work: Callable[..., Outcome], arguments: Sequence[tuple], address: str
) -> Iterator[tuple[int, Outcome | Exception]]:
    """Index and outcome of every job, as each is done, or what kept it from one.

    Raises InputError when no cluster answers at `address`.
    """
    from distributed import Client, as_completed

    try:
        client = Client(address, timeout=10)
    except (OSError, ValueError) as error:
        raise InputError(
            f"--scheduler {address}: no Dask scheduler answers ({error}); start one, see README"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=LONGEST_WAIT)
        except TimeoutError as error:
            raise InputError(f"--scheduler {address}: the cluster has no workers; start some, see README") from error
        jobs = {client.submit(attempt, work, job, pure=False): index for index, job in enumerate(arguments)}
        for future in as_completed(jobs):
            yield jobs[future], cluster_result(future)


def cluster_result(future: "Future") -> Outcome | Exception:
    """A job's outcome, or what `attempt` could not catch: it happened before it, or to the whole worker."""
    try:
        return future.result()
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name == __package__:
            raise InputError(
                f"--scheduler: a worker does not find the project ({error}); start it as README says"
            ) from error
        return ProcessDied("on the cluster") if type(error).__name__ == "KilledWorker" else error


def attempt(work: Callable[..., Outcome], job: tuple) -> Outcome:
    """The outcome of `work(*job)`; a failed one where it raises any exception."""
    name = job[0]
    if not is_text(str(name)):
        return Outcome(name, "failed", "its name is not UTF-8 text; rename it")
    try:
        return work(*job)
    except Exception as error:
        return Outcome(name, "failed", reason(error))


def is_text(name: str) -> bool:
    """Whether a file's name was UTF-8 on disk: other bytes become surrogates, which no text file can hold."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def cause(error: Exception) -> str:
    """One line that says why a video failed."""
    if isinstance(error, ProcessDied):
        return f"a worker process died ({error}), perhaps for lack of memory; run again with fewer --num_workers"
    return reason(error)


def summarise(step: str, outcomes: list[Outcome]) -> int:
    """Print one line for the step and one for every failure; return the number of failures."""
    counts = {status: sum(o.status == status for o in outcomes) for status in ("done", "kept", "failed")}
    print(f"{step}: {counts['done']} done, {counts['kept']} up to date, {counts['failed']} failed")
    for outcome in outcomes:
        if outcome.status == "failed" or (outcome.status == "done" and outcome.detail):
            print(f"  {outcome.name}: {'FAILED: ' if outcome.status == 'failed' else ''}{outcome.detail}")
    return counts["failed"]
