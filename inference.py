"""Dub a face video with any speech: the mouth is generated to fit, everything else stays as it is."""

import time
from pathlib import Path

from config.config import InferenceOptions
from config.errors import run_script
from config.options import parse
from dubbing.result import check_paths


def dub(options: InferenceOptions) -> Path:
    """Dub one video, print a line about it, and give the path of the result. Raises InputError for unusable input."""
    output = check_paths(options)
    from dubbing.pipeline import make_plan, write_result  # seconds, which neither --help nor a wrong path should take

    began = time.perf_counter()
    plan = make_plan(options)
    write_result(plan, options, output)
    seconds = time.perf_counter() - began
    rate = plan.num_frames / seconds
    untouched = f"{plan.num_untouched} without a usable face left as they were"
    print(f"{output}: {plan.num_frames} frames in {seconds:.1f} s, {rate:.1f} frames/s, {untouched}")
    return output


def main() -> None:
    dub(parse(InferenceOptions, __doc__))


if __name__ == "__main__":
    run_script(main)
