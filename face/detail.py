"""Fine detail for generated mouths, from other pictures of the same mouth: what a small network cannot draw."""

from typing import NamedTuple

import cv2
import numpy as np

from face.agreement import agreement
from face.geometry import STORED_MOUTH, mouth_box
from face.masks import lip_weight

STEPS = 16  # in a level of 255, of what is compared
KEY = 32  # pixels of the pictures that are compared
TAKEN = 40.0  # levels of 255 by which a mouth and the one found for it differ where a third of the detail is taken
AWAY = 0.5  # seconds: nearer frames are passed over, for they show how open the mouth was that is replaced
STAY = 0.1  # of the distance to a mouth, by which another must be nearer to take its place: less flicker


class OwnMouths(NamedTuple):
    """Mouths of one video: images (N, 256, 256, 3) BGR uint8 as stored_mouth cuts them, times (N,) in seconds."""

    images: np.ndarray
    times: np.ndarray


class MouthDetail:
    """The detail that a video's own mouths give generated ones.

    What a network of mouth size S draws is kept up to half its resolution, where it is sure of itself; all that is
    finer comes from the mouth that is most like it. strength: how much of that is taken, 0 to 1. To be asked for one
    frame after the other: it stays with a mouth unless another is clearly nearer.
    """

    def __init__(self, mouths: OwnMouths, mouth_size: int, strength: float = 1.0):
        self.mouths, self.strength = mouths, strength
        self.coarse = [resized(mouth, mouth_size // 2) for mouth in mouths.images]
        weight = lip_weight(KEY)
        self.weight = np.sqrt(weight - weight.min())[..., None]
        self.keys = np.stack([self.key(mouth) for mouth in mouths.images])
        self.norms = np.square(self.keys).sum(1)
        self.current: int | None = None

    def key(self, mouth: np.ndarray) -> np.ndarray:
        """What is compared of a mouth of any size: its lips more than what is around them.

        Whole numbers, whose products and sums are exact, in whatever order they are added: mouths that are alike to
        the last bit stay so.
        """
        return np.rint(resized(mouth, KEY) * self.weight * STEPS).ravel().astype(np.float64)

    def of(self, mouth: np.ndarray, time: float) -> np.ndarray:
        """What is to be added to a generated mouth (S, S, 3) uint8, enlarged: (256, 256, 3) float32 levels.

        It is less where the mouth differs from the one that was found for it. `time`: of the frame in which it is to
        replace the video's own mouth, in seconds.
        """
        self.current = self.nearest(self.key(mouth), time)
        own = self.coarse[self.current]
        coarse = resized(mouth, len(own))
        share = enlarged(self.strength * agreement(coarse, own, TAKEN))
        # The mouth that was found, as light and as red as the generated one.
        sharp = self.mouths.images[self.current] + enlarged(coarse.astype(np.float32) - own)
        return cv2.multiply(three_channels(share), sharp - enlarged(mouth))

    def nearest(self, key: np.ndarray, time: float) -> int:
        distances = np.sqrt(self.norms - 2 * (self.keys @ key) + key @ key)
        is_near = np.abs(self.mouths.times - time) < AWAY
        if not is_near.all():  # as it is of a picture, or of half a second
            distances[is_near] = np.inf
        number = int(distances.argmin())
        stays = self.current is not None and distances[self.current] <= distances[number] * (1 + STAY)
        return self.current if stays else number


def detail_of(mouths: OwnMouths | None, mouth_size: int, strength: float) -> MouthDetail | None:
    """None where it would change nothing: no mouths are known, or none of their detail is wanted."""
    return MouthDetail(mouths, mouth_size, strength) if mouths is not None and strength else None


def stored_mouth(stored: np.ndarray) -> np.ndarray:
    """The mouth (256, 256, 3) of a stored crop (416, 320, 3)."""
    return stored[mouth_box(STORED_MOUTH)]


def resized(mouth: np.ndarray, size: int) -> np.ndarray:
    return cv2.resize(mouth, (size, size), interpolation=cv2.INTER_AREA)


def enlarged(image: np.ndarray) -> np.ndarray:
    """An image of the mouth box, (S, S) or (S, S, channels), at the size that it has in the stored crop."""
    return cv2.resize(image, (STORED_MOUTH, STORED_MOUTH), interpolation=cv2.INTER_LINEAR)


def three_channels(share: np.ndarray) -> np.ndarray:
    """(h, w) -> (h, w, 3): OpenCV works on equal shapes in half of the time that NumPy takes to broadcast."""
    return cv2.cvtColor(share, cv2.COLOR_GRAY2BGR)
