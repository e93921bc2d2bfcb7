"""Speakers and listeners told apart by their lips: on landmarks whose truth is known, the sample speaker and people."""

import numpy as np
import pytest

from face.landmarks import FaceLandmarker, track_faces
from media.audio import read_audio
from media.video import probe, read_frames_at
from preprocessing.footage.speaking import LIPS_REST, SEVERAL_MOVE, moving_faces
from preprocessing.footage.speech import speech_activity
from preprocessing.footage.turns import ANOTHER_SPEAKS, NO_SPEECH, Turn, cut_turns
from sample_speaker.footage import takes

SIZE = 100.0  # pixels from brows to chin


def face(length: int, moves: tuple[int, int], seed: int = 0, noise: float = 0.003) -> np.ndarray:
    """Landmarks (length, 68, 2) of lips that open and close five times a second in frames moves[0] .. moves[1] - 1."""
    points = np.zeros((length, 68, 2))
    points[:, 8, 1] = SIZE
    points[:, 60:68, 0] = (0, 1, 2, 3, 4, 3, 2, 1)
    opening = 0.03 + 0.03 * np.sin(2 * np.pi * 5 / 25 * np.arange(length))
    opening[: moves[0]] = opening[moves[1] :] = 0.01
    points[:, 65:68, 1] = SIZE * opening[:, None]
    points += np.random.default_rng(seed).normal(0, noise * SIZE, points.shape)
    return points.astype(np.float32)


def spoken(turns: list[Turn]) -> list[tuple[int, int]]:
    return [(turn.start, turn.stop) for turn in turns if turn.speaks]


def reasons(turns: list[Turn]) -> set[str]:
    return {turn.reason for turn in turns if not turn.speaks}


def test_of_a_speaker_and_a_listener_the_speaker_speaks():
    for seed in range(10):
        speaker, listener = moving_faces([face(250, (0, 250), seed), face(250, (0, 0), 50 + seed)], np.ones(250, bool))
        assert spoken(speaker) == [(0, 250)] and reasons(listener) == {ANOTHER_SPEAKS} and not spoken(listener)


def test_two_take_turns():
    first, then = moving_faces([face(300, (0, 150)), face(300, (150, 300), 1)], np.ones(300, bool))
    ((start, stop),), ((begun, last),) = spoken(first), spoken(then)
    assert start == 0 and abs(stop - 150) <= 13 and abs(begun - 150) <= 13 and last == 300


def test_lips_at_rest_during_speech_are_somebody_elses_voice():
    (turns,) = moving_faces([face(300, (0, 150))], np.ones(300, bool))
    ((start, stop),) = spoken(turns)
    assert start == 0 and abs(stop - 150) <= 13 and reasons(turns) == {LIPS_REST}


def test_a_short_rest_is_part_of_speech():
    points = face(300, (0, 300))
    points[140:160] = points[140]
    (turns,) = moving_faces([points], np.ones(300, bool))
    assert spoken(turns) == [(0, 300)]


def test_several_moving_mouths_are_left_out_while_they_move():
    both = moving_faces([face(300, (0, 300)), face(300, (0, 150), 1)], np.ones(300, bool))
    assert reasons(both[0]) == {SEVERAL_MOVE} and reasons(both[1]) == {SEVERAL_MOVE, ANOTHER_SPEAKS}
    ((start, stop),) = spoken(both[0])
    assert abs(start - 150) <= 13 and stop == 300 and not spoken(both[1])


def test_a_listeners_smile_does_not_end_the_speakers_stretch():
    listener = face(300, (0, 0), 1)
    listener[100:115] = face(300, (100, 115), 1)[100:115]
    speaker, other = moving_faces([face(300, (0, 300)), listener], np.ones(300, bool))
    assert spoken(speaker) == [(0, 300)] and not spoken(other)


def test_pauses_stay_and_silence_around_speech_does_not():
    because, speech = np.full(400, "", object), np.zeros(400, bool)
    speech[100:160], speech[200:250], speech[330:380] = True, True, True
    assert spoken(cut_turns(because, speech)) == [(88, 262), (318, 400)]
    assert reasons(cut_turns(because, speech)) == {NO_SPEECH}
    assert [turn.reason for turn in cut_turns(because, np.zeros(400, bool))] == [NO_SPEECH]


def test_passages_may_be_as_short_as_a_frame():
    for length in (1, 5, 20):
        (turns,) = moving_faces([face(length, (0, length))], np.ones(length, bool))
        assert turns[0].start == 0 and turns[-1].stop == length
    assert moving_faces([], np.ones(5, bool)) == []


def test_frames_without_the_face_are_in_no_turn():
    points = face(300, (0, 300))
    points[100:150] = np.nan
    (turns,) = moving_faces([points], np.ones(300, bool))
    assert spoken(turns) == [(0, 100), (150, 300)] and len(turns) == 2


def tracked(frames) -> np.ndarray:
    with FaceLandmarker() as landmarker:
        found = [points for points, _ in track_faces(frames, landmarker)]
    return np.stack([np.full((68, 2), np.nan, np.float32) if points is None else points for points in found])


def test_the_sample_speaker_speaks_and_listens():
    (take,) = takes(1, 2.5, 256, 92, [-3.0])
    landmarks, heard = tracked(take.frames), speech_activity(take.wave)
    (turns,) = moving_faces([landmarks], heard)
    assert sum(stop - start for start, stop in spoken(turns)) > 0.95 * heard.sum()
    (over,) = moving_faces([landmarks], np.ones(len(landmarks), bool))  # speech goes on, its lips do not
    assert reasons(over) == {LIPS_REST} and spoken(over)[-1][1] < len(landmarks) - 50


@pytest.mark.parametrize("name", ["grid_brbk7n.mpg", "vr1.mp4", "inf.mp4"])
def test_people_who_speak_are_kept(real_clip, name):
    path = real_clip(name)
    times = np.arange(0, min(6, probe(path).duration) - 0.02, 0.04)
    landmarks = tracked(read_frames_at(path, times))
    heard = speech_activity(read_audio(path))[: len(times)]
    heard = np.pad(heard, (0, len(times) - len(heard)))
    (turns,) = moving_faces([landmarks], heard)
    kept = np.zeros(len(times), bool)
    for start, stop in spoken(turns):
        kept[start:stop] = True
    assert kept[heard].mean() > 0.95
