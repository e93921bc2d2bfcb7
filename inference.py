"""Dub a face video with any speech: the mouth is generated to fit, everything else stays as it is."""

from pathlib import Path

from config.config import InferenceOptions
from config.errors import run_script
from config.options import parse
from dubbing.result import check_paths


def dub(options: InferenceOptions) -> Path:
    """Dub one video, print a line about it, and give the path of the result. Raises InputError for unusable input."""
    output = check_paths(options)
    from dubbing import pipeline  # takes seconds, which neither --help nor a wrong path should

    print(pipeline.dub(options, output))
    return output


def main() -> int:
    """The exit status: 1 where a job failed."""
    options = parse(InferenceOptions, __doc__)
    if options.jobs:
        from dubbing.jobs import run_jobs

        return run_jobs(options)
    dub(options)
    return 0


if __name__ == "__main__":
    run_script(main)
