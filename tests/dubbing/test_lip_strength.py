"""The opening that landmarks find in the sample speaker's pictures follows --lip_strength."""

import numpy as np
import pytest

from dubbing.lip_strength import LipStrength
from face.alignment import align_video, transform
from face.landmarks import FaceLandmarker
from face.lips import lip_opening
from sample_speaker.motion import head_motion, random_look
from sample_speaker.neutral_face import load_neutral_face
from sample_speaker.speech import Voice, synthesize_sentences
from sample_speaker.talking_face import TalkingFace
from sample_speaker.videos import PHOTOGRAPH_SCALE
from sample_speaker.visemes import mouth_shapes

LENGTH, SIZE = 30, 512


@pytest.fixture(scope="module")
def speaker():
    """Frames, their video_to_crop, and how far the mouth is open by its landmarks."""
    _, phonemes = synthesize_sentences(["Bob bought seven big apples in May."], Voice(), pause=0.1)
    times, random = np.arange(LENGTH) / 25 + 0.1, np.random.default_rng(3)
    talking = TalkingFace(load_neutral_face(PHOTOGRAPH_SCALE * SIZE), random_look(random), SIZE)
    moves = zip(mouth_shapes(phonemes, times), head_motion(times, random), strict=True)
    frames = [talking.frame(shape, pose)[0] for shape, pose in moves]
    landmarks = track(frames)
    matrices = align_video(landmarks, np.ones(LENGTH, bool))
    return frames, matrices, openings(landmarks, matrices)


def track(frames: list[np.ndarray]) -> np.ndarray:
    with FaceLandmarker() as task:
        return np.stack([task.detect(frame)[0] for frame in frames])


def openings(landmarks: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    return lip_opening(np.stack([transform(*pair) for pair in zip(landmarks, matrices, strict=True)]))


@pytest.mark.parametrize("strength", [0.5, 0.75, 1.25, 1.5])
def test_the_slope_of_the_opening_is_the_strength(speaker, strength):
    frames, matrices, known = speaker
    with LipStrength(strength, "") as lips:
        changed = track([lips.apply(*pair) for pair in zip(frames, matrices, strict=True)])
    slope = np.polyfit(known, openings(changed, matrices), 1)[0]
    assert slope == pytest.approx(strength, rel=0.15)


def test_0_closes_the_mouth(speaker):
    frames, matrices, known = speaker
    with LipStrength(0.0, "") as lips:
        changed = track([lips.apply(*pair) for pair in zip(frames, matrices, strict=True)])
    assert openings(changed, matrices).mean() < 0.25 * known.mean()


def test_a_picture_without_a_face_stays_as_it_is():
    frame = np.full((200, 200, 3), 90, np.uint8)
    with LipStrength(2.0, "") as lips:
        assert lips.apply(frame, np.eye(3)) is frame
