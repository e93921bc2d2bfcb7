"""Held-out data: whole videos where there are enough of them, else the end of each video."""

from dataclasses import dataclass

import numpy as np

from dataset.manifest import Manifest
from dataset.video import Video

ENOUGH_VIDEOS = 4  # below this, holding out a whole video costs too much of the training data
GAP_FRAMES = 9  # left out between the two parts of one video, so that no sample sees both


@dataclass(frozen=True)
class Split:
    """`rule` is a sentence that says how the two were chosen. Split by time, a video is in both."""

    train: list[Video]
    held_out: list[Video]
    rule: str

    def record(self) -> dict:
        """For the run's folder: by video, the first and the last frame of each part that is not empty."""
        parts = {"train": self.train, "held_out": self.held_out}
        spans = {
            name: {
                video.name: [int(video.frame_numbers[0]), int(video.frame_numbers[-1])]
                for video in videos
                if video.paths
            }
            for name, videos in parts.items()
        }
        return {"rule": self.rule, "frames": spans}


def split(manifest: Manifest, val_fraction: float) -> Split:
    """Divide a training set, always in the same way.

    By video (every n-th by name, so that the choice depends on nothing else) from ENOUGH_VIDEOS on, by time below.
    At least one video is held out whatever the share, unless that is 0, and at least one is trained on.
    """
    videos = sorted(manifest.videos, key=lambda video: video.name)
    if val_fraction == 0:
        return Split(videos, [], "nothing held out")
    if len(videos) >= ENOUGH_VIDEOS:
        step = max(2, round(min(1 / val_fraction, len(videos))))
        held_out = videos[step - 1 :: step]
        names = ", ".join(video.name for video in held_out[:8])
        train = [video for index, video in enumerate(videos) if index % step != step - 1]
        return Split(train, held_out, f"{len(held_out)} of {len(videos)} videos held out: {names}")
    parts = [split_by_time(video, val_fraction) for video in videos]
    rule = f"the last {val_fraction:.0%} of each of {len(videos)} video(s) held out"
    return Split([early for early, _ in parts], [late for _, late in parts], rule)


def split_by_time(video: Video, val_fraction: float) -> tuple[Video, Video]:
    numbers = video.frame_numbers
    border = numbers[0] + (numbers[-1] - numbers[0]) * (1 - val_fraction)
    return video.select(numbers < border - GAP_FRAMES), video.select(np.asarray(numbers >= border))
