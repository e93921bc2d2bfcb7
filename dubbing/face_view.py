"""The part of a picture around a face: all that is converted of a frame, to be cropped, dubbed and put back."""

from dataclasses import dataclass

import numpy as np

from config.constants import CROP_HEIGHT, CROP_WIDTH
from face.alignment import area_reduction, transform
from media.picture import Picture, Region

CROP_CORNERS = np.array([[0, 0], [CROP_WIDTH, 0], [0, CROP_HEIGHT], [CROP_WIDTH, CROP_HEIGHT]], np.float64)


@dataclass(frozen=True)
class FaceView:
    """image (h, w, 3) BGR uint8: `region` of a picture; video_to_crop (3, 3) maps the image's own pixels."""

    region: Region
    image: np.ndarray
    video_to_crop: np.ndarray


def face_view(picture: Picture, video_to_crop: np.ndarray, corners: np.ndarray = CROP_CORNERS) -> FaceView:
    """What a picture shows within `corners` (4, 2), pixels of the stored crop to which video_to_crop (3, 3) maps.

    Cropping and pasting in it give what they give in the whole picture.
    """
    places = transform(corners, np.linalg.inv(video_to_crop))
    (left, top), (right, bottom) = places.min(0), places.max(0)
    region = picture.region(top, bottom, left, right, area_reduction(video_to_crop))
    shift = np.array([[1, 0, region.left], [0, 1, region.top], [0, 0, 1.0]])
    return FaceView(region, picture.cut(region), video_to_crop @ shift)
