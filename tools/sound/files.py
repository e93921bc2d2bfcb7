"""Which sound files become which."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from config.config import AudioOptions
from config.errors import InputError
from media.files import check_outputs
from media.sound_blocks import SOUND_SUFFIXES
from media.sound_writer import CONTAINERS, writable_rates
from media.video import VIDEO_SUFFIXES

SUFFIXES = ", ".join(f".{suffix}" for suffix in CONTAINERS)


@dataclass(frozen=True)
class Job:
    """Files that become one: a single file, or all that are joined."""

    sources: list[Path]
    output: Path


def plan_jobs(paths: Sequence[Path], options: AudioOptions) -> list[Job]:
    """Raises InputError where a result would replace a file that is read, or two results each other."""
    found = [pair for path in paths for pair in find_sounds(path)]
    sources = [source for source, _ in found]
    output = Path(options.output).absolute()
    refuse_inside(output, paths)
    if options.join:
        if not is_result(output):
            raise InputError(f"--output: {output} does not end in one of {SUFFIXES}; --join makes a file of that name")
        jobs = [Job(sources, output)]
    elif len(paths) == 1 and paths[0].is_file() and is_result(output):
        jobs = [Job(sources, output)]
    else:
        jobs = [Job([source], output / result_name(below, options.format)) for source, below in found]
        refuse_file(output)
    if options.format and not all(job.output.suffix[1:].lower() == options.format for job in jobs):
        raise InputError(f"--format is {options.format}, and --output {output} ends otherwise; give one of the two")
    refuse_clashes(jobs, sources)
    return jobs


def find_sounds(path: Path) -> list[tuple[Path, Path]]:
    """A file, or a folder's sound and video files, in subfolders too but for hidden ones; and each one's name in it."""
    if path.is_file():
        return [(path, Path(path.name))]
    if not path.is_dir():
        raise InputError(f"{path}: no such file or folder; give sound files, or folders of them")
    suffixes = SOUND_SUFFIXES | VIDEO_SUFFIXES
    files = [file for file in sorted(path.rglob("*")) if file.suffix.lower() in suffixes and file.is_file()]
    named = [(file, file.relative_to(path)) for file in files]
    found = [(file, below) for file, below in named if not any(part.startswith(".") for part in below.parts)]
    if not found:
        raise InputError(f"{path} holds no sound files, such as {SUFFIXES}, nor videos")
    return found


def is_result(output: Path) -> bool:
    """Whether a path is the name of a file that can be written."""
    return output.suffix[1:].lower() in CONTAINERS and not output.is_dir()


def refuse_inside(output: Path, paths: Sequence[Path]) -> None:
    """Raise InputError where results would lie among the files that are read, and be read the next time."""
    for path in paths:
        if path.is_dir() and path.resolve() in (output.resolve(), *output.resolve().parents):
            raise InputError(f"--output: {output} lies in {path}, which is read; give a place outside of it")


def refuse_file(output: Path) -> None:
    """Raise InputError where a folder of results has a file's name."""
    if output.suffix.lower() in SOUND_SUFFIXES | VIDEO_SUFFIXES and not output.is_dir():
        raise InputError(
            f"--output: {output} is the name of a file; several files become a folder, and one file or those of --join "
            f"a name that ends in one of {SUFFIXES}"
        )
    check_outputs({"--output": output}, {}, are_folders=True)


def result_name(below: Path, suffix: str | None) -> Path:
    own = below.suffix[1:].lower()
    return below.with_suffix(f".{suffix or (own if own in CONTAINERS else 'wav')}")


def refuse_clashes(jobs: Sequence[Job], sources: Sequence[Path]) -> None:
    read = {identity(source): source for source in sources}
    made: dict[Path, Path] = {}
    for job in jobs:
        clash = read.get(identity(job.output)) if job.output.exists() else None
        check_outputs({"--output": job.output}, {str(clash): clash} if clash else {})
        other = made.setdefault(job.output, job.sources[0])
        if other != job.sources[0]:
            raise InputError(
                f"{other} and {job.sources[0]} would both become {job.output}; rename one, or do one alone"
            )


def identity(path: Path) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino


def check_rate(jobs: Sequence[Job], rate: int | None) -> None:
    """Raise InputError where a format cannot hold the rate that was asked for."""
    for suffix in sorted({job.output.suffix[1:].lower() for job in jobs}):
        rates = writable_rates(suffix)
        if rate and rates and rate not in rates:
            raise InputError(f"--rate is {rate}; {suffix} holds {', '.join(map(str, rates))}: give one of these")
