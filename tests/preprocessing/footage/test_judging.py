"""Who speaks and how late the sound is, by a judge: on distances whose truth is known, and on the sample speaker."""

import numpy as np
import pytest
import torch

from evaluation.confidence import NUM_OFFSETS, standard_depth
from evaluation.windows import Seen
from face.alignment import scale_of
from face.landmarks import FaceLandmarker, track_faces
from face.lips import lip_opening
from preprocessing.footage.judging import VOICE_OVER, Watcher, distances, offset_and_confidence, speaking_faces
from preprocessing.footage.turns import ANOTHER_SPEAKS
from sample_speaker.footage import takes

FRAME = 640  # samples
OVERLAPPING = np.ones(5) / np.sqrt(5)  # windows share frames, so that their noise does


class LipJudge:
    """Compares how far lips are open with how loud it is."""

    least_confidence = 2.1

    def __init__(self):
        self.scales, self.batches = [], []

    def picture(self, frame, landmarks, video_to_crop):
        self.scales.append(float(scale_of(video_to_crop)))
        opening = lip_opening(landmarks[None])[0] / np.linalg.norm(landmarks[8] - landmarks[27])
        return np.full((2, 2, 3), np.clip(1000 * opening, 0, 255), np.uint8)

    def see(self, windows):
        self.batches.append(len(windows))
        return torch.from_numpy(windows.mean((2, 3, 4)))

    def hear(self, wave, windows):
        level = np.sqrt((wave[: len(wave) // FRAME * FRAME].reshape(-1, FRAME) ** 2).mean(1))
        return torch.from_numpy(np.stack([level[k : k + 5] * np.sqrt(2) * 255 for k in windows]))

    def distance(self, images, sounds):
        return (images - sounds).abs().mean(1)

    def confidence(self, distances):
        return standard_depth(distances)


def judged(length: int, late: int, speaks: tuple[int, int], seed: int, skill: float = 2.0) -> np.ndarray:
    """Distances (length - 4, 31) of a face that speaks in windows speaks[0] .. speaks[1] - 1, with a judge's noise."""
    noise = np.random.default_rng(seed).normal(size=(length, NUM_OFFSETS))
    table = 10 + np.stack([np.convolve(column, OVERLAPPING, "valid") for column in noise.T], 1)
    table[speaks[0] : speaks[1], 15 + late] -= skill
    heard = np.arange(len(table))[:, None] + np.arange(-15, 16)
    table[(heard < 0) | (heard >= len(table))] = np.nan
    return table


def windows(length: int) -> Seen:
    return Seen(np.arange(length - 4), torch.empty(0))


def spoken(turns: list) -> list[tuple[int, int]]:
    return [(turn.start, turn.stop) for turn in turns if turn.speaks]


@pytest.mark.parametrize("late", range(-12, 13, 4))
@pytest.mark.parametrize("seconds", [2, 5, 20])
def test_the_offset_is_exact_under_noise(late, seconds):
    sure = 0
    for seed in range(10):
        table = judged(25 * seconds, late, (0, 25 * seconds), seed)
        offset, confidence = offset_and_confidence(LipJudge(), table)
        assert offset == late
        sure += confidence > LipJudge.least_confidence
    assert sure >= (5 if seconds == 2 else 10)


@pytest.mark.parametrize("seconds", [2, 5, 20])
def test_what_is_out_of_step_has_one_low_confidence_whatever_its_length_and_the_judges_scale(seconds):
    found = [
        offset_and_confidence(LipJudge(), scale * judged(25 * seconds, 0, (0, 0), seed))[1]
        for seed, scale in enumerate(np.geomspace(0.01, 100, 40))
    ]
    assert 0.7 < np.median(found) < 1.3 and np.max(found) < LipJudge.least_confidence


def test_a_face_without_windows_has_no_offset():
    assert offset_and_confidence(LipJudge(), np.full((0, NUM_OFFSETS), np.nan)) == (0, 0.0)
    assert offset_and_confidence(LipJudge(), np.full((9, NUM_OFFSETS), np.nan)) == (0, 0.0)


@pytest.mark.parametrize("late", [-9, 0, 7])
def test_two_faces_take_turns(late):
    length, change, speech = 300, 160, np.ones(300, bool)
    tables = [judged(length, late, (0, change), 1), judged(length, late, (change, length), 2)]
    turns = speaking_faces([windows(length)] * 2, tables, speech)
    ((first, until),), ((begun, last),) = map(spoken, turns)
    assert first <= 15 and last >= length - 15 and abs(until - change) < 12 and abs(begun - change) < 12
    assert {turn.reason for own in turns for turn in own if not turn.speaks} <= {ANOTHER_SPEAKS, "no speech"}
    assert all(a.stop == b.start for own in turns for a, b in zip(own, own[1:], strict=False))


def test_a_voice_over_belongs_to_no_face():
    speech = np.ones(250, bool)
    for seed in range(10):
        tables = [judged(250, 0, (0, 0), seed), judged(250, 0, (0, 0), 100 + seed)]
        for own in speaking_faces([windows(250)] * 2, tables, speech):
            assert [turn.reason for turn in own] == [VOICE_OVER]


def test_a_voice_over_within_speech_is_cut_out():
    table = judged(400, 2, (0, 150), 3)
    table[250:] = judged(400, 2, (250, 400), 4)[250:]
    ((_, first_stop), (second_start, _)) = spoken(speaking_faces([windows(400)], [table], np.ones(400, bool))[0])
    assert abs(first_stop - 152) < 25 and abs(second_start - 252) < 25


def test_pauses_stay_in_a_stretch_and_silence_around_it_does_not():
    speech = np.zeros(300, bool)
    speech[60:120], speech[150:220] = True, True
    (turns,) = speaking_faces([windows(300)], [judged(300, 0, (55, 225), 5)], speech)
    assert spoken(turns) == [(60 - 12, 220 + 12)]
    assert {turn.reason for turn in turns} == {"", "no speech"}


def test_frames_without_the_face_are_in_no_turn():
    seen = Seen(np.r_[20:90, 140:196], torch.empty(0))
    table = judged(200, 0, (0, 200), 6)[seen.numbers]
    (turns,) = speaking_faces([seen], [table], np.ones(200, bool))
    ((first, before), (after, last)) = spoken(turns)
    assert 20 <= first < 32 and (before, after) == (94, 140) and 188 < last <= 200
    assert (turns[0].start, turns[-1].stop) == (20, 200)


def test_windows_beyond_a_passage_that_ended_earlier_are_left_out():
    table = judged(200, 0, (0, 200), 7)
    (turns,) = speaking_faces([windows(200)], [table], np.ones(150, bool))
    assert turns[-1].stop == 150 and spoken(turns)


def test_windows_are_five_frames_in_a_row_embedded_in_batches_at_a_steady_scale():
    judge = LipJudge()
    watcher = Watcher(judge)
    points = np.random.default_rng(0).uniform(0, 100, (68, 2)).astype(np.float32)
    for number in range(90):
        size = 1 + 0.05 * (number % 2)
        watcher.add(np.zeros((8, 8, 3), np.uint8), None if number in (10, 40) else points * size)
    seen = watcher.finish()
    inside = [k for k in range(86) if not {10, 40} & set(range(k, k + 5))]
    assert seen.numbers.tolist() == inside and len(seen.embeddings) == len(inside)
    assert max(judge.batches) == 32 and sum(judge.batches) == len(inside)
    assert np.ptp(judge.scales[10:]) < 0.03 * np.mean(judge.scales)  # half of what the frames differ by


def test_sounds_and_windows_beyond_the_passage_are_unknown():
    judge = LipJudge()
    wave = np.random.default_rng(0).normal(0, 0.1, 30 * FRAME).astype(np.float32)
    seen = Seen(np.arange(40), torch.rand(40, 5))
    table = distances(judge, seen, wave)
    heard = np.arange(40)[:, None] + np.arange(-15, 16)
    known = (heard >= 0) & (heard < 26) & (np.arange(40)[:, None] < 26)
    assert np.array_equal(np.isfinite(table), known)
    assert table[7, 15 + 3] == pytest.approx(float(judge.distance(seen.embeddings[7:8], judge.hear(wave, [10]))))


def test_of_two_sample_speakers_the_one_is_found_whose_lips_the_sound_goes_with_and_how_late_it_is():
    """The sound is a tone as loud as the lips of the one are open, so that the judge is right about it."""
    both, late, judge = takes(2, 3.0, 256, 91), 4, LipJudge()
    length = min(len(take.frames) for take in both)
    seen = []
    for take in both:
        watcher = Watcher(judge)
        with FaceLandmarker() as landmarker:
            for frame, (points, _) in zip(take.frames, track_faces(take.frames, landmarker), strict=True):
                watcher.add(frame, points)
        seen.append(watcher.finish())
    opening = np.r_[seen[1].embeddings[:, 0], seen[1].embeddings[-1, 1:]]
    loudness = np.pad(opening / 255, (late, 0))[:length]
    wave = np.repeat(loudness, FRAME) * np.sin(2 * np.pi * 1000 / 16000 * np.arange(length * FRAME))
    tables = [distances(judge, each, wave.astype(np.float32)) for each in seen]
    offset, confidence = offset_and_confidence(judge, tables[1])
    assert offset == late and confidence > judge.least_confidence
    silent, speaking = speaking_faces(seen, tables, np.ones(length, bool))
    ((start, stop),) = spoken(speaking)
    assert not spoken(silent) and start <= 12 and stop >= length - late - 13
