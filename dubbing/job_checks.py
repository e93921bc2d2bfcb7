"""What can be known of all jobs before any work begins: missing inputs, and results that would replace something."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from config.errors import InputError, reason
from dubbing.job_file import Job
from dubbing.made_from import read_tag
from dubbing.result import INPUTS, check_paths, result_flag


def check_jobs(jobs: Sequence[Job]) -> None:
    """Raise InputError, naming the job, where an input is missing, or a result cannot be written where it is to go.

    Nor may two jobs have one result, or a result replace an input of any job, or a file that is none of ours.
    """
    inputs: dict[tuple[int, int], tuple[Job, str]] = {}
    for job in jobs:
        with naming(job):
            check_paths(job.options)
            inputs |= {file_id(path): (job, name) for name, path in inputs_of(job).items()}
    writers: dict[str, Job] = {}
    for job in jobs:
        with naming(job):
            check_result(job, inputs, writers)


@contextmanager
def naming(job: Job) -> Iterator[None]:
    """Put the place of a job before what is wrong with it."""
    try:
        yield
    except (InputError, OSError) as error:
        raise InputError(f"{job.place}: {reason(error)}") from error


def inputs_of(job: Job) -> dict[str, str]:
    """Those that exist, by the names of their options."""
    given = {name: getattr(job.options, name) for name in INPUTS}
    return {name: path for name, path in given.items() if path and Path(path).exists()}


def file_id(path: str | Path) -> tuple[int, int]:
    """The same for all names of a file."""
    status = os.stat(path)
    return status.st_dev, status.st_ino


def check_result(job: Job, inputs: dict[tuple[int, int], tuple[Job, str]], writers: dict[str, Job]) -> None:
    """Raise InputError where the result of a job would replace what it must not; note the job in `writers`."""
    where = f"{result_flag(job.options)}: {job.output}"
    first = writers.setdefault(os.path.realpath(job.output), job)
    if first is not job:
        raise InputError(f"{where} is the result of job {first.number} too; give each job an --output of its own")
    if not job.output.exists():
        return
    if user := inputs.get(file_id(job.output)):
        raise InputError(f"{where} is --{user[1]} of job {user[0].number}, which would be lost; give another path")
    if not read_tag(job.output):
        raise InputError(f"{where} exists and is no result of --jobs; move it away, or give another path")
