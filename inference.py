"""Dub a face video with any speech: the mouth is generated to fit, everything else stays as it is."""

import time
from pathlib import Path

from config.config import InferenceOptions
from config.errors import InputError, run_script
from config.options import parse
from dubbing.pipeline import make_plan, write_result

INPUTS = (
    "source_video_path",
    "driving_audio_path",
    "pretrained_clip_DINet_path",
    "source_openface_landmark_path",
    "face_landmarker_model",
)
REQUIRED = INPUTS[:3]


def dub(options: InferenceOptions) -> Path:
    """Dub one video, print a line about it, and give the path of the result. Raises InputError for unusable input."""
    output = check_paths(options)
    began = time.perf_counter()
    plan = make_plan(options)
    write_result(plan, options, output)
    seconds = time.perf_counter() - began
    rate = plan.num_frames / seconds
    untouched = f"{plan.num_untouched} without a usable face left as they were"
    print(f"{output}: {plan.num_frames} frames in {seconds:.1f} s, {rate:.1f} frames/s, {untouched}")
    return output


def check_paths(options: InferenceOptions) -> Path:
    """The path of the result. Raises InputError when an input is missing or the result would replace one."""
    for name in REQUIRED:
        if not getattr(options, name):
            raise InputError(f"--{name} is not given; see inference.py --help")
    for name in INPUTS:
        path = getattr(options, name)
        if path and not Path(path).is_file():
            raise InputError(f"--{name}: {path} is not a file; give the path of a file that exists")
    output = result_path(options)
    for name in INPUTS:
        path = getattr(options, name)
        if path and output.exists() and output.samefile(path):
            raise InputError(f"{output} is --{name} itself; give another name with --output")
    return output


def result_path(options: InferenceOptions) -> Path:
    """--output, or SOURCE_facial_dubbing.mp4 in --res_video_dir. Raises InputError where no video can be written."""
    flag = "--output" if options.output else "--res_video_dir"
    name = f"{Path(options.source_video_path).stem}_facial_dubbing.mp4"
    output = Path(options.output) if options.output else Path(options.res_video_dir) / name
    if output.suffix.lower() != ".mp4":
        raise InputError(f"{flag}: {output} does not end in .mp4; the result is an MP4 video")
    if output.is_dir():
        raise InputError(f"{flag}: {output} is a folder; give the path of a video file")
    folder = next(parent for parent in output.absolute().parents if parent.exists())
    if not folder.is_dir():
        raise InputError(f"{flag}: {folder} is not a folder; the result cannot be written below it")
    return output


def main() -> None:
    dub(parse(InferenceOptions, __doc__))


if __name__ == "__main__":
    run_script(main)
