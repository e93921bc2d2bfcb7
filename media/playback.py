"""Which source frame is on screen at each frame of the result, and reading them in that order."""

from collections.abc import Iterable, Iterator

import numpy as np

from config.errors import InputError
from media.picture import Picture
from media.video import VideoInfo, frames_on_screen, read_pictures, read_pictures_backwards


def playback_runs(info: VideoInfo, num_output: int) -> list[np.ndarray]:
    """Numbers of the source frames to be shown, one per output frame, in runs that go forwards and backwards in turn.

    Output frame k is on screen at k / fps; where the rate varies, `info.fps` is its mean. The video
    plays 0 .. n-1, n-2 .. 0, 1 .. n-1 and so on: at a turning point no frame is shown twice, so the motion does not
    pause.
    """
    shown = frames_on_screen(info, np.arange(info.num_frames) / float(info.fps))
    turn = len(shown) - 1
    if turn == 0:
        return [np.zeros(num_output, np.int64)]
    phase = np.arange(num_output) % (2 * turn)
    numbers = shown[np.minimum(phase, 2 * turn - phase)]
    return np.split(numbers, np.arange(turn + 1, num_output, turn))


def play(info: VideoInfo, runs: Iterable[np.ndarray]) -> Iterator[tuple[int, Picture]]:
    """Number and picture of every frame of `runs`, in memory that does not grow with their length.

    Raises InputError where the video cannot be decoded.
    """
    for run in runs:
        first, last = int(run.min()), int(run.max())
        if run[0] <= run[-1]:
            decoded = zip(range(first, last + 1), read_pictures(info, first, last + 1), strict=False)
        else:
            decoded = zip(range(last, first - 1, -1), read_pictures_backwards(info, first, last + 1), strict=False)
        yield from repeat_and_skip(info, decoded, run)


def repeat_and_skip(
    info: VideoInfo, decoded: Iterator[tuple[int, Picture]], run: np.ndarray
) -> Iterator[tuple[int, Picture]]:
    """For each number in `run` its picture among `decoded`, which has every number once, in the same direction."""
    number, picture = -1, None
    for wanted in run:
        while number != wanted:
            number, picture = next(decoded, (None, None))
            if picture is None:
                raise InputError(f"{info.path}: frame {wanted} cannot be decoded; the file is damaged")
        yield number, picture
