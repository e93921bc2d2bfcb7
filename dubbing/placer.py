"""Puts generated faces into pictures: pasted, with the detail of the source's own mouths, and as open as asked for."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import numpy as np

from config.config import InferenceOptions
from dubbing.face_view import FaceView
from dubbing.lip_strength import LipStrength
from face.detail import MouthDetail, OwnMouths, detail_of
from face.paste import MouthPaster
from media.picture import Picture


class MouthPlacer:
    """To be used for one frame after the other. detail: of the source's mouths; lips: for --lip_strength."""

    def __init__(self, paster: MouthPaster, detail: MouthDetail | None, lips: LipStrength | None = None):
        self.paster, self.detail, self.lips = paster, detail, lips

    def paste(
        self, frame: np.ndarray, face: np.ndarray, crop: np.ndarray, video_to_crop: np.ndarray, time: float
    ) -> np.ndarray:
        """As MouthPaster.paste, with the detail for a frame shown at `time` seconds of the source."""
        detail = None if self.detail is None else self.detail.of(self.paster.mouth(face), time)
        return self.paster.paste(frame, face, crop, video_to_crop, detail)

    def place(self, picture: Picture, view: FaceView, face: np.ndarray, crop: np.ndarray, time: float) -> Picture:
        """`picture`, shown at `time` seconds of the source, with a generated face (h, w, 3) for its crop (h, w, 3)."""
        pasted = self.paste(view.image, face, crop, view.video_to_crop, time)
        if self.lips is not None:
            pasted = self.lips.apply(pasted, view.video_to_crop)
        return picture.changed(view.region, view.image, pasted)


@contextmanager
def open_placer(paster: MouthPaster, mouths: OwnMouths | None, options: InferenceOptions) -> Iterator[MouthPlacer]:
    """A placer for one dub, as --detail and --lip_strength say. mouths: the source's."""
    strength = options.lip_strength
    detail = detail_of(mouths, paster.mouth_size, options.detail)
    with nullcontext() if strength == 1 else LipStrength(strength, options.face_landmarker_model) as lips:
        yield MouthPlacer(paster, detail, lips)
