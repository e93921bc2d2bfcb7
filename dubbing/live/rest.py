"""What an avatar shows while nobody speaks: its own frames, with a closed mouth of its own where they have none."""

import cv2
import numpy as np

from dubbing.avatar import Avatar
from face.alignment import crop_face
from face.geometry import STORED_MOUTH
from face.paste import MouthPaster

FADE = 1 / 5  # of a frame: how fast the mouth at rest gives way to the one that frames of the idle stretch have


class RestingFace:
    """Frames of one avatar at rest. Generators that hear silence close a mouth only as well as they learned to."""

    def __init__(self, avatar: Avatar):
        self.avatar, self.own = avatar, 0.0  # share of the frame's own mouth
        self.idle = range(*avatar.record.idle) if avatar.record.idle else range(0)
        self.paster = MouthPaster(STORED_MOUTH)
        rest = avatar.record.rest
        self.mouth = None if rest is None else crop_face(avatar.frames.read(rest), avatar.faces.video_to_crop[rest])

    @property
    def is_known(self) -> bool:
        """Whether the avatar has a closed mouth at all."""
        return self.mouth is not None

    def show(self, number: int, frame: np.ndarray) -> np.ndarray:
        """Frame `number` (H, W, 3), as read, with its mouth at rest; called for one picture after the other."""
        self.own = min(max(self.own + (FADE if number in self.idle else -FADE), 0.0), 1.0)
        if self.own == 1 or not self.avatar.faces.usable[number]:
            return frame
        matrix = self.avatar.faces.video_to_crop[number]
        closed = self.paster.paste(frame, self.mouth, crop_face(frame, matrix), matrix)
        return cv2.addWeighted(frame, self.own, closed, 1 - self.own, 0) if self.own else closed
