"""Where a result goes, and whether it can: all that is known of it before the work begins."""

import os
from pathlib import Path

from config.config import InferenceOptions
from config.errors import InputError
from dubbing.avatar_record import is_avatar
from media.files import LONGEST_NAME, check_outputs, check_writable

REQUIRED = ("source_video_path", "driving_audio_path", "pretrained_clip_DINet_path")
GIVEN = (*REQUIRED, "source_openface_landmark_path", "face_landmarker_model")
INPUTS = (*GIVEN, "deepspeech_model_path")
# Least that x264 writes for a pixel of a frame, at crf 16: what quiet studio footage takes is a third more, and other
# footage up to ten times as much. Every CRF_HALVING steps of crf halve it.
BYTES_A_PIXEL, CRF_HALVING = 0.005, 5


def check_paths(options: InferenceOptions) -> Path:
    """The path of the result. Raises InputError when an input is missing, or the result could not be written.

    Nor may it replace an input.
    """
    for name in REQUIRED:
        if not getattr(options, name):
            raise InputError(f"--{name} is not given; see inference.py --help")
    for name in GIVEN:
        path = getattr(options, name)
        if name == "source_video_path" and is_avatar(path):
            if options.source_openface_landmark_path:
                raise InputError(
                    f"--source_openface_landmark_path: {path} is an avatar, which has landmarks; leave it out"
                )
        elif path and not Path(path).is_file():
            raise InputError(f"--{name}: {path} is not a file; give the path of a file that exists")
    output = result_path(options)
    check_outputs({result_flag(options): output}, {f"--{name}": getattr(options, name) for name in INPUTS})
    if output.is_dir():
        raise InputError(f"{result_flag(options)}: {output} is a folder; give the path of a video file with --output")
    return output


def result_path(options: InferenceOptions) -> Path:
    """--output, or SOURCE_facial_dubbing.mp4 in --res_video_dir. Raises InputError where it cannot be a video."""
    if options.output:
        output = Path(options.output)
        if output.suffix.lower() != ".mp4":
            raise InputError(f"--output: {output} does not end in .mp4; the result is an MP4 video")
    else:
        output = Path(options.res_video_dir) / f"{Path(options.source_video_path).stem}_facial_dubbing.mp4"
        if len(os.fsencode(output.name)) > LONGEST_NAME:
            raise InputError(
                f"--source_video_path: {output.name[:40]}..., the result's name after it, would be longer than "
                f"{LONGEST_NAME} bytes; give a shorter one with --output"
            )
    return output


def result_flag(options: InferenceOptions) -> str:
    return "--output" if options.output else "--res_video_dir"


def check_room(options: InferenceOptions, pixels: int) -> None:
    """Raise InputError where not even the least that a result of so many pixels (over all frames) takes is free."""
    room = pixels * BYTES_A_PIXEL * 2 ** ((16 - options.crf) / CRF_HALVING)
    check_writable(result_flag(options), result_path(options), round(room))
