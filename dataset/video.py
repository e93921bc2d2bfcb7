"""One video of a training set: its frames, crops and audio rows."""

import os
import reprlib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap
from numpy.lib.stride_tricks import sliding_window_view

from config.errors import InputError

MAPPED_FILES = 512  # that a process keeps open
OPEN_FILES = 2 * MAPPED_FILES  # that it needs in all


@lru_cache(maxsize=MAPPED_FILES)
def map_array(path: Path) -> np.ndarray:
    """The array of a .npy file, memory-mapped. Parsing its header costs as much as decoding a small crop.

    Raises InputError for a file that holds no array, OSError for one that cannot be opened.
    """
    try:
        return open_memmap(path, mode="r")
    except OSError:
        raise
    except Exception as error:  # for bytes that are no header, NumPy raises whatever its parser meets
        raise InputError(f"{path} is not a file of a NumPy array ({reprlib.repr(str(error))}); make it anew") from error


def allow_open_files(wanted: int) -> None:
    """Raise this process's limit of open files to `wanted`, if it is lower and the system lets it."""
    if os.name != "posix":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


@dataclass
class Video:
    """The usable frames of one video: runs of consecutive frames, each with its crop and its audio step.

    frame_numbers (N,) rising; paths[i] is the crop of frame_numbers[i]; audio rows are those of the 25 fps frames;
    lip_opening (N,) in crop pixels and head_pose (N, 2), yaw and pitch in degrees, if known; packed_crops: files of
    decoded crops by mouth size, rows as frames.
    """

    name: str
    frame_numbers: np.ndarray
    paths: list[str]
    audio_source: Path | np.ndarray
    lip_opening: np.ndarray | None = None
    packed_crops: dict[int, Path] = field(default_factory=dict)
    head_pose: np.ndarray | None = None

    def audio_rows(self) -> np.ndarray:
        """(rows, channels) float32, row k belonging to frame k; rows nobody has are NaN. Files are memory-mapped."""
        if isinstance(self.audio_source, np.ndarray):
            return self.audio_source
        return map_array(self.audio_source)

    def known_rows(self) -> np.ndarray:
        """(rows,) bool. Files hold every row, which is checked when the set is read."""
        rows = self.audio_rows()
        return np.isfinite(rows[:, 0]) if isinstance(self.audio_source, np.ndarray) else np.ones(len(rows), bool)

    def audio(self, first: int, count: int) -> np.ndarray:
        """Audio steps of frames first .. first + count - 1, transposed to (channels, count)."""
        return np.array(self.audio_rows()[first : first + count], dtype=np.float32).T

    def audio_windows(self, firsts: np.ndarray, count: int) -> np.ndarray:
        """audio(first, count) of every `firsts`, (n, channels, count)."""
        return np.array(sliding_window_view(self.audio_rows(), count, axis=0)[firsts], dtype=np.float32)

    def windows(self, frames: int, context: int) -> np.ndarray:
        """Positions i such that paths[i : i + frames] are consecutive frames with `context` audio steps either side."""
        numbers = self.frame_numbers
        if len(numbers) < frames:
            return np.empty(0, np.int64)
        starts = np.arange(len(numbers) - frames + 1)
        unbroken = numbers[starts + frames - 1] - numbers[starts] == frames - 1
        rows = self.audio_rows()
        known = self.known_rows().cumsum()
        first, last = numbers[starts] - context, numbers[starts] + frames - 1 + context
        inside = (first >= 0) & (last < len(rows))
        first, last = np.clip(first, 0, len(rows) - 1), np.clip(last, 0, len(rows) - 1)
        complete = known[last] - known[first] == last - first
        return starts[unbroken & inside & complete & self.known_rows()[first]]

    def select(self, keep: np.ndarray) -> "Video":
        """The same video with only the frames where `keep` (N,) holds."""
        paths = [path for path, kept in zip(self.paths, keep, strict=True) if kept]
        openings, poses = (None if known is None else known[keep] for known in (self.lip_opening, self.head_pose))
        return Video(self.name, self.frame_numbers[keep], paths, self.audio_source, openings, self.packed_crops, poses)
