"""From landmarks to the face crop: matrices between video pixels and crop pixels, and the cropping itself.

All matrices are (3, 3), act on column vectors (x, y, 1), and target the stored crop of 416 x 320 (height x width).
"""

import cv2
import numpy as np

from config.constants import CLIP_FRAMES, CROP_HEIGHT, CROP_WIDTH
from face.geometry import crop_size

# Brows, nose, eye corners and mouth corners, and where LawDNet's published alignment puts them, in half crop widths
# from the crop's centre.
TEMPLATE_INDEX = np.array([*range(17, 37), 39, 42, 45, 48, 54])
TEMPLATE = np.array(
    [
        *((-0.7829964, -0.8754507), (-0.6630508, -0.9833938), (-0.4938492, -1.0156250), (-0.3186190, -0.9904674)),
        *((-0.1545971, -0.9219007), (0.1545955, -0.9219007), (0.3186174, -0.9904674), (0.4938493, -1.0156250)),
        *((0.6630494, -0.9833938), (0.7829953, -0.8754507), (0.0000000, -0.7205851), (0.0000000, -0.5549170)),
        *((0.0000000, -0.3906250), (0.0000000, -0.2215000), (-0.1969775, -0.1069051), (-0.1024324, -0.0717135)),
        *((0.0000000, -0.0417291), (0.1024307, -0.0717135), (0.1969758, -0.1069051), (-0.5887731, -0.6996946)),
        *((-0.2485588, -0.6752256), (0.2485572, -0.6752256), (0.5887715, -0.6996946), (-0.3771479, 0.2014054)),
        (0.3771463, 0.2014054),
    ]
)
RIGID_INDEX = TEMPLATE_INDEX[:-2]  # all but the mouth corners: what tells the pose and does not move in speech


def template_pixels() -> np.ndarray:
    """(25, 2) template points in crop pixels."""
    return TEMPLATE * (CROP_WIDTH / 2) + np.array([CROP_WIDTH / 2, CROP_HEIGHT / 2])


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The (3, 3) scale, rotation and shift that takes `source` (N, 2) closest to `target` (N, 2), least squares."""
    source_mean, target_mean = source.mean(0), target.mean(0)
    a, b = source - source_mean, target - target_mean
    norm = (a * a).sum()
    cos = (a * b).sum() / norm
    sin = (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() / norm
    matrix = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    matrix[:2, 2] = target_mean - matrix[:2, :2] @ source_mean
    return matrix


def align_frame(landmarks: np.ndarray) -> np.ndarray:
    """video_to_crop (3, 3) of one frame's landmarks (68, 2) in video pixels."""
    return similarity(landmarks[TEMPLATE_INDEX].astype(np.float64), template_pixels())


def align_video(landmarks: np.ndarray, found: np.ndarray) -> np.ndarray:
    """video_to_crop (T, 3, 3) for a whole video, all with one scale, so that the crop does not breathe.

    landmarks (T, 68, 2) in video pixels; found (T,) says which rows to trust; the other rows come out as NaN.
    """
    matrices = np.full((len(landmarks), 3, 3), np.nan)
    if not found.any():
        return matrices
    fits = np.stack([align_frame(points) for points in landmarks[found]])
    matrices[found] = at_scale(fits, float(np.median(scale_of(fits))))
    return matrices


def scale_of(video_to_crop: np.ndarray) -> np.ndarray:
    """Crop pixels per video pixel, (...,), of matrices (..., 3, 3) without shear."""
    return np.sqrt(np.linalg.det(video_to_crop[..., :2, :2]))


def at_scale(video_to_crop: np.ndarray, scale: float) -> np.ndarray:
    """Matrices (..., 3, 3) enlarged to `scale` about the template's centre, which keeps the fit of the mean point."""
    factor = (scale / scale_of(video_to_crop))[..., None]
    centre = template_pixels().mean(0)
    result = video_to_crop.copy()
    result[..., :2, :2] *= factor[..., None]
    result[..., :2, 2] = (video_to_crop[..., :2, 2] - centre) * factor + centre
    return result


def legacy_radius(landmarks: np.ndarray, width: int, height: int, scale: float) -> int | None:
    """DINet's crop radius in video pixels for a run of frames, or None where its rule refuses them.

    landmarks (T, 68, 2) whole video pixels; `scale` 1.05 at inference, 1.05 to 1.15 in training. The rule is the one
    of the published code: mouth width or nose-to-chin height, whichever is larger, must fit the frame and may not
    change by more than half.
    """
    tall = (landmarks[:, :, 1].max(1) - landmarks[:, 29, 1]) * scale
    wide = (landmarks[:, 54, 0] - landmarks[:, 48, 0]) * scale
    radii = np.maximum(tall, wide) // 2
    radius = (int(radii.max() / 4) + 1) * 4
    top, left, bottom, right = legacy_box(landmarks, radius)
    outside = top.min() < 0 or left.min() < 0 or bottom.max() > height or right.max() > width
    return None if outside or radii.max() > radii.min() * 1.5 else radius


def legacy_box(landmarks: np.ndarray, radius: int) -> tuple[np.ndarray, ...]:
    """top, left, bottom, right (T,) of the axis-aligned DINet crop: 13 by 10 quarter radii around 29 and 33."""
    quarter = radius // 4
    y, x = landmarks[:, 29, 1], landmarks[:, 33, 0]
    return y - radius, x - radius - quarter, y + 2 * radius + quarter, x + radius + quarter


def legacy_video(landmarks: np.ndarray, found: np.ndarray, width: int, height: int, scale: float = 1.05) -> np.ndarray:
    """video_to_crop (T, 3, 3) by DINet's rule with one radius, the median over the video's clips of nine frames.

    Frames in clips that the rule refuses come out as NaN, like frames without a face.
    """
    matrices = np.full((len(landmarks), 3, 3), np.nan)
    whole = np.where(found[:, None, None], landmarks, 0).astype(np.int64)
    radii = {}
    for start in range(0, len(landmarks), CLIP_FRAMES):
        index = start + np.flatnonzero(found[start : start + CLIP_FRAMES])
        radius = legacy_radius(whole[index], width, height, scale) if len(index) else None
        if radius is not None:
            radii.update(dict.fromkeys(index.tolist(), radius))
    if not radii:
        return matrices
    radius = int(np.median(list(radii.values()))) // 4 * 4
    factor = CROP_WIDTH / (2 * (radius + radius // 4))
    shift = (factor - 1) / 2
    for index in radii:
        top, left, _, _ = (edge[0] for edge in legacy_box(whole[index : index + 1], radius))
        matrices[index] = [[factor, 0, shift - factor * left], [0, factor, shift - factor * top], [0, 0, 1]]
    return matrices


def transform(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Apply a (3, 3) affine map to points (..., 2)."""
    return points @ matrix[:2, :2].T + matrix[:2, 2]


def crop_face(image: np.ndarray, video_to_crop: np.ndarray) -> np.ndarray:
    """The stored crop (416, 320, 3) of a frame (H, W, 3); pixels outside the frame repeat its border.

    Faces much larger than the crop are first reduced by a whole factor, so that fine detail does not alias.
    """
    reduction = area_reduction(video_to_crop)
    if reduction > 1:
        height, width = (side // reduction * reduction for side in image.shape[:2])
        small = (width // reduction, height // reduction)
        image = cv2.resize(image[:height, :width], small, interpolation=cv2.INTER_AREA)
        shift = (reduction - 1) / 2
        video_to_crop = video_to_crop @ np.array([[reduction, 0, shift], [0, reduction, shift], [0, 0, 1]])
    return cv2.warpAffine(
        image, video_to_crop[:2], (CROP_WIDTH, CROP_HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def area_reduction(video_to_crop: np.ndarray) -> int:
    """The whole factor by which a frame is reduced before the crop is cut out of it, from its first pixel on."""
    scale = np.sqrt(abs(np.linalg.det(video_to_crop[:2, :2])))
    return max(1, int(1 / scale + 1e-6))


def network_crop(frame: np.ndarray, video_to_crop: np.ndarray, mouth_size: int) -> np.ndarray:
    """The face (h, w, 3) of a frame (H, W, 3) at the size of this mouth size.

    It goes through the stored 416 x 320 crop and is then reduced by area, as training images are by libjpeg.
    """
    stored = crop_face(frame, video_to_crop)
    height, width = crop_size(mouth_size)
    if stored.shape[:2] == (height, width):
        return stored
    interpolation = cv2.INTER_AREA if height < stored.shape[0] else cv2.INTER_LINEAR
    return cv2.resize(stored, (width, height), interpolation=interpolation)


def share_inside(video_to_crop: np.ndarray, width: int, height: int) -> float:
    """The share of the crop's area, 0 to 1, that lies inside a video frame of width x height pixels."""
    x, y = np.meshgrid(np.linspace(0, CROP_WIDTH - 1, 17), np.linspace(0, CROP_HEIGHT - 1, 17))
    points = transform(np.stack((x, y), -1), np.linalg.inv(video_to_crop))
    inside = (points >= 0).all(-1) & (points[..., 0] <= width - 1) & (points[..., 1] <= height - 1)
    return float(inside.mean())
