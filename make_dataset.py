"""Turn raw footage into clips of one speaking person at 25 fps, with landmarks, for data_processing.py.

Shots, faces, who speaks and how fit a clip is are looked at in one pass; OUT/report.html shows every clip, kept or left
out, and why. Videos that need no change stay where they are. Raw files are only read. Exit status 1 if a video could
not be used.
"""

from config.config import MakeDatasetOptions
from config.errors import InputError, run_script
from config.options import parse


def main() -> int:
    options = parse(MakeDatasetOptions, __doc__)
    for flag in ("root_folder", "output_folder"):
        if not getattr(options, flag):
            raise InputError(f"--{flag} is not set; see make_dataset.py --help")
    if options.min_seconds > options.max_seconds:
        raise InputError(f"--min_seconds {options.min_seconds} is above --max_seconds {options.max_seconds}")
    from preprocessing.footage.run import make_clips

    return make_clips(options)


if __name__ == "__main__":
    run_script(main)
