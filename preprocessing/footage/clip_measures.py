"""All measures of one clip, from its landmarks, what its frames say and its sound."""

from collections.abc import Sequence

import numpy as np

from config.constants import FPS
from face.pose import head_pose
from preprocessing.footage.signs import FrameSigns

BROWS, CHIN = slice(17, 27), 8
POSE_SHARE = 90  # percent of the frames whose head is turned no further than the measure says
LEAST_LIP_CONTRAST = 0.7  # below, something is before the mouth; of 15 clips without that no frame had less than 0.87
STEADY = 5  # frames over which the lip contrast's median is taken: a closed mouth with thin lips may show none for one
# Of the largest sample, from which one counts as clipped: lossy coding makes flat tops wavy. In AAC, 0.99 finds a tenth
# of them and 0.9 two thirds, and loud sound that is not clipped has next to none.
FULL_SCALE = 0.9


def clip_measures(
    landmarks: np.ndarray, signs: Sequence[FrameSigns | None], wave: np.ndarray, speech: np.ndarray
) -> dict[str, float | None]:
    """The values of measures.MEASURES by name; None for what cannot be measured.

    landmarks (T, 68, 2) in video pixels at 25 fps; signs (T) of the same frames, None where the face was not found
    (those rows of landmarks are not read); wave (T * 640,) float32 in [-1, 1], the clip's sound at 16 kHz; speech (T,)
    bool, when somebody speaks.
    """
    found = np.array([sign is not None for sign in signs])
    return {
        "seconds": len(signs) / FPS,
        "face_share": float(found.mean()),
        **face_measures(landmarks[found], np.array([sign for sign in signs if sign is not None])),
        **sound_measures(wave, speech),
    }


def face_measures(landmarks: np.ndarray, signs: np.ndarray) -> dict[str, float | None]:
    """landmarks (N, 68, 2) and signs (N, 4) of the frames with the face."""
    if not len(landmarks):
        return dict.fromkeys(("face_size", "yaw", "pitch", *FrameSigns._fields[:-1], "mouth_covered"))
    height = np.linalg.norm(landmarks[:, BROWS].mean(1) - landmarks[:, CHIN], axis=-1)
    yaw, pitch = (float(np.percentile(np.abs(angle), POSE_SHARE)) for angle in head_pose(landmarks))
    sharpness, brightness, overexposed, contrast = signs.T
    return {
        "face_size": float(np.median(height)),
        "yaw": yaw,
        "pitch": pitch,
        "sharpness": float(np.median(sharpness)),
        "mouth_covered": covered_share(contrast),
        "brightness": float(np.median(brightness)),
        "overexposed": float(np.median(overexposed)),
    }


def covered_share(contrast: np.ndarray) -> float | None:
    """Share of the frames in which something is before the mouth, by its lip contrast (N,); None without colour."""
    contrast = contrast[~np.isnan(contrast)]
    if not len(contrast):
        return None
    padded = np.pad(contrast, STEADY // 2, mode="edge")
    steady = np.median(np.lib.stride_tricks.sliding_window_view(padded, STEADY), axis=-1)
    return float((steady < LEAST_LIP_CONTRAST).mean())


def sound_measures(wave: np.ndarray, speech: np.ndarray) -> dict[str, float | None]:
    """wave (T * 640,) and speech (T,) of a clip."""
    frames = wave.reshape(len(speech), -1).astype(np.float64)
    power = (frames[speech] ** 2).mean() if speech.any() else 0.0
    return {
        "loudness": float(10 * np.log10(power)) if power > 0 else None,
        "clipping": float((np.abs(wave) >= FULL_SCALE).mean()),
        "speech": float(speech.mean()),
    }
