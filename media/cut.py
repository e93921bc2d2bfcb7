"""A part of a video as a video of its own."""

from pathlib import Path

import numpy as np

from config.constants import FPS
from media.video import VideoWriter, probe, read_frames_at


def cut_video(video: Path, output: Path, start: float, stop: float, crf: int) -> None:
    """Write what is seen and heard from `start` to `stop` (seconds), at 25 fps, with x264's quality `crf`.

    Raises InputError when the video cannot be read or has no sound.
    """
    info = probe(video)
    times = np.arange(start, stop - 0.5 / FPS, 1 / FPS)
    with VideoWriter(output, info.width, info.height, FPS, audio_path=video, audio_start=start, crf=crf) as writer:
        for frame in read_frames_at(video, times):
            writer.write(frame)
