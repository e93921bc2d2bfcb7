"""What a generator must not see of the source, and where its output replaces the video."""

import cv2
import numpy as np

from face.geometry import crop_size, mouth_box

BELOW = "_below"  # ends the kinds that hide what is below the box too
HALF = "half"
MASK_KINDS = ("box", "smooth", "box_below", "smooth_below", HALF)
# Of the mouth box, over which a generated face fades into the video: above and beside it, and below.
FEATHER, FEATHER_BELOW = 1 / 5, 1 / 10
LIPS = (0.43, 0.5)  # row and column of the middle of the lips, of the mouth box
LIPS_HEIGHT, LIPS_WIDTH = 0.175, 0.25  # where the weight has fallen to 1 / e, of the mouth box


def source_mask(kind: str, mouth_size: int) -> np.ndarray:
    """Multiplicative mask (h, w) float32 for the crop of a mouth size: 1 is kept, 0 hidden.

    "box" hides DINet's S x S mouth box; "smooth" is LawDNet's published mask with soft edges. "box_below" and
    "smooth_below" also hide what is below the box, down to the crop's edge, and "half" all from its upper edge on: the
    neck and the cheeks move with the jaw, and tell how open a mouth is that is hidden itself.
    """
    if kind == HALF:
        mask = np.ones(crop_size(mouth_size), np.float32)
        mask[mouth_box(mouth_size)[0].start :] = 0
        return mask
    mask = box_mask(mouth_size) if kind.startswith("box") else smooth_mask(mouth_size)
    if kind.endswith(BELOW):
        mask[mouth_size:] = mask[mouth_size]  # the row in the middle of the box
    return mask


def box_mask(mouth_size: int) -> np.ndarray:
    mask = np.ones(crop_size(mouth_size), np.float32)
    mask[mouth_box(mouth_size)] = 0
    return mask


def smooth_mask(mouth_size: int) -> np.ndarray:
    """LawDNet's: a box on a 103 x 80 canvas, blurred (5 taps, sigma 1) without padding, then stretched to the crop."""
    canvas = np.zeros((103, 80), np.float32)
    canvas[32:96, 8:72] = 1
    blurred = cv2.GaussianBlur(canvas, (5, 5), 1)[2:-2, 2:-2]
    height, width = crop_size(mouth_size)
    return 1 - cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR)


def lip_weight(mouth_size: int) -> np.ndarray:
    """Weight of an error in each pixel of the mouth box (S, S) float32, of mean 1: five times as much at the lips.

    Aligned lips lie around a point 0.43 S below the box's upper edge (measured: tools/sample_speaker.py's speakers).
    """
    axis = (np.arange(mouth_size) + 0.5) / mouth_size
    rows, columns = (axis[:, None] - LIPS[0]) / LIPS_HEIGHT, (axis - LIPS[1]) / LIPS_WIDTH
    weight = 1 + 4 * np.exp(-(rows**2) - columns**2)
    return (weight / weight.mean()).astype(np.float32)


def feather(mouth_size: int) -> np.ndarray:
    """Weight of the generated mouth box (S, S) float32 when it is pasted: about 0 at its border, rising to 1 inside.

    The generator has to guess everything in the box, and is vague about collars and hair at its border, which do not
    move with speech. An open jaw reaches down to 0.97 S, so there it rises faster.
    """
    distance = np.arange(mouth_size) + 0.5
    top, bottom, side = (smooth_step(distance / (part * mouth_size)) for part in (FEATHER, FEATHER_BELOW, FEATHER))
    return np.outer(top * bottom[::-1], side * side[::-1]).astype(np.float32)


def smooth_step(ramp: np.ndarray) -> np.ndarray:
    """From 0 at 0 to 1 at 1 and beyond, without a corner."""
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(ramp, 0, 1))
