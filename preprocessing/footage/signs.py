"""What one frame says of one face: how sharp the mouth is, how bright the face, and whether the lips can be seen.

All is taken from the face's aligned crop of 208 x 160 pixels, so that it does not depend on how large the face is.
"""

from typing import NamedTuple

import cv2
import numpy as np

from config.constants import CROP_HEIGHT, CROP_WIDTH
from face.alignment import align_frame, network_crop, transform
from face.geometry import stored_to_network

MOUTH_SIZE = 128  # of the crop that is looked at
MARGIN = 2.0  # video pixels beyond the crop that its interpolation reads
# From the nose to the chin, without the sides of the box, which may show what is behind the face.
EDGE_ROWS, EDGE_COLUMNS = slice(72, 180), slice(32, 128)
FACE_ROWS, FACE_COLUMNS = slice(40, 168), slice(40, 120)  # from the brows to the chin
SKIN_ROWS = slice(40, 104)  # of the same columns: from the brows to the nose's tip

FINE, COARSE = 0.8, 2.0  # pixels of the two blurs that an edge's own blur is read from
EDGE_SHARE = 0.03  # of the pixels: those with the steepest edges
USUAL_BLUR = 1.42  # pixels: the median of 15 clips that are sharp at this size
LEAST_BLUR = 0.5

BURNT_OUT = 250  # luma of 255

OUTER_LIP = slice(48, 60)
LIP_POINTS = 32  # on the lips' outline
LIP_BLUR = 1.0
LIP_STEPS = (3.0, 5.0)  # pixels to either side of the outline
DARKNESS_WEIGHT = 0.3  # of lips that are darker than the skin, against redder; beards and shadows are dark too
LIP_NOISE = 1.0  # units of CIELAB
USUAL_LIGHT, USUAL_CHROMA = 120.0, 20.0  # to which the face is brought: mean of 255, mean distance from grey in CIELAB
COLOURLESS = 2.0  # mean distance from grey below which redness says nothing


class FrameSigns(NamedTuple):
    """See sharpness_of, brightness_of and lip_contrast."""

    sharpness: float
    brightness: float
    overexposed: float
    lip_contrast: float


def frame_signs(frame: np.ndarray, landmarks: np.ndarray) -> FrameSigns:
    """Of a frame (H, W, 3) uint8 BGR and one face's landmarks (68, 2) in its pixels."""
    crop, points = mouth_crop(frame, landmarks)
    luma = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    face = luma[FACE_ROWS, FACE_COLUMNS]
    return FrameSigns(
        sharpness_of(luma[EDGE_ROWS, EDGE_COLUMNS]),
        float(np.median(face)) / 255,
        float((face >= BURNT_OUT).mean()),
        lip_contrast(crop, points[OUTER_LIP]),
    )


def mouth_crop(frame: np.ndarray, landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The aligned crop (208, 160, 3) and the landmarks in its pixels, made from the part of the frame that it shows."""
    video_to_crop = align_frame(landmarks)
    corners = np.array([(0, 0), (CROP_WIDTH, 0), (0, CROP_HEIGHT), (CROP_WIDTH, CROP_HEIGHT)])
    seen = transform(corners, np.linalg.inv(video_to_crop))
    size = np.array(frame.shape[1::-1])
    low = np.clip(np.floor(seen.min(0) - MARGIN), 0, size - 1).astype(int)
    high = np.clip(np.ceil(seen.max(0) + MARGIN), low + 1, size).astype(int)
    part = frame[low[1] : high[1], low[0] : high[0]]
    shifted = video_to_crop @ np.array([[1, 0, low[0]], [0, 1, low[1]], [0, 0, 1]])
    return network_crop(part, shifted, MOUTH_SIZE), transform(landmarks, stored_to_network(MOUTH_SIZE) @ video_to_crop)


def sharpness_of(luma: np.ndarray) -> float:
    """100 for edges as narrow as in usual sharp footage, 50 where they are twice as wide; luma (h, w) uint8.

    The blur of an edge follows from how much a known blur lowers its gradient (Zhuo and Sim, Defocus map estimation
    from a single image, 2011), whatever its contrast. The finer of two known blurs keeps noise out.
    """
    fine = cv2.GaussianBlur(luma.astype(np.float32), (0, 0), FINE)
    coarse = cv2.GaussianBlur(fine, (0, 0), (COARSE**2 - FINE**2) ** 0.5)
    steep, gentle = squared_gradient(fine), squared_gradient(coarse)
    rank = int(gentle.size * (1 - EDGE_SHARE))
    edges = gentle >= np.partition(gentle, rank, None)[rank]
    # A blur b makes gradients 1 / sqrt(b^2 + known^2) as steep.
    ratio = max(float(steep[edges].sum()) / max(float(gentle[edges].sum()), 1e-6), 1 + 1e-6)
    blur = max((COARSE**2 - ratio * FINE**2) / (ratio - 1), LEAST_BLUR**2) ** 0.5
    return 100 * USUAL_BLUR / blur


def squared_gradient(picture: np.ndarray) -> np.ndarray:
    x, y = (cv2.Sobel(picture, cv2.CV_32F, *order) for order in ((1, 0), (0, 1)))
    return x * x + y * y


def lip_contrast(crop: np.ndarray, outline: np.ndarray) -> float:
    """How much, and how evenly, lips differ from the skin along their outline (12, 2): usually above 1.

    Lips are redder and mostly darker than the skin around them. Where something is before the mouth, the landmarks are
    guessed and no such edge lies under them: the mean difference is small against its spread. NaN for a picture without
    colour.
    """
    skin = crop[SKIN_ROWS, FACE_COLUMNS][::4, ::4]
    gain = USUAL_LIGHT / max(float(skin.mean()), 1.0)
    chroma = float(np.hypot(*cielab(skin, gain)[..., 1:].T).mean())
    low = np.maximum(np.floor(outline.min(0)).astype(int) - 12, 0)
    high = np.ceil(outline.max(0)).astype(int) + 12
    part = crop[low[1] : high[1], low[0] : high[0]]
    if not part.size or chroma < COLOURLESS:
        return np.nan
    lab = cielab(cv2.GaussianBlur(part, (0, 0), LIP_BLUR), gain)
    points, outwards = outline_points(outline - low)
    inside, outside = (
        np.mean([values_at(lab, points + sign * step * outwards) for step in LIP_STEPS], axis=0) for sign in (-1, 1)
    )
    difference = (inside - outside) @ np.array([-DARKNESS_WEIGHT, USUAL_CHROMA / min(chroma, USUAL_CHROMA), 0])
    return float(difference.mean() / (difference.std() + LIP_NOISE))


def cielab(picture: np.ndarray, gain: float) -> np.ndarray:
    """(h, w, 3) float32 of a uint8 BGR picture made `gain` times as bright: lightness, red - green, yellow - blue."""
    return cv2.cvtColor(picture.astype(np.float32) * (gain / 255), cv2.COLOR_BGR2LAB)


def outline_points(outline: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Evenly spaced points on a closed outline (N, 2), and the unit vectors that point out of it, (LIP_POINTS, 2)."""
    closed = np.vstack([outline, outline[:1]])
    length = np.r_[0, np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))]
    places = np.linspace(0, length[-1], LIP_POINTS, endpoint=False)
    points = np.stack([np.interp(places, length, column) for column in closed.T], axis=1)
    along = np.roll(points, -1, axis=0) - np.roll(points, 1, axis=0)
    normals = np.stack([along[:, 1], -along[:, 0]], axis=1)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-6)
    side = ((points - points.mean(0)) * normals).sum(1, keepdims=True)
    return points, np.where(side < 0, -normals, normals)


def values_at(picture: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Values (N, C) of a picture (h, w, C) at points (N, 2)."""
    x, y = points.astype(np.float32).T
    return cv2.remap(picture, x[None], y[None], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]
