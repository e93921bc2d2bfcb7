"""Measures of clips whose values are known; the limits keep what is fit and leave out what a person would."""

from dataclasses import fields
from typing import NamedTuple

import cv2
import numpy as np
import pytest
from covered_mouth import THINGS, put_before, skin_of, thing
from turned_face import turned_face

from config.config import MakeDatasetOptions
from face.landmarks import FaceLandmarker
from media.audio import read_audio
from media.video import read_frames
from preprocessing.footage.clip_measures import FULL_SCALE, clip_measures, sound_measures
from preprocessing.footage.measures import MEASURES, limits_of, refusals
from preprocessing.footage.signs import USUAL_BLUR, frame_signs, sharpness_of
from preprocessing.footage.speech import speech_activity
from sample_speaker.motion import head_motion, random_look
from sample_speaker.neutral_face import load_neutral_face
from sample_speaker.speech import Voice, synthesize_sentences
from sample_speaker.talking_face import TalkingFace
from sample_speaker.videos import PHOTOGRAPH_SCALE
from sample_speaker.visemes import mouth_shapes

LENGTH, SIZE = 40, 512
DEFAULTS = limits_of(MakeDatasetOptions())
FRAME = 640  # samples


class Clip(NamedTuple):
    frames: list[np.ndarray]
    landmarks: np.ndarray
    wave: np.ndarray

    def measures(self, frames: list[np.ndarray] | None = None, landmarks: np.ndarray | None = None) -> dict:
        """Of this clip, or of other pictures with its sound."""
        landmarks = self.landmarks if landmarks is None else landmarks
        frames = self.frames if frames is None else frames
        signs = [frame_signs(frame, points) for frame, points in zip(frames, landmarks, strict=True)]
        return clip_measures(landmarks, signs, self.wave, speech_activity(self.wave)[: len(signs)])

    def changed(self, change) -> dict:
        return self.measures([change(frame) for frame in self.frames])


@pytest.fixture(scope="module")
def landmarker():
    with FaceLandmarker() as task:
        yield task


def track(frames: list[np.ndarray], landmarker: FaceLandmarker) -> np.ndarray:
    landmarker.reset()
    return np.stack([landmarker.detect(frame)[0] for frame in frames])


@pytest.fixture(scope="module")
def speaker(landmarker) -> Clip:
    """The sample speaker, as sample_speaker.videos makes it, without a file between."""
    wave, phonemes = synthesize_sentences(["Bob bought seven big apples in May."], Voice(), pause=0.1)
    wave = np.pad(wave, (0, max(0, LENGTH * FRAME - len(wave))))[: LENGTH * FRAME]
    times, random = np.arange(LENGTH) / 25, np.random.default_rng(3)
    talking = TalkingFace(load_neutral_face(PHOTOGRAPH_SCALE * SIZE), random_look(random), SIZE)
    moves = zip(mouth_shapes(phonemes, times), head_motion(times, random), strict=True)
    frames = [talking.frame(shape, pose)[0] for shape, pose in moves]
    return Clip(frames, track(frames, landmarker), wave)


def test_every_measure_is_taken_and_the_sample_speaker_is_kept(speaker):
    measures = speaker.measures()
    assert [*measures] and {*measures} == {measure.name for measure in MEASURES} - {"confidence"}
    assert all(isinstance(value, float) for value in measures.values())
    assert refusals(measures, DEFAULTS) == ["seconds 1.6 s, below --min_seconds 2"]


REAL = [
    *("inf.mp4", "katiehill.mp4", "talking_man_20s_25fps.mp4", "talking_woman_10s_25fps.mp4"),
    *("vr1.mp4", "vr2.mp4", "vr3.mp4", "grid_brbk7n.mpg", "grid_lbax4n.mpg", "grid_lrwp9a.mpg", "grid_sbwe5n.mpg"),
    "grid_swiz3n.mpg",
]


@pytest.mark.parametrize("name", REAL)
def test_real_clips_are_kept(real_clip, landmarker, name):
    path = real_clip(name)
    frames = [frame for frame, _ in zip(read_frames(path), range(75), strict=False)][::3]
    landmarks, wave = track(frames, landmarker), read_audio(path, duration=3.0)
    signs = [frame_signs(*pair) for pair in zip(frames, landmarks, strict=True)]
    measures = clip_measures(landmarks, signs, wave[: len(frames) * FRAME], speech_activity(wave)[: len(frames)])
    assert refusals(measures | {"seconds": 3.0, "speech": speech_activity(wave).mean()}, DEFAULTS) == []
    assert measures["mouth_covered"] == 0


# Pictures


def test_blur_lowers_sharpness_whatever_the_size_of_the_face(speaker):
    mouth = speaker.measures()["face_size"] / 1.12  # pixels of the mouth box
    blurs = (0, 2, 4, 6, 8)  # pixels of a mouth box of 256
    small = [cv2.resize(frame, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for frame in speaker.frames[::8]]
    values = []
    for frames, factor in ((speaker.frames[::8], 1), (small, 0.5)):
        landmarks = (speaker.landmarks[::8] + 0.5) * factor - 0.5
        for blur in blurs:
            sigma = blur / 256 * mouth * factor
            blurred = [cv2.GaussianBlur(frame, (0, 0), sigma) if blur else frame for frame in frames]
            values.append(speaker.measures(blurred, landmarks)["sharpness"])
    large, half = np.reshape(values, (2, -1))
    assert (np.diff(large) < -3).all() and (np.diff(half) < -3).all()
    np.testing.assert_allclose(half[1:], large[1:], rtol=0.12)
    low = DEFAULTS["sharpness"][0]
    assert large[2] > low > large[4], large


def test_sharpness_is_that_of_the_blur_for_an_edge():
    values = []
    for sigma in (0.7, 1.0, 1.5, 2.0, 3.0, 4.0):
        step = np.where(np.arange(96) < 48, 60.0, 180.0) * np.ones((108, 1))
        values.append(sharpness_of(cv2.GaussianBlur(step, (0, 0), sigma).round().astype(np.uint8)))
    assert (np.diff(values) < 0).all()
    np.testing.assert_allclose(values[3:], 100 * USUAL_BLUR / np.array([2.0, 3.0, 4.0]), rtol=0.15)


def test_light_and_noise_leave_sharpness_as_it_is(speaker):
    rng, value = np.random.default_rng(0), speaker.measures()["sharpness"]
    noisy = speaker.changed(lambda frame: np.clip(frame + rng.normal(0, 6, frame.shape), 0, 255).astype(np.uint8))
    dark = speaker.changed(lambda frame: (frame * 0.3).astype(np.uint8))
    assert noisy["sharpness"] == pytest.approx(value, rel=0.1) and dark["sharpness"] == pytest.approx(value, rel=0.1)


def test_brightness_is_that_of_the_face(speaker):
    value = speaker.measures()["brightness"]
    for factor in (0.1, 0.3, 0.6):
        darker = speaker.changed(lambda frame, factor=factor: (frame * factor).astype(np.uint8))
        assert darker["brightness"] == pytest.approx(value * factor, abs=0.01)
    assert [*reasons_of(darker_than(speaker, 0.1))] == ["brightness"]
    assert not reasons_of(darker_than(speaker, 0.3))


def darker_than(clip: Clip, factor: float) -> dict:
    return clip.changed(lambda frame: (frame * factor).astype(np.uint8))


def reasons_of(measures: dict) -> dict[str, str]:
    """Reasons by the first word, without that of the clip's length."""
    found = refusals(measures | {"seconds": 9.0}, DEFAULTS)
    return {reason.split()[0]: reason for reason in found}


def test_burnt_out_skin_is_seen(speaker):
    shares = [
        speaker.changed(lambda frame, gain=gain: np.clip(frame * gain, 0, 255).astype(np.uint8))["overexposed"]
        for gain in (1.0, 1.4, 1.8, 2.6)
    ]
    assert (np.diff(shares) > 0).all() and shares[0] < 0.02
    assert shares[0] < DEFAULTS["overexposed"][1] < shares[-1]


@pytest.mark.parametrize("factor", [0.25, 0.5, 2.0])
def test_face_size_is_in_pixels_of_the_video(speaker, factor):
    value, few = speaker.measures()["face_size"], speaker.frames[::8]
    scaled = [cv2.resize(frame, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA) for frame in few]
    measures = speaker.measures(scaled, (speaker.landmarks[::8] + 0.5) * factor - 0.5)
    assert measures["face_size"] == pytest.approx(factor * value, rel=0.01)
    assert ("face" in reasons_of(measures)) == (factor * value < 64)


def test_a_head_on_its_side_is_as_large(speaker):
    x, y = np.moveaxis(speaker.landmarks[::8], -1, 0)
    upright = speaker.measures(speaker.frames[::8], speaker.landmarks[::8])
    turned = [np.ascontiguousarray(np.rot90(frame)) for frame in speaker.frames[::8]]
    sideways = speaker.measures(turned, np.stack([y, SIZE - 1 - x], -1))
    for name in ("face_size", "sharpness", "yaw", "pitch"):
        assert sideways[name] == pytest.approx(upright[name], rel=0.05, abs=1)


def test_frames_without_the_face(speaker):
    signs = [frame_signs(*pair) for pair in zip(speaker.frames, speaker.landmarks, strict=True)]
    lost = [None if k % 4 == 0 else sign for k, sign in enumerate(signs)]
    landmarks = np.where(np.arange(LENGTH)[:, None, None] % 4 == 0, np.nan, speaker.landmarks)
    measures = clip_measures(landmarks, lost, speaker.wave, np.ones(LENGTH, bool))
    assert measures["face_share"] == 0.75 and "face" in reasons_of(measures)
    assert all(np.isfinite(value) for value in measures.values())
    nothing = clip_measures(np.full_like(landmarks, np.nan), [None] * LENGTH, speaker.wave, np.ones(LENGTH, bool))
    assert nothing["face_share"] == 0 and nothing["sharpness"] is None
    assert nothing.keys() == measures.keys()


# Pose


def test_turned_heads_are_left_out(speaker):
    sign, rng = frame_signs(speaker.frames[0], speaker.landmarks[0]), np.random.default_rng(0)
    for yaw, pitch, expected in ((0, 0, set()), (30, 15, set()), (-65, 0, {"yaw"}), (0, 50, {"pitch"})):
        # Most of the clip looks ahead: it is left out all the same where a fifth of it does not.
        landmarks = np.stack([turned_face(yaw * (k < 8), pitch * (k < 8), 0, rng) for k in range(LENGTH)])
        landmarks[:, 8] = landmarks[:, 33] + (0, 200)
        measures = clip_measures(landmarks, [sign] * LENGTH, speaker.wave, np.ones(LENGTH, bool))
        assert {*reasons_of(measures)} == expected


# Before the mouth


def covered(clip: Clip, kind: str, share: float, landmarker: FaceLandmarker, below: bool = False) -> dict:
    """The clip with a thing before the mouth, or below the lips, in its last `share` of frames."""
    rng = np.random.default_rng(THINGS.index(kind))
    width = np.linalg.norm(clip.landmarks[0, 48] - clip.landmarks[0, 54])
    drawn = thing(kind, width, skin_of(clip.frames[0], clip.landmarks[0]), rng)
    down = np.array([0, len(drawn[1]) / 2 + 0.35 * width]) if below else 0
    frames = [
        frame
        if k < LENGTH * (1 - share)
        else put_before(frame, drawn, points[48:].mean(0) + down + rng.normal(0, 0.3, 2))
        for k, (frame, points) in enumerate(zip(clip.frames, clip.landmarks, strict=True))
    ]
    return clip.measures(frames, track(frames, landmarker))


@pytest.mark.parametrize("kind", THINGS)
@pytest.mark.parametrize("share", [0.3, 1.0])
def test_a_thing_before_the_mouth_is_found(speaker, landmarker, kind, share):
    measures = covered(speaker, kind, share, landmarker)
    assert measures["mouth_covered"] == pytest.approx(share, abs=0.1)
    assert [*reasons_of(measures)] == ["mouth"]


@pytest.mark.parametrize("kind", ["hand", "microphone"])
def test_a_thing_below_the_lips_is_not_before_the_mouth(speaker, landmarker, kind):
    assert covered(speaker, kind, 1.0, landmarker, below=True)["mouth_covered"] == 0


def test_light_does_not_cover_a_mouth_and_grey_pictures_say_nothing(speaker):
    assert darker_than(speaker, 0.2)["mouth_covered"] == 0
    pale = speaker.changed(lambda frame: (frame * 0.5 + 0.5 * grey(frame)).astype(np.uint8))
    assert pale["mouth_covered"] == 0
    assert speaker.changed(grey)["mouth_covered"] is None


def grey(frame: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)


@pytest.mark.parametrize("shift", [(-5000, 0), (0, 9000), (-300, -300)])
def test_a_face_outside_the_picture_has_signs_too(speaker, shift):
    assert len(frame_signs(speaker.frames[0], speaker.landmarks[0] + np.float32(shift))) == 4


# Sound


def test_level_is_that_of_the_speech():
    time = np.arange(50 * FRAME) / 16000
    wave = np.sin(2 * np.pi * 200 * time) * 0.1 * 2**0.5
    speech = np.arange(50) < 25
    wave[25 * FRAME :] *= 9
    measures = sound_measures(wave.astype(np.float32), speech)
    assert measures["loudness"] == pytest.approx(-20, abs=0.05) and measures["speech"] == 0.5
    quiet = sound_measures((wave * 0.02).astype(np.float32), speech)
    assert quiet["loudness"] == pytest.approx(-54, abs=0.1) and "loudness" in reasons_of(quiet)
    assert sound_measures(wave.astype(np.float32), np.zeros(50, bool))["loudness"] is None
    assert sound_measures(np.zeros(50 * FRAME, np.float32), speech)["loudness"] is None


@pytest.mark.parametrize("gain", [0.5, 1.05, 1.5, 4.0])
def test_clipping_is_the_share_at_full_scale(gain):
    sine = gain * np.sin(2 * np.pi * 200 * np.arange(50 * FRAME) / 16000)
    measures = sound_measures(np.clip(sine, -1, 1).astype(np.float32), np.ones(50, bool))
    expected = 0 if gain < 1 else 1 - 2 / np.pi * np.arcsin(FULL_SCALE / gain)
    assert measures["clipping"] == pytest.approx(expected, abs=0.02)
    assert ("clipping" in reasons_of(measures)) == (gain > 1)


# Limits


def test_every_limit_names_an_option():
    options = {field.name for field in fields(MakeDatasetOptions)}
    assert {name for measure in MEASURES for name in (measure.low, measure.high) if name} <= options


def test_reasons_are_a_few_words_with_number_and_limit():
    limits = {"face_size": (64, None), "yaw": (None, 45.0), "loudness": (-50.0, None), "mouth_covered": (None, 0.1)}
    assert refusals({"face_size": 48.2, "yaw": 61.0, "loudness": -57.31, "mouth_covered": 0.34}, limits) == [
        "face size 48.2 px, below --min_face_size 64",
        "yaw 61°, above --max_yaw 45",
        "mouth covered 0.34, above --max_mouth_covered 0.1",
        "loudness -57.3 dBFS, below --min_loudness -50",
    ]
    assert refusals({"face_size": 63.96, "mouth_covered": 0.1004}, limits) == [
        "face size 63.96 px, below --min_face_size 64",
        "mouth covered 0.1004, above --max_mouth_covered 0.1",
    ]
    assert refusals({"face_size": 64.0, "yaw": 45.0, "loudness": None}, limits) == []


def test_zero_is_no_limit():
    limits = limits_of(MakeDatasetOptions(min_face_size=0, max_yaw=0.0, min_loudness=0.0))
    assert limits["face_size"] == limits["yaw"] == limits["loudness"] == (None, None)
    assert refusals({"face_size": 3.0, "yaw": 89.0, "loudness": -90.0}, limits) == []
