"""Which mouths of a source give their detail, and that a dub has it."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from talking_photo import photo_frame, small_dub, tiny_spec, write_checkpoint, write_speech

from config.config import InferenceOptions
from dubbing.detail import MOST_MOUTHS, choose_mouths
from dubbing.faces import SourceFaces
from dubbing.pipeline import make_plan, write_result
from face.alignment import align_frame, crop_face, transform
from face.geometry import mouth_box
from media.video import read_frames


@pytest.fixture(scope="module")
def options(tmp_path_factory) -> InferenceOptions:
    return small_dub(tmp_path_factory.mktemp("detail"), 10)


def test_frames_with_a_sure_face_give_their_mouths_once(options):
    plan = make_plan(options)
    assert len(plan.mouths.images) == 9  # of ten frames one shows no face
    shown = plan.faces.video_to_crop[4]
    whole = crop_face(list(read_frames(options.source_video_path))[4], shown)[mouth_box(256)]
    assert np.array_equal(plan.mouths.images[3], whole)


def test_of_many_frames_those_over_all_openings_are_taken():
    count = 1000
    landmarks = np.random.default_rng(0).uniform(100, 200, (1, 68, 2)).repeat(count, 0)
    landmarks[:, 65:68] = landmarks[:, 63:60:-1]
    wide = np.random.default_rng(1).uniform(0, 30, count)
    landmarks[:, 65:68, 1] += wide[:, None]
    confidence = np.ones(count)
    confidence[::2] = 0.5
    faces = SourceFaces(landmarks, confidence, np.stack([align_frame(landmarks[0])] * count))
    chosen = choose_mouths(faces)
    assert len(chosen) == MOST_MOUTHS and (np.diff(chosen) > 0).all() and (chosen % 2 == 1).all()
    ranks = np.flatnonzero(np.isin(2 * np.argsort(wide[1::2]) + 1, chosen))  # among the sure ones, by what was drawn
    assert ranks[0] == 0 and ranks[-1] == 499 and np.diff(ranks).max() <= 5


def test_other_speech_keeps_one_entry_and_the_same_speech_finds_it(options, tmp_path, monkeypatch):
    cached = replace(options, cache_folder=str(tmp_path / "cache"))
    long = make_plan(cached)
    short = make_plan(replace(cached, driving_audio_path=str(write_speech(tmp_path / "short.wav", 0.2))))
    assert len(long.mouths.times) == 9 and len(short.mouths.times) == 4
    assert len(list((tmp_path / "cache").glob("mouths_*"))) == 1
    monkeypatch.setattr("dubbing.detail.take_mouths", lambda *given: pytest.fail("taken again"))
    again = make_plan(replace(cached, driving_audio_path=str(tmp_path / "short.wav")))
    for known, taken in zip(again.mouths, short.mouths, strict=True):
        np.testing.assert_array_equal(known, taken)


def test_nothing_is_taken_where_nothing_is_gained(options, tmp_path, monkeypatch):
    monkeypatch.setattr("dubbing.detail.take_mouths", lambda *given: pytest.fail("taken"))
    uncached = replace(options, cache_folder="")
    assert make_plan(replace(uncached, detail=0)).mouths is None
    large = write_checkpoint(tmp_path, replace(tiny_spec(), mouth_size=256))
    assert make_plan(replace(uncached, pretrained_clip_DINet_path=str(large))).mouths is None


def test_a_dub_is_sharper_with_it_and_only_in_the_mouth(options, tmp_path):
    """A random generator's mouths are like none of the source's, so its own, lighter, stand for generated ones."""
    plan, pictures = make_plan(options), {}
    plan.renderer.generate = lambda crops, windows: np.minimum(crops, 225) + 30
    for strength in (0.0, 1.0):
        chosen = replace(options, detail=strength, crf=0)
        write_result(plan, chosen, tmp_path / "out.mp4")
        pictures[strength] = list(read_frames(tmp_path / "out.mp4"))
    sharpness = {strength: mouth_contrast(images[5], plan, 5) for strength, images in pictures.items()}
    assert sharpness[1.0] > 1.05 * sharpness[0.0]
    assert np.array_equal(pictures[0.0][3], pictures[1.0][3])  # no face
    changed = (pictures[0.0][5] != pictures[1.0][5]).any(2)
    places = transform(np.argwhere(changed)[:, ::-1].astype(float), plan.faces.video_to_crop[5])
    rows, columns = mouth_box(256)
    assert changed.any() and (places > (columns.start - 3, rows.start - 3)).all()
    assert (places < (columns.stop + 3, rows.stop + 3)).all()


def mouth_contrast(frame: np.ndarray, plan, number: int) -> float:
    """Of the middle of the mouth box, what a blur of 3 pixels takes: its standard deviation."""
    crop = crop_face(frame, plan.faces.video_to_crop[number])[mouth_box(256)][60:160, 60:200].astype(np.float32)
    return float((crop - cv2.GaussianBlur(crop, (0, 0), 3)).std())


def test_a_picture_that_stands_still_has_one_mouth(options, tmp_path):
    cv2.imwrite(str(tmp_path / "face.png"), photo_frame(0))
    plan = make_plan(replace(options, source_video_path=str(tmp_path / "face.png")))
    assert len(plan.mouths.images) == 1
