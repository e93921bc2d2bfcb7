"""Many dubs, as a file of jobs names them. All jobs are checked first; then a job that fails costs only itself.

A result that is there and was made from the same inputs with the same options is kept, so that running the same command
again does what is missing. Jobs that share a generator follow one another, and it is loaded once.
"""

import functools
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from tqdm import tqdm

from config.config import InferenceOptions
from config.errors import reason
from dubbing.cache import content_hash
from dubbing.job_checks import check_jobs
from dubbing.job_file import Job, read_jobs
from dubbing.made_from import made_from, read_tag
from dubbing.pipeline import dub
from dubbing.renderer import DECIDING, Renderer, load_renderer

Hash = Callable[[str], str]  # of a file's content


def run_jobs(options: InferenceOptions) -> int:
    """Do the jobs of --jobs, with a line about each as it ends. Returns the exit status, 1 where one failed.

    Raises InputError, before anything is made, where a job cannot be done as it stands, or where the one generator
    that all of them need cannot be loaded.
    """
    jobs = read_jobs(Path(options.jobs), options)
    check_jobs(jobs)
    hash_once = functools.cache(content_hash)
    with Report(options.jobs, len(jobs)) as report:
        missing = []
        for job in jobs:
            if is_kept(job, hash_once):
                report.end(job, "up to date", f"{job.output}: up to date")
            else:
                missing.append(job)
        groups = by_generator(missing)
        for group in groups:
            do_group(group, hash_once, report, is_only=len(groups) == 1)
    return report.finish()


def is_kept(job: Job, hash_once: Hash) -> bool:
    """Whether the result is there and was made from the same; what cannot be read costs the job when it begins."""
    try:
        return job.output.exists() and read_tag(job.output) == made_from(job.options, hash_once)
    except OSError:
        return False


def by_generator(jobs: Sequence[Job]) -> list[list[Job]]:
    """The jobs that share a loaded generator, in the order of the file."""
    groups: dict[tuple, list[Job]] = {}
    for job in jobs:
        groups.setdefault(tuple(getattr(job.options, name) for name in DECIDING), []).append(job)
    return list(groups.values())


def do_group(jobs: Sequence[Job], hash_once: Hash, report: "Report", is_only: bool) -> None:
    """Do jobs that share a generator. Raises what keeps it from being loaded where there are no other jobs."""
    try:
        renderer = load_renderer(jobs[0].options)
    except Exception as error:
        if is_only:
            raise
        for job in jobs:
            report.end(job, "failed", failure(job, error))
        return
    for job in jobs:
        report.end(job, *do_job(job, renderer, hash_once))


def do_job(job: Job, renderer: Renderer, hash_once: Hash) -> tuple[str, str]:
    """What became of a job, and the line about it."""
    try:
        return "done", dub(job.options, job.output, renderer, made_from(job.options, hash_once))
    except Exception as error:
        return "failed", failure(job, error)


def failure(job: Job, error: Exception) -> str:
    return f"{job.output}: FAILED: {reason(error)}"


class Report:
    """Says what became of each job, beside a progress bar, and counts. Use as a context manager."""

    def __init__(self, name: str, total: int):
        self.name, self.counts, self.failed = name, Counter(), []
        self.bar = tqdm(total=total, desc="jobs", unit=" jobs", dynamic_ncols=True)

    def __enter__(self) -> "Report":
        return self

    def __exit__(self, *exception: object) -> None:
        self.bar.close()

    def end(self, job: Job, status: str, line: str) -> None:
        """`status`: done, up to date or failed."""
        self.counts[status] += 1
        if status == "failed":
            self.failed.append(str(job.number))
        tqdm.write(f"job {job.number}, {line}")
        sys.stdout.flush()  # whoever reads it from a pipe wants it as the job ends
        self.bar.update()

    def finish(self) -> int:
        """Print the summary; the exit status."""
        counts = ", ".join(f"{self.counts[status]} {status}" for status in ("done", "up to date", "failed"))
        named = f" (job {', '.join(self.failed)})" if self.failed else ""
        print(f"{self.name}: {counts}{named}")
        return 1 if self.failed else 0
