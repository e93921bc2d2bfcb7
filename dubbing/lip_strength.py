"""--lip_strength: dubbed mouths that open more, or less, than the generator opened them.

A generator cannot be asked for it: scaling its audio features or its audio code from silence's raised the slope of the
opening to 1.15 at most, and below 1 it jumped (0.12 at a quarter, 0.78 at a half). So the pasted picture is changed.
"""

import cv2
import numpy as np

from face.alignment import transform
from face.landmarks import FaceLandmarker
from face.opening import scale_opening

VIEW = 512  # pixels, side of the picture in which the lips are found; the face alone is in its middle
# Face landmarks follow lips that were moved less than these moved. So that the slope of the opening they find is the
# strength that was asked for, more is applied: dubbed (the sample speaker, a woman) it is within 15 %, and from 0.75 up
# on four more people as filmed, of whom two close by more than that at a half.
BELOW, ABOVE = 0.6, 1.25
# Of that picture, in pixels of the stored crop.
VIEW_CORNERS = np.array([[x, y] for x in (-160, 480) for y in (-112, 528)], np.float64)
CROP_TO_VIEW = np.array([[0.8, 0, VIEW / 2 - 0.8 * 160], [0, 0.8, VIEW / 2 - 0.8 * 208], [0, 0, 1]])


class LipStrength:
    """Scales the opening of one video's dubbed mouths. Use as a context manager.

    Raises InputError without a usable face landmarker model.
    """

    def __init__(self, strength: float, model: str):
        self.factor = strength - BELOW * strength * (1 - strength) if strength < 1 else 1 + ABOVE * (strength - 1)
        self.landmarker = FaceLandmarker(model or None)

    def __enter__(self) -> "LipStrength":
        return self

    def __exit__(self, *exception: object) -> None:
        self.landmarker.__exit__(*exception)

    def apply(self, frame: np.ndarray, video_to_crop: np.ndarray) -> np.ndarray:
        """A frame (H, W, 3) with its dubbed mouth changed, or as it was where no face is found in it."""
        video_to_view = CROP_TO_VIEW @ video_to_crop
        found = self.landmarker.detect(cv2.warpAffine(frame, video_to_view[:2], (VIEW, VIEW)))
        if found is None:
            return frame
        landmarks = transform(found[0].astype(np.float64), np.linalg.inv(video_to_view))
        return scale_opening(frame, landmarks, video_to_crop, self.factor)
