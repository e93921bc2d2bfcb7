"""Closes the smiling mouth of a photograph: the still picture that sample_speaker/talking_face.py sets in motion.

Face coordinates: the unit is one pixel of the photograph, x runs along the line through the mouth corners, y down,
(0, 0) is the middle between the corners of the smile. Pictures are BGR.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.interpolate import RBFInterpolator
from skimage.data import astronaut

from face.landmarks import FaceLandmarker

# Vertices of mediapipe's face mesh (478 points), corner to corner from the left of the picture.
UPPER_OUTER = [61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291]
LOWER_OUTER = [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291]
UPPER_INNER = [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308]
LOWER_INNER = [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308]
EYES = (
    ([33, 246, 161, 160, 159, 158, 157, 173, 133], [33, 7, 163, 144, 145, 153, 154, 155, 133]),
    ([362, 398, 384, 385, 386, 387, 388, 466, 263], [362, 382, 381, 380, 374, 373, 390, 249, 263]),
)
STILL = [2, 98, 327, 94, 129, 358, 4, 33, 133, 362, 263, 234, 454, 116, 345, 50, 280, 117, 346]
JAW_LIFT = {152: 1, 148: 1, 377: 1, 176: 0.9, 400: 0.9, 149: 0.7, 378: 0.7, 150: 0.5, 379: 0.5, 136: 0.3, 365: 0.3}

# The closed mouth, in face coordinates.
HALF_WIDTH = 17.6
CORNER_Y = 3.6
SAG = 2.4  # how far the middle of the lip line hangs below the corners
UPPER_THICKNESS = [2.3, 3.6, 4.4, 3.8, 4.4, 3.6, 2.3]  # of the lip above the line, at UPPER_OUTER[2:9]
LOWER_THICKNESS = [1.6, 3.6, 5.0, 5.9, 6.2, 5.9, 5.0, 3.6, 1.6]  # below it, at LOWER_OUTER[1:10]
CHIN_LIFT = 1.2  # the jaw of a closed mouth is higher than that of the smile

LEFT, TOP, SIDE = -150.0, -156.0, 300.0  # the part of the photograph that is kept: head, shoulders, room to move
GRID_STEP = 4  # pixels between the points where a smooth displacement is evaluated


def lip_line(x: np.ndarray) -> np.ndarray:
    """Height y at which the closed lips meet."""
    return CORNER_Y + SAG * (1 - np.clip(x / HALF_WIDTH, -1, 1) ** 2)


@dataclass(frozen=True)
class NeutralFace:
    """The photograph with closed lips, and what lies behind them.

    image, teeth: (N, N, 3) float32 in 0..255; teeth_mask (N, N) float32 in 0..1, 1 where `teeth` shows upper teeth.
    `scale`: pixels per unit. `eyes`: for each eye x, upper and lower lid, each (9,), face coordinates.
    """

    image: np.ndarray
    teeth: np.ndarray
    teeth_mask: np.ndarray
    scale: float
    eyes: list[tuple[np.ndarray, np.ndarray, np.ndarray]]

    def grid(self, left: float, top: float, right: float, bottom: float) -> tuple[slice, slice, np.ndarray, np.ndarray]:
        """Rows and columns of a box of face coordinates, and x, y (h, w) float32 of its pixel centres."""
        columns = slice(round((left - LEFT) * self.scale), round((right - LEFT) * self.scale))
        rows = slice(round((top - TOP) * self.scale), round((bottom - TOP) * self.scale))
        x = LEFT + (np.arange(columns.start, columns.stop, dtype=np.float32) + 0.5) / self.scale
        y = TOP + (np.arange(rows.start, rows.stop, dtype=np.float32) + 0.5) / self.scale
        return rows, columns, *np.meshgrid(x, y)

    def pixels(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Face coordinates to pixel coordinates of `image` (0 is the centre of the first pixel), float32."""
        columns, rows = (x - LEFT) * self.scale - 0.5, (y - TOP) * self.scale - 0.5
        return columns.astype(np.float32, copy=False), rows.astype(np.float32, copy=False)


def load_neutral_face(scale: float) -> NeutralFace:
    """Close the mouth of the astronaut Eileen Collins (NASA, public domain) at `scale` pixels per unit."""
    photograph = np.ascontiguousarray(astronaut()[..., ::-1])
    with FaceLandmarker() as landmarker:
        landmarker.detect(photograph)
        mesh = landmarker.last.mesh.astype(np.float64)
    middle = (mesh[78] + mesh[308]) / 2
    tilt = np.arctan2(*(mesh[263] - mesh[33] + mesh[308] - mesh[78])[::-1])
    turn = np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
    mesh = (mesh - middle) @ turn.T

    side = round(SIDE * scale)
    corner = np.array([LEFT, TOP]) + 0.5 / scale
    to_photograph = np.column_stack([turn.T / scale, turn.T @ corner + middle])
    flags = cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP
    image = cv2.warpAffine(photograph, to_photograph, (side, side), flags=flags, borderMode=cv2.BORDER_REFLECT)
    image = image.astype(np.float32)

    eyes = [(mesh[upper, 0], mesh[upper, 1], mesh[lower, 1]) for upper, lower in EYES]
    smile = NeutralFace(image, image, smile_opening(mesh, image.shape, scale), scale, eyes)
    return NeutralFace(close_mouth(smile, mesh), image, smile.teeth_mask, scale, eyes)


def smile_opening(mesh: np.ndarray, shape: tuple[int, ...], scale: float) -> np.ndarray:
    """Mask (N, N) of the upper teeth: the gap between the lips of the smile, without the lips' blurred edges."""
    lower = mesh[LOWER_INNER[1:-1]] - (0, 0.9)
    upper = mesh[UPPER_INNER] - (0, 1)  # hidden by the upper lip in every shape of the mouth
    outline = (np.vstack([upper, lower[::-1]]) - (LEFT, TOP)) * scale - 0.5
    mask = np.zeros(shape[:2], np.float32)
    cv2.fillPoly(mask, [np.round(outline * 16).astype(np.int32)], 1.0, cv2.LINE_AA, shift=4)
    return cv2.GaussianBlur(mask, (0, 0), 0.35 * scale)


def close_mouth(smile: NeutralFace, mesh: np.ndarray) -> np.ndarray:
    """The whole picture (N, N, 3) float32 with the lips warped to meet in the lip line."""
    rows, columns, x, y = smile.grid(-62, -46, 62, 58)
    above, below = (warped(smile, field, x, y) for field in closing_fields(mesh))
    below_line = smooth_step((y - lip_line(x)) * 2 + 0.5)[..., None]
    part = above * (1 - below_line) + below * below_line
    part = shade_lips(soften_creases(part, x, y, smile.scale), x, y)
    image = smile.image.copy()
    border = np.clip((62 - np.abs(x)) / 6, 0, 1) * np.clip((y + 46) / 6, 0, 1) * np.clip((58 - y) / 6, 0, 1)
    image[rows, columns] += (part - image[rows, columns]) * border[..., None]
    return image


def closing_fields(mesh: np.ndarray) -> list[RBFInterpolator]:
    """Two thin-plate warps, for the picture above and below the lip line; each gives source minus target.

    They are equal beyond the corners of the mouth, so that nothing tears there.
    """
    corner = HALF_WIDTH + 0.6
    pairs = [(mesh[61], (-corner, CORNER_Y)), (mesh[291], (corner, CORNER_Y))]
    for index, thickness in zip(UPPER_OUTER[2:9], UPPER_THICKNESS, strict=True):
        x = mesh[index, 0] * HALF_WIDTH / 21
        pairs.append((mesh[index], (x, lip_line(x) - thickness)))
    for index, thickness in zip(LOWER_OUTER[1:10], LOWER_THICKNESS, strict=True):
        x = mesh[index, 0] * HALF_WIDTH / 21
        pairs.append((mesh[index], (x, lip_line(x) + thickness)))
    pairs += [(mesh[index], mesh[index]) for index in STILL]
    pairs += [(mesh[index], mesh[index] - (0, CHIN_LIFT * share)) for index, share in JAW_LIFT.items()]
    frame = [(x, y) for x in np.linspace(-62, 62, 7) for y in (-50, 58)]
    frame += [(x, y) for x in (-62, 62) for y in (-30, -10, 10, 30, 45)]
    source, target = (np.array(points) for points in zip(*pairs, *zip(frame, frame, strict=True), strict=True))

    common = thin_plate(source, target)
    beside = np.array([(sign * (corner + d), CORNER_Y) for sign in (-1, 1) for d in (2, 4, 7, 11)])
    source, target = np.vstack([source, beside + common(beside)]), np.vstack([target, beside])
    fields = []
    # The edge of a lip is blurred into the teeth; the warp begins a little inside the lip.
    for contour, inside in ((UPPER_INNER, -0.5), (LOWER_INNER, 0.6)):
        edge = mesh[contour[1:-1]] + (0, inside)
        x = edge[:, 0] * HALF_WIDTH / 20.2
        fields.append(thin_plate(np.vstack([source, edge]), np.vstack([target, np.column_stack([x, lip_line(x)])])))
    return fields


def thin_plate(source: np.ndarray, target: np.ndarray) -> RBFInterpolator:
    return RBFInterpolator(target, source - target, kernel="thin_plate_spline")


def warped(face: NeutralFace, field: RBFInterpolator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The face's image at (x, y) + field(x, y), (h, w, 3) float32."""
    coarse = [np.append(line[::GRID_STEP], line[-1]) for line in (x[0], y[:, 0])]
    points = np.stack(np.meshgrid(*coarse), -1)
    values = field(points.reshape(-1, 2)).reshape(points.shape)
    at = [np.interp(line, knots, np.arange(len(knots))) for line, knots in zip((x[0], y[:, 0]), coarse, strict=True)]
    index = [axis.astype(np.float32) for axis in np.meshgrid(*at)]
    shift = cv2.remap(values.astype(np.float32), *index, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    source = face.pixels(x + shift[..., 0], y + shift[..., 1])
    return cv2.remap(face.image, *source, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def soften_creases(part: np.ndarray, x: np.ndarray, y: np.ndarray, scale: float) -> np.ndarray:
    """Weaken the dark smile lines from the nose to the corners of the mouth, which a mouth at rest does not have."""
    detail = part - cv2.GaussianBlur(part, (0, 0), 3.5 * scale)
    line_x = 22 + 0.30 * (y + 4)  # the crease runs outwards as it goes down
    near = np.exp(-(((np.abs(x) - line_x) / 5) ** 2) - ((y + 3) / 9) ** 2)
    return part - np.minimum(detail, 0) * (0.7 * near)[..., None]


def shade_lips(part: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Give the thin, stretched lips of the smile the colour of lips at rest, and the shadow where they meet."""
    t = np.abs(x) / HALF_WIDTH
    profile = 1 - np.minimum(t, 1) ** 2.2
    above, below = 4.2 * profile, 6.0 * profile
    offset = y - lip_line(x)
    inside = smooth_step((offset + above) / 1.6 + 0.5) * smooth_step((below - offset) / 2.4 + 0.5)
    tint = np.where((offset < 0)[..., None], np.float32((0.86, 0.84, 0.93)), np.float32((0.90, 0.87, 1.0)))
    part = part * (1 + (tint - 1) * (inside * smooth_step((1 - t) / 0.12))[..., None])
    line = np.exp(-((offset / 0.75) ** 2)) * smooth_step((1.04 - t) / 0.2)
    return part * (1 - np.float32((0.55, 0.55, 0.45)) * line[..., None])


def smooth_step(value: np.ndarray) -> np.ndarray:
    """0 below 0, 1 above 1, and a smooth rise between."""
    value = np.clip(value, 0, 1)
    return value * value * (3 - 2 * value)
