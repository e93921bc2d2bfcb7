"""What each frame of a live stream is made of: a frame of the avatar, and how much of it is drawn anew."""

import math
from dataclasses import dataclass

import numpy as np

from dubbing.live.effort import Effort
from dubbing.live.walk import Walk

FADE_OUT, FADE_IN = 1 / 3, 1 / 2  # of a frame: how fast a drawn mouth gives way to the one at rest, and comes back
NEVER = -math.inf


@dataclass(frozen=True)
class Shot:
    """Frame `index` of the stream: frame `number` of the avatar, its mouth drawn by `share`, 0 to 1.

    is_new: it gets a picture of its own; else it shows the one before. is_spoken: that one's mouth is generated for
    it; else, where share is above 0, it is the last that was.
    """

    index: int
    number: int
    share: float
    is_new: bool
    is_spoken: bool


class Shots:
    """One after the other. `usable` (frames of the avatar,) bool: where there is a face to draw on; `can_rest`:
    whether the avatar has a closed mouth of its own, which it shows while nobody speaks, else mouths are always drawn.

    For want of time `num_repeated` frames showed an older picture, and `num_held` others an older mouth.
    """

    def __init__(self, walk: Walk, usable: np.ndarray, can_rest: bool):
        self.walk, self.usable, self.can_rest = walk, usable, can_rest
        self.index, self.share = 0, 1.0
        self.pictured = self.spoken = NEVER  # the last frames that got a picture, and a mouth, of their own
        self.num_held = self.num_repeated = 0

    def next(self, is_at_rest: bool, effort: Effort) -> Shot:
        """`is_at_rest`: no speech is heard with the frame."""
        is_leaving = is_at_rest and self.can_rest  # the mouth, for which none is generated any more
        is_closing = is_leaving and self.share > 0
        if self.can_rest:
            self.share = min(max(self.share + (-FADE_OUT if is_at_rest else FADE_IN), 0.0), 1.0)
        index, number = self.index, self.walk.next(is_at_rest)
        is_new = is_closing or index - self.pictured >= effort.pictures_every
        has_mouth = self.share > 0 and bool(self.usable[number])
        is_due = self.spoken == NEVER or (index - self.spoken >= effort.mouths_every and not is_leaving)
        shot = Shot(index, number, self.share, is_new, is_new and has_mouth and is_due)
        self.num_repeated += not is_new
        self.num_held += is_new and has_mouth and not is_leaving and not shot.is_spoken
        self.remember(shot)
        return shot

    def remember(self, shot: Shot) -> None:
        self.index += 1
        if shot.is_new:
            self.pictured = shot.index
        if shot.is_spoken:
            self.spoken = shot.index
        elif shot.share == 0:
            self.spoken = NEVER  # what was said before a rest is not shown after it
