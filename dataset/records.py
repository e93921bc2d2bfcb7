"""The records of a training JSON become videos. What is wrong with one is an InputError that says where."""

import os
import reprlib
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import numpy as np

from config.constants import CLIP_FRAMES
from config.errors import InputError
from dataset.video import Video

LARGEST_FRAME = 10**7  # 111 hours at 25 fps
LARGEST_OPENING = 10**4  # pixels
LARGEST_ANGLE = 180.0  # degrees


def read_video(root: Path, name: str, record: object) -> tuple[Video, int]:
    """A video whose paths are relative to `root`, and how many of its clips were left out.

    None are, unless the clips hold their audio themselves.
    """
    if holds_audio(record):
        return read_video_with_audio(root, name, record)
    audio = expected(record, "audio_feature_path", str, "a path", len)
    clips = checked_clips(record)
    clips.sort(key=lambda clip: clip["audio_start"])
    counts = np.array([len(clip["frame_path_list"]) for clip in clips])
    starts = np.array([clip["audio_start"] for clip in clips])
    numbers = np.arange(counts.sum()) + np.repeat(starts - counts.cumsum() + counts, counts)
    frames = [frame for clip in clips for frame in clip["frame_path_list"]]
    check_frames(numbers, frames)
    paths = [os.path.join(root, frame) for frame in frames]
    packed = record.get("packed_crops", {})
    if not isinstance(packed, dict) or not all(
        size.isdecimal() and isinstance(file, str) for size, file in packed.items()
    ):
        raise InputError(f"packed_crops is {reprlib.repr(packed)}, expected paths by mouth size")
    files = {int(size): root / file for size, file in packed.items()}
    return Video(name, numbers, paths, root / audio, lip_openings(clips, counts), files, head_poses(clips, counts)), 0


def holds_audio(record: object) -> bool:
    """Whether the clips of a video hold their rows of audio, as the published code writes them."""
    match record:
        case {"clip_data_list": [{"deep_speech_list": _}, *_]}:
            return "audio_feature_path" not in record
    return False


def checked_clips(record: object) -> list[dict]:
    clips = expected(record, "clip_data_list", list, "a list of clips", len)
    for number, clip in enumerate(clips):
        try:
            start = clip["audio_start"]
            frames = clip["frame_path_list"]
        except (TypeError, KeyError) as error:
            raise InputError(f"clip {number} has no audio_start or no frame_path_list") from error
        if type(start) is not int or not 0 <= start <= LARGEST_FRAME:
            raise InputError(f"clip {number}: audio_start is {reprlib.repr(start)}, expected the number of a frame")
        check_paths(number, frames)
    return clips


def check_paths(number: int, frames: object) -> None:
    if type(frames) is not list or set(map(type, frames)) != {str} or not all(frames):
        raise InputError(f"clip {number}: frame_path_list is {reprlib.repr(frames)}, expected paths of crops")


def check_frames(numbers: np.ndarray, frames: list[str]) -> None:
    """`numbers` (N,) must rise."""
    twice = numbers[1:][np.diff(numbers) <= 0]
    if len(twice):
        raise InputError(f"frame {twice[0]} stands in two clips, or twice in one")
    together = "".join(frames)
    try:
        os.fsencode(together)
    except UnicodeEncodeError as error:
        raise InputError("a path in frame_path_list has characters that no file name has") from error
    if "\0" in together:
        raise InputError("a path in frame_path_list has a null character")


def lip_openings(clips: list[dict], counts: np.ndarray) -> np.ndarray | None:
    """(frames,) in pixels of the crop, or None where the set does not know them."""
    return frame_values(clips, counts, "lip_opening", (0, LARGEST_OPENING), "pixels of the crop")


def head_poses(clips: list[dict], counts: np.ndarray) -> np.ndarray | None:
    """yaw and pitch (frames, 2) in degrees, or None where the set does not know them."""
    angles = [
        frame_values(clips, counts, name, (-LARGEST_ANGLE, LARGEST_ANGLE), "degrees") for name in ("yaw", "pitch")
    ]
    return None if any(values is None for values in angles) else np.stack(angles, axis=1)


def frame_values(
    clips: list[dict], counts: np.ndarray, name: str, limits: tuple[float, float], unit: str
) -> np.ndarray | None:
    """What clips of `counts` frames say of every frame under a name, (frames,), or None where no clip says it."""
    if not any(name in clip for clip in clips):
        return None
    lists = [clip.get(name) for clip in clips]
    for found, count, clip in zip(lists, counts.tolist(), clips, strict=True):
        if type(found) is not list or len(found) != count:
            where = f"the clip of audio_start {clip['audio_start']}"
            raise InputError(f"{where}: {name} is {reprlib.repr(found)}, expected {count} numbers, one a frame")
    values = finite_numbers([value for found in lists for value in found], name)
    if values.min() < limits[0] or values.max() > limits[1]:
        raise InputError(f"{name} goes from {values.min():g} to {values.max():g}, expected {unit}")
    return values


def read_video_with_audio(root: str | Path, name: str, record: object) -> tuple[Video, int]:
    """A video whose clips hold their rows of audio, and how many of its clips were left out.

    Clips have nine frames and nine rows of audio; the published code writes others too, and crashes on them. Paths are
    relative to `root`, "" being the working directory. A video with none left has no frames.
    """
    clips = expected(record, "clip_data_list", list, "a list of clips")
    lists = []
    for number, clip in enumerate(clips):
        frames = expected(clip, "frame_path_list", list, "paths of crops")
        steps = expected(clip, "deep_speech_list", list, "rows of audio values")
        if len(frames) == len(steps) == CLIP_FRAMES:
            check_paths(number, frames)
            lists.append(([frame.replace("\\", "/") for frame in frames], steps))
    if not lists:
        return Video(name, np.empty(0, np.int64), [], np.empty((0, 0), np.float32)), len(clips)
    lists.sort(key=lambda pair: frame_number(pair[0][0]))
    paths = [os.path.join(root, frame) for frames, _ in lists for frame in frames]
    numbers = np.array([frame_number(path) for path in paths])
    check_frames(numbers, paths)
    rows = audio_rows([row for _, steps in lists for row in steps])
    audio = np.full((numbers[-1] + 1, rows.shape[1]), np.nan, np.float32)
    audio[numbers] = rows
    return Video(name, numbers, paths, audio), len(clips) - len(lists)


def frame_number(path: str) -> int:
    stem = path.rpartition("/")[2].rpartition(".")[0]
    if not stem.isdecimal() or len(stem) > 9 or int(stem) > LARGEST_FRAME:
        raise InputError(f"{reprlib.repr(path)} is not named by the number of its frame, such as 000009.jpg")
    return int(stem)


def audio_rows(rows: list) -> np.ndarray:
    """(rows, channels) from the rows of deep_speech_list."""
    if set(map(type, rows)) != {list} or len(set(map(len, rows))) != 1:
        raise InputError("deep_speech_list does not hold rows of one length")
    return finite_numbers(list(chain.from_iterable(rows)), "deep_speech_list").reshape(len(rows), -1)


def finite_numbers(values: list, name: str) -> np.ndarray:
    """A list of numbers, but no text, truth values, or what is not finite in float32, as an array."""
    if not set(map(type, values)) <= {int, float}:
        wrong = next(value for value in values if type(value) not in (int, float))
        raise InputError(f"{name} holds {reprlib.repr(wrong)}, expected numbers")
    if not values or not (np.abs(array := np.array(values)) <= np.finfo(np.float32).max).all():
        raise InputError(f"{name} is empty or holds values that are not finite")
    return array


def expected(
    record: object, name: str, kind: type, what: str, accept: Callable[[object], object] = lambda value: True
) -> object:
    """record[name], which must be exactly of this kind (no truth values for numbers) and acceptable."""
    if not isinstance(record, dict):
        raise InputError(f"{reprlib.repr(record)} stands where a record with {name} is expected")
    if name not in record:
        raise InputError(f"{name} is missing")
    value = record[name]
    if type(value) is not kind or not accept(value):
        raise InputError(f"{name} is {reprlib.repr(value)}, expected {what}")
    return value
