"""How far the lips are open in every frame of a video, whatever the video's size and the head's distance."""

import numpy as np

from evaluation.pairs import TrackedVideo
from face.alignment import RIGID_INDEX, TEMPLATE_INDEX, scale_of, similarity, template_pixels
from face.lips import lip_opening
from face.openface_csv import FaceTrack
from media.video import TIME_TOLERANCE, VideoInfo, frames_on_screen


def opening(track: FaceTrack) -> np.ndarray:
    """Lip opening (T,) in pixels of a crop aligned in each frame, NaN without a face.

    Each frame has its own scale, from points that speech does not move: a head that comes nearer must not look like a
    mouth that opens, as it does so in the source and in the result.
    """
    result = np.full(len(track.landmarks), np.nan)
    target = template_pixels()[np.isin(TEMPLATE_INDEX, RIGID_INDEX)]
    points = track.landmarks[track.success]
    scales = [float(scale_of(similarity(face[RIGID_INDEX].astype(np.float64), target))) for face in points]
    result[track.success] = lip_opening(points) * scales
    return result


def at_frames_of(generated: VideoInfo, reference: TrackedVideo) -> np.ndarray:
    """The reference's opening (T,) at the times of the generated frames, NaN beyond its end."""
    times = generated.screen_times
    shown = opening(reference.track)[frames_on_screen(reference.info, times)]
    return np.where(times + TIME_TOLERANCE < reference.info.duration, shown, np.nan)
