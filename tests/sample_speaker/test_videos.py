"""The sample speaker: what its tables say is what the face landmarker sees, and sound and pictures are in step."""

import csv
from pathlib import Path

import numpy as np
import pytest

from config.constants import FPS, SAMPLE_RATE
from config.errors import InputError
from face.landmarks import FaceLandmarker, track_faces
from media.audio import read_audio
from media.video import probe, read_frames
from sample_speaker.speech import Voice, synthesize_sentences
from sample_speaker.videos import make_speaker_videos

SENTENCES = ["Bob may map a far farm."]
VOICE = Voice("en-us+f1", 160, 50)


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Path:
    return make_speaker_videos(tmp_path_factory.mktemp("speaker"), [SENTENCES], [VOICE], size=384, seed=5)[0]


@pytest.fixture(scope="module")
def table(video) -> list[dict[str, str]]:
    with open(video.with_name("speaker_00_mouth.csv"), newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def landmarks(video) -> list[np.ndarray | None]:
    with FaceLandmarker() as landmarker:
        return [points for points, _ in track_faces(read_frames(video), landmarker)]


def test_the_face_is_found_in_every_frame(video, table, landmarks):
    assert len(landmarks) == len(table) == probe(video).num_frames >= 2 * FPS
    assert all(points is not None for points in landmarks)


def test_true_opening_and_width_are_those_that_landmarks_show(table, landmarks):
    opening = [np.linalg.norm(points[62] - points[66]) for points in landmarks]
    width = [np.linalg.norm(points[64] - points[60]) for points in landmarks]
    assert max(opening) > 8
    assert np.corrcoef(opening, [float(row["opening_px"]) for row in table])[0, 1] > 0.95
    assert np.corrcoef(width, [float(row["width_px"]) for row in table])[0, 1] > 0.8


def test_lips_are_closed_on_p_b_m(table, landmarks):
    closed = [index for index, row in enumerate(table) if row["phoneme"] in ("p", "b", "m")]
    assert len(closed) >= 5
    for index in closed:
        assert float(table[index]["opening_px"]) == 0
        assert np.linalg.norm(landmarks[index][62] - landmarks[index][66]) < 1.5


def test_teeth_show_between_open_lips_and_not_between_closed_ones(video, table, landmarks):
    """Between the inner lips: bright and pale pixels for teeth; closed lips leave only the dark line."""
    opening = np.array([float(row["opening_px"]) for row in table])
    frames = list(read_frames(video))
    widest = int(opening.argmax())
    upper, lower = landmarks[widest][62], landmarks[widest][66]
    column = frames[widest][int(upper[1]) : int(lower[1]) + 1, round(float(upper[0]))].astype(int)
    grey = column.mean(1)
    saturation = column.max(1) - column.min(1)
    assert ((grey > 110) & (saturation < 90)).any(), "no teeth"
    assert (grey < 50).any(), "no dark inside of the mouth"


def test_sound_is_in_step_and_as_long_as_the_pictures(video, table):
    spoken, _ = synthesize_sentences(SENTENCES, VOICE)
    heard = read_audio(video)
    assert abs(len(heard) / SAMPLE_RATE - len(table) / FPS) < 1 / FPS
    count = min(len(spoken), len(heard))
    spectra = np.fft.rfft(spoken[:count], 2 * count).conj() * np.fft.rfft(heard[:count], 2 * count)
    lag = int(np.fft.irfft(spectra).argmax())
    assert min(lag, 2 * count - lag) < 0.005 * SAMPLE_RATE


def test_same_seed_gives_the_same_frames_and_another_seed_others(video, tmp_path):
    again = make_speaker_videos(tmp_path / "again", [SENTENCES], [VOICE], size=384, seed=5)[0]
    other = make_speaker_videos(tmp_path / "other", [SENTENCES], [VOICE], size=384, seed=6)[0]
    first = next(read_frames(video))
    assert all(np.array_equal(a, b) for a, b in zip(read_frames(video), read_frames(again), strict=True))
    assert np.array_equal(read_audio(video), read_audio(again))
    assert np.abs(first.astype(int) - next(read_frames(other))).mean() > 3


def test_an_odd_size_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(InputError, match="--size"):
        make_speaker_videos(tmp_path / "out", [SENTENCES], [VOICE], size=301)
    assert not (tmp_path / "out").exists()
