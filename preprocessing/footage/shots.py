"""Where one shot ends and the next begins: cuts and fades through black, by PySceneDetect, frame by frame."""

import cv2
import numpy as np
from scenedetect.common import FrameTimecode
from scenedetect.detectors import AdaptiveDetector, ThresholdDetector

from config.constants import FPS

# Frames after a cut that must be seen before it is known: AdaptiveDetector compares a change with those around it.
CUT_DELAY = 2
DETECTION_WIDTH = 256  # pixels; PySceneDetect's own default reduces pictures to about this width
# PySceneDetect asks for 15. A cut between two people before the same curtain has 12.7; the largest change that stands
# out inside nine real shots has 8.0.
LEAST_CHANGE = 12.0
BLACK = 12  # mean level, of 255, of a picture between a fade out and a fade in: PySceneDetect's default


class ShotDetector:
    """Finds the first frame of every new shot while frames are fed one by one.

    A cut at frame n is known with frame n + CUT_DELAY. A fade through black ends the shot where its picture is black
    and is known when the picture comes back.
    """

    def __init__(self):
        self.number = 0
        cuts = AdaptiveDetector(min_scene_len=1, min_content_val=LEAST_CHANGE)
        self.detectors = (cuts, ThresholdDetector(BLACK, min_scene_len=1, fade_bias=-1.0))

    def add(self, frame: np.ndarray) -> list[int]:
        """Numbers of the frames, of this or before, that are now known to begin a shot; frame (H, W, 3) BGR uint8."""
        height, width = frame.shape[:2]
        factor = min(1.0, DETECTION_WIDTH / width)
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        time = FrameTimecode(self.number, float(FPS))
        self.number += 1
        return sorted({cut.frame_num for detector in self.detectors for cut in detector.process_frame(time, small)})
