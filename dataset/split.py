"""Held-out data: whole videos where there are enough of them, else the end of each video."""

import numpy as np

from dataset.manifest import Manifest, Video

ENOUGH_VIDEOS = 4  # below this, holding out a whole video costs too much of the training data
GAP_FRAMES = 9  # left out between the two parts of one video, so that no sample sees both


def split(manifest: Manifest, val_fraction: float) -> tuple[list[Video], list[Video], str]:
    """Training videos, held-out videos, and a sentence that says how they were chosen.

    By video (every n-th by name, so that the choice depends on nothing else) from ENOUGH_VIDEOS on, by time below.
    """
    videos = sorted(manifest.videos, key=lambda video: video.name)
    if val_fraction == 0:
        return videos, [], "nothing held out"
    if len(videos) >= ENOUGH_VIDEOS:
        step = max(2, round(1 / val_fraction))
        held_out = videos[step - 1 :: step]
        names = ", ".join(video.name for video in held_out[:8])
        train = [video for index, video in enumerate(videos) if index % step != step - 1]
        return train, held_out, f"{len(held_out)} of {len(videos)} videos held out: {names}"
    parts = [split_by_time(video, val_fraction) for video in videos]
    train = [early for early, _ in parts]
    return train, [late for _, late in parts], f"the last {val_fraction:.0%} of each of {len(videos)} video(s) held out"


def split_by_time(video: Video, val_fraction: float) -> tuple[Video, Video]:
    numbers = video.frame_numbers
    border = numbers[0] + (numbers[-1] - numbers[0]) * (1 - val_fraction)
    return video.select(numbers < border - GAP_FRAMES), video.select(np.asarray(numbers >= border))
