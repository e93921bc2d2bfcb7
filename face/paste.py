"""Puts a generated face back into its video frame."""

import cv2
import numpy as np

from face.alignment import transform


def paste_face(frame: np.ndarray, face: np.ndarray, video_to_face: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Blend `face` (h, w, 3) uint8 into a copy of `frame` (H, W, 3) uint8 by `weight` (h, w) in [0, 1].

    video_to_face is the (3, 3) map from video pixels to the pixels of `face`. The inverse warp reads the face for
    every video pixel, so no holes appear; pixels where the warped weight is 0 stay what they were, bit for bit.
    """
    height, width = weight.shape
    corners = np.array([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]], np.float64)
    corners = transform(corners, np.linalg.inv(video_to_face))
    left, top = np.maximum(np.floor(corners.min(0)).astype(int), 0)
    right, bottom = np.minimum(np.ceil(corners.max(0)).astype(int) + 1, frame.shape[1::-1])
    result = frame.copy()
    if right <= left or bottom <= top:
        return result
    to_face = video_to_face @ np.array([[1, 0, left], [0, 1, top], [0, 0, 1.0]])
    size = (int(right - left), int(bottom - top))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(face, to_face[:2], size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpAffine(weight, to_face[:2], size, flags=flags, borderMode=cv2.BORDER_CONSTANT)[..., None]
    region = result[top:bottom, left:right]
    blended = region + alpha * (warped.astype(np.float32) - region)
    np.copyto(region, np.round(blended).astype(np.uint8), where=alpha > 0)
    return result
