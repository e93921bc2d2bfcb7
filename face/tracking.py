"""Follows one face through a whole video."""

import numpy as np

from config.constants import NUM_LANDMARKS
from config.errors import InputError
from face.landmarks import FaceLandmarker, track_faces
from face.openface_csv import FaceTrack
from media.prefetch import prefetch
from media.progress import Listener, progress_bar
from media.video import VideoInfo, read_frames


def track_video(
    info: VideoInfo,
    landmarker: FaceLandmarker,
    num_frames: int | None = None,
    progress: bool = False,
    listener: Listener | None = None,
) -> FaceTrack:
    """Landmarks of the first `num_frames` frames of a video, or of all, as they are found: not smoothed.

    Frames without a face have landmarks of NaN and confidence 0, and are no success. `landmarker` may have seen other
    videos before; `progress` shows a bar, `listener` hears of it instead. Raises InputError when a frame cannot be
    decoded.
    """
    expected = info.num_frames if num_frames is None else num_frames
    landmarks = np.full((expected, NUM_LANDMARKS, 2), np.nan, np.float32)
    confidence = np.zeros(expected, np.float32)
    count = 0
    frames = prefetch(read_frames(info.path, 0, expected, info), depth=2)
    with progress_bar("landmarks", expected, listener, progress) as advance:
        for points, certainty in track_faces(frames, landmarker):
            if certainty > 0:
                landmarks[count], confidence[count] = points, certainty
            count += 1
            advance(1)
    if count < expected:
        raise InputError(f"{info.path}: frame {count} of {expected} cannot be decoded; the file is damaged")
    return FaceTrack(landmarks, confidence, confidence > 0)
