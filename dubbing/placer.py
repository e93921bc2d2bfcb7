"""Puts generated faces into pictures: pasted, with the detail of the source's own mouths, and as open as asked for."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import numpy as np

from config.config import InferenceOptions
from dubbing.face_view import FaceView
from dubbing.lip_strength import LipStrength
from face.detail import MouthDetail, OwnMouths
from face.paste import MouthPaster
from media.picture import Picture


class MouthPlacer:
    """To be used for one frame after the other. detail: of the source's mouths; lips: for --lip_strength."""

    def __init__(self, paster: MouthPaster, detail: MouthDetail | None, lips: LipStrength | None):
        self.paster, self.detail, self.lips = paster, detail, lips

    def place(self, picture: Picture, view: FaceView, face: np.ndarray, crop: np.ndarray, time: float) -> Picture:
        """`picture`, shown at `time` seconds of the source, with a generated face (h, w, 3) for its crop (h, w, 3)."""
        detail = None if self.detail is None else self.detail.of(self.paster.mouth(face), time)
        pasted = self.paster.paste(view.image, face, crop, view.video_to_crop, detail)
        if self.lips is not None:
            pasted = self.lips.apply(pasted, view.video_to_crop)
        return picture.changed(view.region, view.image, pasted)


@contextmanager
def open_placer(paster: MouthPaster, mouths: OwnMouths | None, options: InferenceOptions) -> Iterator[MouthPlacer]:
    """A placer for one dub, as --detail and --lip_strength say. mouths: the source's."""
    strength = options.lip_strength
    is_sharpened = mouths is not None and options.detail
    detail = MouthDetail(mouths, paster.mouth_size, options.detail) if is_sharpened else None
    with nullcontext() if strength == 1 else LipStrength(strength, options.face_landmarker_model) as lips:
        yield MouthPlacer(paster, detail, lips)
