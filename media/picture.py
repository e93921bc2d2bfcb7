"""A frame of a video in the planes that the decoder gave, so that what is not changed is encoded as it was decoded."""

import math
from typing import NamedTuple

import av
import cv2
import numpy as np
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace, Interpolation

# FFmpeg's fast converter darkens every picture by 2 levels of 255 a round trip; these flags bring that to 0.0.
EXACT = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
SMALL_CHROMA, WHOLE_CHROMA = "yuv420p", "yuv444p"  # 8 bits; the second for odd sizes, which have no half
FULL_RANGE = "yuvj420p"  # as the first, but from 0 to 255
PASSED = (SMALL_CHROMA, FULL_RANGE)  # pixel formats that pass as they are
RGB, BT709, UNTAGGED, BT601 = 0, 1, 2, 6  # ITU-T H.273 code points of matrices; BT709 of primaries and transfer too
ALIGNED = 4  # pixels: borders of regions lie on multiples of it, so that chroma of half size is cut where it begins


class Region(NamedTuple):
    """Rows top to bottom - 1 and columns left to right - 1 of a picture."""

    top: int
    bottom: int
    left: int
    right: int

    def moved(self, down: int, right: int) -> "Region":
        return Region(self.top + down, self.bottom + down, self.left + right, self.right + right)

    def slices(self, step: int = 1) -> tuple[slice, slice]:
        """Rows and columns of a picture that has every `step`th of them."""
        return slice(self.top // step, self.bottom // step), slice(self.left // step, self.right // step)


class Picture:
    """An upright frame in 8-bit planes of full and half size: of such video, the decoder's own.

    What is deeper than 8 bits, or has more chroma, is reduced to that, as H.264 that every player shows has it; odd
    sizes, which have no half, become planes of full size. Matrix, range and the other tags of colour stay what they
    are; pictures in RGB become BT.709.
    """

    def __init__(self, frame: "av.VideoFrame"):
        self.frame = upright_planes(in_planes(frame))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of what `bgr` gives: (H, W, 3)."""
        return self.frame.height, self.frame.width, 3

    def bgr(self) -> np.ndarray:
        """The whole picture (H, W, 3) uint8."""
        return self.frame.to_ndarray(format="bgr24", interpolation=EXACT)

    def region(self, top: float, bottom: float, left: float, right: float, step: int = 1) -> Region:
        """The part of the picture between these rows and columns; where they are all outside, what is nearest.

        It begins at multiples of ALIGNED and of `step`, and is a little larger than was asked for, as the chroma of
        its border is guessed where that is not the picture's own.
        """
        height, width = self.shape[:2]
        grid, margin = math.lcm(ALIGNED, step), ALIGNED * step
        edges = []
        for first, last, size in ((top, bottom, height), (left, right, width)):
            begin = min(max(0, math.floor((first - margin) / grid)), (size - 1) // grid) * grid
            edges += [begin, min(size, max(begin + grid, math.ceil((last + margin) / grid) * grid))]
        return Region(*edges)

    def cut(self, region: Region) -> np.ndarray:
        """The part (h, w, 3) BGR uint8 of the picture."""
        part = self.empty(region.bottom - region.top, region.right - region.left)
        for own, other in zip(planes(part), planes(self.frame), strict=True):
            own[...] = other[within(region, other, self.frame)]
        return part.to_ndarray(format="bgr24", interpolation=EXACT)

    def changed(self, region: Region, before: np.ndarray, after: np.ndarray) -> "Picture":
        """This picture with `after` (h, w, 3) BGR uint8 in `region`, where it differs from `before`, which `cut` gave.

        Every other sample keeps its value, bit for bit.
        """
        differs = ~cv2.inRange(cv2.absdiff(before, after), (0, 0, 0), (0, 0, 0))
        left, top, width, height = cv2.boundingRect(differs)
        if not width:
            return self
        left, top = left + region.left, top + region.top
        changed = intersection(self.region(top, top + height, left, left + width), region)
        inside = changed.moved(-region.top, -region.left).slices()
        after, differs = np.ascontiguousarray(after[inside]), differs[inside]
        part = av.VideoFrame.from_numpy_buffer(after, format="bgr24")
        copy_colour(self.frame, part)
        part = like(part, self.frame)
        result = self.empty(*self.shape[:2])
        for own, other, new in zip(planes(result), planes(self.frame), planes(part), strict=True):
            own[...] = other
            is_half = own.shape[0] < self.frame.height
            mask = halved(differs) if is_half else differs
            np.copyto(own[within(changed, own, self.frame)], new, where=mask > 0)
        return Picture(result)

    def empty(self, height: int, width: int) -> "av.VideoFrame":
        frame = av.VideoFrame(width, height, self.frame.format.name)
        copy_colour(self.frame, frame)
        return frame


def in_planes(frame: "av.VideoFrame") -> "av.VideoFrame":
    """The frame itself where its planes can be passed on, or what Picture makes of it."""
    wanted = planes_of(frame.width, frame.height)
    if frame.format.name in PASSED and wanted == SMALL_CHROMA:
        return frame
    # Decoders of PNG call grey pictures RGB too, by their matrix.
    if frame.colorspace != RGB and not frame.format.is_rgb and frame.format.name != "pal8":
        return frame.reformat(format=wanted, interpolation=EXACT)
    return as_bt709(frame, format=wanted)


def as_bt709(frame: "av.VideoFrame", **changes: object) -> "av.VideoFrame":
    """The frame in the colours that players assume for untagged HD video; `changes` as of reformat."""
    matrix, limited = Colorspace.ITU709, ColorRange.MPEG
    converted = frame.reformat(dst_colorspace=matrix, dst_color_range=limited, interpolation=EXACT, **changes)
    converted.color_primaries = converted.color_trc = BT709
    return converted


def like(frame: "av.VideoFrame", other: "av.VideoFrame") -> "av.VideoFrame":
    """The frame in the pixel format, matrix and range of another one."""
    is_full = other.format.name == FULL_RANGE or other.color_range == ColorRange.JPEG
    return frame.reformat(
        format=other.format.name,
        dst_colorspace=Colorspace.ITU601 if other.colorspace in (UNTAGGED, BT601) else other.colorspace,
        dst_color_range=ColorRange.JPEG if is_full else ColorRange.MPEG,
        interpolation=EXACT,
    )


def planes_of(width: int, height: int) -> str:
    """The pixel format for a size: half the chroma, which odd sizes do not have."""
    return WHOLE_CHROMA if width % 2 or height % 2 else SMALL_CHROMA


def quarter_turns(frame: "av.VideoFrame") -> int:
    """Counter-clockwise, that put it upright: phones store a rotation beside the picture."""
    return round(frame.rotation / 90) % 4


def upright_planes(frame: "av.VideoFrame") -> "av.VideoFrame":
    """The frame as it is meant to be seen."""
    turns = quarter_turns(frame)
    if not turns:
        return frame
    size = (frame.height, frame.width) if turns % 2 else (frame.width, frame.height)
    turned = av.VideoFrame(*size, frame.format.name)
    copy_colour(frame, turned)
    for own, other in zip(planes(turned), planes(frame), strict=True):
        own[...] = np.rot90(other, turns)
    return turned


def planes(frame: "av.VideoFrame") -> list[np.ndarray]:
    """The planes (h, w) uint8 of an 8-bit frame, in its own memory."""
    rows = [np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size) for plane in frame.planes]
    return [data[: plane.height, : plane.width] for data, plane in zip(rows, frame.planes, strict=True)]


def within(region: Region, plane: np.ndarray, frame: "av.VideoFrame") -> tuple[slice, slice]:
    """Rows and columns of the region in a plane of full or half size."""
    return region.slices(frame.height // plane.shape[0])


def intersection(one: Region, other: Region) -> Region:
    """What is in both of two regions that overlap."""
    return Region(
        max(one.top, other.top), min(one.bottom, other.bottom), max(one.left, other.left), min(one.right, other.right)
    )


def halved(mask: np.ndarray) -> np.ndarray:
    """Not 0 (h / 2, w / 2) where any of 2 x 2 values of `mask` (h, w) is not."""
    rows = mask[::2] | mask[1::2]
    return rows[:, ::2] | rows[:, 1::2]


def copy_colour(source: "av.VideoFrame", target: "av.VideoFrame") -> None:
    """Give `target` the tags that say how the samples of `source` are seen."""
    for name in ("colorspace", "color_range", "color_primaries", "color_trc"):
        setattr(target, name, getattr(source, name))


def as_new(frame: "av.VideoFrame") -> "av.VideoFrame":
    """The frame, to be encoded as any other: a decoder's says of which type it was, and encoders would obey."""
    frame.pict_type = PictureType.NONE
    return frame
