"""Sets the closed mouth of a photograph in motion: lips, jaw, teeth and tongue, eyelids, the head.

Every frame is the photograph, warped: an output pixel is traced back through head motion, jaw and mouth width to the
picture with closed lips, which is slit along the lip line. What shows in the slit is drawn: the smile's own upper
teeth, a copy of them for the lower ones, a tongue, and darkness. Coordinates: see sample_speaker/neutral_face.py.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from sample_speaker.neutral_face import CORNER_Y, HALF_WIDTH, NeutralFace, lip_line, smooth_step

MOUTH_BOX = (-54.0, -16.0, 54.0, 54.0)  # all that mouth and jaw move: left, top, right, bottom
LID_REACH = 9.0  # units above the upper lid that a blink stretches
FRAME_CENTRE = (0.0, -23.0)  # what the middle of the output shows
FRAME_UNITS = 236.0  # width of the output, so that the face is 0.39 of it, at zoom 1
LOWER_TEETH_Y = 7.9  # upper edge of the lower teeth while the jaw is closed
CHEEK_X = 37.0  # where a wide or narrow mouth no longer moves the cheek: inside the outline of the face
JAW_AT_LIPS = 0.15  # share of the jaw's drop that the closed lips follow


@dataclass(frozen=True)
class MouthShape:
    """One shape of the mouth. Lengths in units (pixels of the photograph, where the closed mouth is 35 wide)."""

    opening: float = 0.0  # height of the gap between the lips
    width: float = 1.0  # of the mouth, relative to rest
    jaw: float = 0.0  # drop of the chin
    pucker: float = 0.0  # 0 flat lips .. 1 rounded and pushed forward
    upper_share: float = 0.25  # part of the opening made by raising the upper lip
    tuck: float = 0.0  # height of the lower lip rolled in under the upper teeth
    tongue: float = 0.0  # 0 low .. 1 tip behind the upper teeth


@dataclass(frozen=True)
class Pose:
    """Motion of the head against its place in the photograph, and of the eyelids."""

    x: float = 0.0  # units
    y: float = 0.0
    angle: float = 0.0  # radians, clockwise
    scale: float = 1.0
    blink: float = 0.0  # 0 open .. 1 closed


@dataclass(frozen=True)
class Look:
    """What differs between videos of the same face."""

    zoom: float = 1.0
    shift_x: float = 0.0  # units, of the frame against the head
    shift_y: float = 0.0
    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)  # blue, green, red
    slope: float = 0.0  # relative brightness gained from the middle of the frame to its right edge


class TalkingFace:
    """Renders frames of `size` x `size` pixels of one look. Not for use by two threads at once."""

    def __init__(self, face: NeutralFace, look: Look, size: int):
        self.face, self.look, self.size = face, look, size
        light = 1 + look.slope * np.linspace(-1, 1, face.image.shape[1], dtype=np.float32)
        self.light = light[None, :, None] * np.float32(look.gain)
        self.still = np.clip(face.image * self.light, 0, 255).astype(np.uint8)
        self.moved = self.still.copy()
        self.prepare_mouth()
        self.lids = [self.prepare_lid(*eye) for eye in face.eyes]
        self.prepare_head()

    @property
    def pixels_per_unit(self) -> float:
        """Output pixels per unit of the photograph while the head is at rest."""
        return self.size / FRAME_UNITS * self.look.zoom

    def frame(self, shape: MouthShape, pose: Pose) -> tuple[np.ndarray, float, float]:
        """One picture (size, size, 3) BGR uint8, and the height and width of the gap between the lips in its pixels."""
        rows, columns = self.mouth_rows, self.mouth_columns
        part, opening = self.mouth(shape)
        self.moved[rows, columns] = part
        for lid in self.lids:
            self.close_lid(lid, pose.blink)
        pixels = self.pixels_per_unit * pose.scale
        return self.place_head(pose), opening * pixels, 2 * HALF_WIDTH * shape.width * pixels

    # Mouth

    def prepare_mouth(self) -> None:
        face = self.face
        self.mouth_rows, self.mouth_columns, x, y = face.grid(*MOUTH_BOX)
        self.x, self.y = x, y
        left, top, right, bottom = MOUTH_BOX
        border = smooth_step((right - np.abs(x)) / 9) * smooth_step((bottom - y) / 12)
        self.jaw_weight = jaw_share(y) * np.exp(-((np.maximum(np.abs(x) - 12, 0) / 24) ** 2)) * border
        self.width_weight = np.exp(-(((y - 6) / 14) ** 2)) * smooth_step((y - top) / 6) * border
        self.pucker_weight = np.exp(-(((y - 6) / 9) ** 2) - (x / 20) ** 2)
        light = self.light[:, self.mouth_columns]
        mask = face.teeth_mask[self.mouth_rows, self.mouth_columns]
        teeth = face.teeth[self.mouth_rows, self.mouth_columns] * light
        rounded = (1 - 0.55 * np.clip(np.abs(x) / 19, 0, 1) ** 2)[..., None]  # the arch of teeth recedes to the sides
        self.teeth = np.dstack([teeth * rounded, mask])
        self.cavity = np.float32((22, 20, 44)) * light * np.ones_like(rounded)
        self.tongue_colour = np.float32((92, 88, 158)) * light

    def mouth(self, shape: MouthShape) -> tuple[np.ndarray, float]:
        """The mouth box (h, w, 3) uint8 in this shape, and the gap between the lips at the middle in units."""
        x, y = self.to_closed(shape)
        line = lip_line(x)
        t = np.clip(np.abs(x) / HALF_WIDTH, 0, 1)
        bow = 1 - t * t  # the upper edge of the gap is an arch; the lower one a bowl, fuller where lips are rounded
        up = shape.opening * shape.upper_share * bow
        down = shape.opening * (1 - shape.upper_share) * bow ** (0.72 - 0.2 * shape.pucker)
        above, below = line - up - y, y - line - down  # units beyond the edge of either lip; negative inside
        rolled = shape.tuck * (1 - smooth_step(below / 6)) * smooth_step((1 - t) / 0.4)
        from_above = up * (1 - smooth_step(above / 11))
        from_below = rolled - down * (1 - smooth_step(below / (8 + 2.2 * shape.opening)))
        middle = line + (down - up) / 2
        source_y = np.where(y < middle, np.minimum(y + from_above, line), np.maximum(y + from_below, line + rolled))
        lips = cv2.remap(self.still, *self.face.pixels(x, source_y), cv2.INTER_LINEAR)

        sharpness = 0.75 * self.face.scale
        gap = np.clip(0.5 - above * sharpness, 0, 1) * np.clip(0.5 - below * sharpness, 0, 1)
        gap *= smooth_step((up + down) / 0.8)
        rows, columns = np.nonzero(gap.max(1))[0], np.nonzero(gap.max(0))[0]
        if len(rows):
            box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            inside = self.inside(shape, box, above[box], below[box])
            mixed = lips[box] + (inside - lips[box]) * gap[box][..., None]
            lips[box] = np.clip(mixed, 0, 255).astype(np.uint8)
        return lips, self.gap_at_middle(above, below)

    def to_closed(self, shape: MouthShape) -> tuple[np.ndarray, np.ndarray]:
        """Undo jaw, width and pucker: where each pixel of the mouth box lies while only the slit is open."""
        row = np.abs(self.x[:1])
        corner = HALF_WIDTH * shape.width
        beside = 1 - smooth_step((row - corner) / (CHEEK_X - corner))
        # A wide mouth draws its corners up; an open or rounded one lets them sink, so that its upper edge is an arch.
        rise = 9 * max(shape.width - 1, 0) - 0.4 * shape.opening - 1.6 * shape.pucker
        lift = rise * np.exp(-(((row - corner) / 7) ** 2))
        y = self.y - shape.jaw * self.jaw_weight + lift * self.width_weight
        x = self.x * (1 + (1 / shape.width - 1) * beside * self.width_weight)
        thicker = 1 - 0.16 * shape.pucker * self.pucker_weight
        return x, CORNER_Y + (y - CORNER_Y) * thicker

    def gap_at_middle(self, above: np.ndarray, below: np.ndarray) -> float:
        """Distance in units between the edges of the lips in the column x = 0, to a fraction of a pixel."""
        column = int(np.argmin(np.abs(self.x[0])))
        y = self.y[:, column]
        # `above` falls and `below` rises with y; each is 0 at its lip's edge.
        upper = np.interp(0, -above[:, column], y)
        lower = np.interp(0, below[:, column], y)
        return max(0.0, float(lower - upper))

    def inside(self, shape: MouthShape, box: tuple[slice, slice], above: np.ndarray, below: np.ndarray) -> np.ndarray:
        """What shows between the lips, (h, w, 3) float32: darkness, tongue, lower teeth, upper teeth, in that order."""
        x, y = self.x[box], self.y[box]
        picture = self.cavity[box] * (0.55 + 0.45 * smooth_step(-above / 8))[..., None]

        floor = LOWER_TEETH_Y + shape.jaw
        tip = floor - 1.2 - shape.tongue * min(shape.opening, 3.0)
        distance = np.hypot(x / 12.5, (y - tip - 5.5) / 5.5)
        tongue = smooth_step((1.15 - distance) / 0.3)[..., None]
        shade = 0.62 + 0.38 * smooth_step((1 - distance) / 0.6)[..., None]
        picture += (self.tongue_colour[:, box[1]] * shade - picture) * tongue

        # Lower teeth: the upper ones upside down, smaller, and in the shade of the upper lip.
        teeth_x, teeth_y = self.pixels_in_box(x / 0.78, 8.6 - (y - floor) / 0.8)
        lower = cv2.remap(self.teeth, teeth_x, teeth_y, cv2.INTER_LINEAR, borderValue=0)
        picture += (lower[..., :3] * 0.72 - picture) * lower[..., 3:]
        upper = self.teeth[box]
        picture += (upper[..., :3] - picture) * upper[..., 3:]

        # Light enters from the front: less of it near the lips' edges and through a narrow gap.
        depth = smooth_step(-above / 2.2) * (0.7 + 0.3 * smooth_step(-below / 1.5))
        narrow = 0.75 + 0.25 * smooth_step(shape.opening / 5) - 0.3 * shape.pucker
        light = ((0.5 + 0.5 * depth) * narrow)[..., None]
        return picture * light ** np.float32((1.2, 1.05, 0.9))  # what shade there is, is warm: it comes off the lips

    def pixels_in_box(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        columns, rows = self.face.pixels(x, y)
        return columns - self.mouth_columns.start, rows - self.mouth_rows.start

    # Eyelids

    def prepare_lid(self, x: np.ndarray, upper: np.ndarray, lower: np.ndarray) -> tuple:
        """Pixels an eyelid moves over, with the height of both lids in each of their columns."""
        box = (x.min() - 1, upper.min() - LID_REACH - 1, x.max() + 1, lower.max() + 1)
        rows, columns, grid_x, grid_y = self.face.grid(*box)
        edge, rest = (np.interp(grid_x[0], x, lid).astype(np.float32) for lid in (upper, lower))
        return rows, columns, grid_x, grid_y, edge, np.maximum(rest - edge, 0)

    def close_lid(self, lid: tuple, blink: float) -> None:
        """Draw one eye with its upper lid lowered by `blink` of the way, the skin above it stretched."""
        rows, columns, x, y, edge, opening = lid
        if blink <= 0:
            self.moved[rows, columns] = self.still[rows, columns]
            return
        drop = blink * opening
        height = edge + drop - y
        covered = height > -0.4
        source_y = np.where(covered, y - drop * (1 - smooth_step(height / (LID_REACH + drop))), y)
        source = self.face.pixels(x, source_y)
        self.moved[rows, columns] = cv2.remap(self.still, *source, cv2.INTER_LINEAR)

    # Head

    def prepare_head(self) -> None:
        """The frame's pixels in face coordinates, and how much each follows the head: 1 on it, 0 far away."""
        pixel = (np.arange(self.size, dtype=np.float32) + 0.5) / self.size - 0.5
        x, y = np.meshgrid(*(pixel * FRAME_UNITS / self.look.zoom + offset for offset in self.frame_centre))
        distance = np.hypot(x / 64, (y + 45) / 92)
        weight = 1 - smooth_step((distance - 1) / 0.7)
        self.frame_x, self.frame_y = self.face.pixels(x, y)
        self.weighted = np.stack([weight * x, weight * y, weight]) * np.float32(self.face.scale)

    @property
    def frame_centre(self) -> tuple[float, float]:
        return FRAME_CENTRE[0] + self.look.shift_x, FRAME_CENTRE[1] + self.look.shift_y

    def place_head(self, pose: Pose) -> np.ndarray:
        """The output frame: the head turned, scaled and moved, its surroundings stretched to follow."""
        cosine, sine = np.cos(pose.angle) / pose.scale, np.sin(pose.angle) / pose.scale
        # The head turns about the neck, face coordinates (0, 50).
        x_terms = (cosine - 1, sine, -sine * 50 - cosine * pose.x - sine * pose.y)
        y_terms = (-sine, cosine - 1, (1 - cosine) * 50 + sine * pose.x - cosine * pose.y)
        maps = []
        for base, terms in ((self.frame_x, x_terms), (self.frame_y, y_terms)):
            shifted = base.copy()
            for term, plane in zip(terms, self.weighted, strict=True):
                shifted += np.float32(term) * plane
            maps.append(shifted)
        return cv2.remap(self.moved, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def jaw_share(y: np.ndarray) -> np.ndarray:
    """Share of the jaw's drop at height y: nothing at the nose, JAW_AT_LIPS at the lips, all of it at the chin."""
    heights = [-10, 0, 6, 12, 20, 28, 38, 44, 50, 58]
    shares = [0, 0.02, JAW_AT_LIPS, 0.4, 0.75, 0.95, 1, 0.6, 0.15, 0]
    return np.interp(y, heights, shares).astype(np.float32)
