"""Puts a generated face back into its video frame, with as much of the video's own detail as is still true."""

import cv2
import numpy as np

from face.agreement import agreement
from face.alignment import transform
from face.detail import enlarged, three_channels
from face.geometry import STORED_MOUTH, mouth_box, stored_to_network
from face.masks import feather

STRIP = 64  # rows of a frame that are pasted at a time: what that takes stays in the processor's cache
KEPT = 20.0  # levels of 255 by which two faces differ where a third of the video's detail is kept


class MouthPaster:
    """Pastes faces of one mouth size. All images are BGR uint8; crops are (h, w, 3), see face.geometry.crop_size."""

    def __init__(self, mouth_size: int):
        self.mouth_size = mouth_size
        self.box, self.weight = mouth_box(mouth_size), feather(mouth_size)
        self.crop_to_box, self.crop_to_large_box = box_matrix(mouth_size), box_matrix(STORED_MOUTH)

    def mouth(self, face: np.ndarray) -> np.ndarray:
        """The mouth (S, S, 3) of a face (h, w, 3)."""
        return np.ascontiguousarray(face[self.box])

    def paste(
        self,
        frame: np.ndarray,
        face: np.ndarray,
        crop: np.ndarray,
        video_to_crop: np.ndarray,
        detail: np.ndarray | None = None,
    ) -> np.ndarray:
        """A copy of `frame` (H, W, 3) with the mouth of `face` in place of the one in `crop`, which was cut from it.

        video_to_crop is the (3, 3) map to the stored crop; `detail` (256, 256, 3), as MouthDetail gives it, is added to
        the mouth as far as it replaces the video. Pixels outside the mouth box are not touched.
        """
        layer = face_layer(self.mouth(face), self.mouth(crop), self.weight)
        if detail is None:
            return paste_layer(frame, layer, self.crop_to_box @ video_to_crop)
        layer = enlarged(layer)
        share = cv2.extractChannel(layer, 3)
        change = cv2.add(cv2.cvtColor(layer, cv2.COLOR_BGRA2BGR), cv2.multiply(three_channels(share), detail))
        return paste_layer(frame, cv2.merge((change, share)), self.crop_to_large_box @ video_to_crop)


def box_matrix(mouth_size: int) -> np.ndarray:
    """(3, 3) from pixels of the stored crop to pixels of the mouth box of this size."""
    rows, columns = mouth_box(mouth_size)
    to_box = np.array([[1, 0, -columns.start], [0, 1, -rows.start], [0, 0, 1.0]])
    return to_box @ stored_to_network(mouth_size)


def face_layer(face: np.ndarray, crop: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """What pasting the mouth box `face` does to the frame that `crop` was cut from: (S, S, 4) float32.

    face, crop (S, S, 3) uint8, weight (S, S) in [0, 1], 1 where the face replaces the video. Channels 0 to 2 are what
    is added to the frame, channel 3 the share of the frame that is taken away before.

    A video shows more than 64 or 256 pixels can. Where the generated face agrees with the crop, which is
    all but the mouth and what moves with it, only the difference of the two is added, and the video stays as sharp
    as it was; where they differ, the generated face replaces it.
    """
    kept = agreement(face, crop, KEPT)[..., None]
    weight = weight[..., None]
    return np.concatenate((weight * (face - kept * crop), weight * (1 - kept)), axis=2)


def paste_layer(frame: np.ndarray, layer: np.ndarray, video_to_face: np.ndarray) -> np.ndarray:
    """A copy of `frame` (H, W, 3) uint8 with a face_layer (S, S, 4) laid on it.

    video_to_face is the (3, 3) map from video pixels to the pixels of the layer. The inverse warp reads the layer for
    every video pixel, so no holes appear; pixels where the warped layer is 0 stay what they were, bit for bit.
    """
    height, width = layer.shape[:2]
    corners = np.array([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]], np.float64)
    corners = transform(corners, np.linalg.inv(video_to_face))
    left, top = np.maximum(np.floor(corners.min(0)).astype(int), 0)
    right, bottom = np.minimum(np.ceil(corners.max(0)).astype(int) + 1, frame.shape[1::-1])
    result = frame.copy()
    if right <= left:
        return result
    for first in range(top, bottom, STRIP):
        to_layer = video_to_face @ np.array([[1, 0, left], [0, 1, first], [0, 0, 1.0]])
        lay_on(result[first : min(first + STRIP, bottom), left:right], layer, to_layer)
    return result


def lay_on(region: np.ndarray, layer: np.ndarray, region_to_layer: np.ndarray) -> None:
    """Lay a face_layer on a part of a frame, in place."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = region.shape[1::-1]
    warped = cv2.warpAffine(layer, region_to_layer[:2], size, flags=flags, borderMode=cv2.BORDER_CONSTANT)
    taken = three_channels(cv2.extractChannel(warped, 3))
    cv2.multiply(region.astype(np.float32), taken, taken)
    change = cv2.subtract(cv2.cvtColor(warped, cv2.COLOR_BGRA2BGR), taken, taken)
    cv2.add(region, change, dst=region, dtype=cv2.CV_8U)  # rounds, and stays within 0 and 255
