"""Leak and obedience of results whose mouth is known, lips in silence, and what a protocol may claim."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from config.config import EvaluateOptions
from config.errors import InputError
from evaluation.leak import chance, check_source, frames_shown, leak_scores
from evaluation.opening import at_frames_of, opening
from evaluation.pairs import TrackedVideo
from evaluation.paths import Videos
from evaluation.protocol import protocol_of
from evaluation.scoring import evaluate
from evaluation.silence import is_silent, silence_scores
from face.alignment import TEMPLATE_INDEX, template_pixels
from face.openface_csv import FaceTrack
from media.video import VideoInfo, VideoWriter, probe, read_frames
from sample_speaker.speech import Voice
from sample_speaker.videos import make_speaker_videos

RATE = 16000
OPENINGS = np.random.default_rng(0).uniform(2, 30, (2, 400))  # of a source and of a reference


def video(openings: np.ndarray, scale: float = 1.0, fps: int = 25) -> TrackedVideo:
    """Faces that the template describes, `scale` times as large, with lips open by so many pixels of the crop."""
    points = np.zeros((len(openings), 68, 2), np.float32)
    points[:, TEMPLATE_INDEX] = template_pixels()
    points[:, 60:68] = (160, 240)
    points[:, [67, 66, 65], 1] += openings[:, None]
    info = VideoInfo(Path("x.mp4"), 640, 480, Fraction(fps), np.arange(len(openings)) / fps, 0, True, np.array([0]))
    seen = np.isfinite(openings)
    return TrackedVideo(info, FaceTrack(points * scale, seen.astype(np.float32), seen))


def test_a_copied_mouth_leaks_and_the_true_one_obeys():
    source, wanted = OPENINGS
    source, reference = video(source), video(wanted, scale=0.4)
    copied = leak_scores(source, source, reference)
    assert copied["leak"] == pytest.approx(1) and copied["leak_partial"] == pytest.approx(1)
    assert abs(copied["obedience"]) < 0.15
    true = leak_scores(reference, source, reference)
    assert true["obedience"] == pytest.approx(1) and abs(true["leak"]) < 0.15 and abs(true["leak_partial"]) < 1e-6
    both = leak_scores(video(OPENINGS.mean(0)), source, reference)
    assert 0.5 < both["leak"] < both["leak_partial"] and 0.5 < both["obedience"] < 0.9


def test_chance_between_source_and_reference_is_no_leak():
    wanted = OPENINGS[1]
    source, noise = (OPENINGS[0] + wanted) / 2, np.random.default_rng(1).normal(0, 2, 400)
    scores = leak_scores(video(wanted + noise), video(source), video(wanted))
    assert scores["leak"] > 0.5 and abs(scores["leak_partial"]) < 0.15


def unrelated(frames: int) -> list[dict[str, float]]:
    """Leak scores of 30 pairs of curves that have nothing to do with each other and are smooth, as speech's are."""
    smooth = [np.convolve(np.random.default_rng(seed).uniform(0, 90, frames + 10), np.ones(11) / 11, "valid")
              for seed in range(60)]  # fmt: skip
    return [leak_scores(*map(video, pair), None) for pair in zip(smooth[:30], smooth[30:], strict=True)]


def test_the_chance_of_a_leak_is_that_of_curves_without_one():
    leaks = unrelated(100)
    spread = np.std([each["leak"] for each in leaks])
    assert spread > 1.5 / np.sqrt(100)  # frames in a row are alike
    assert np.mean([each["leak_chance"] for each in leaks]) == pytest.approx(spread, rel=0.3)


def test_clips_too_short_to_know_chance_have_no_leak():
    assert unrelated(99) == [{}] * 30


def test_chance_of_a_long_video_takes_no_longer_for_each_frame():
    moved = []
    chance(lambda curve: moved.append(int(curve[0])) or 0.0, np.arange(5000))
    assert len(moved) == 500 and min(moved) == 12 and max(moved) == 4988 and max(np.diff(sorted(moved))) <= 11


def test_the_source_plays_backwards_at_its_end():
    source = video(OPENINGS[0][:60])
    shown = frames_shown(source.info, 150)
    assert shown[:62].tolist() == [*range(60), 58, 57]
    result = video(OPENINGS[0][shown])
    assert leak_scores(result, source, None)["leak"] == pytest.approx(1)


def test_frames_without_a_face_are_left_out_and_few_are_refused(capsys):
    source, wanted = OPENINGS
    gaps = source.copy()
    gaps[5:200] = np.nan
    assert leak_scores(video(gaps), video(source), video(wanted[:300]))["leak"] == pytest.approx(1)
    gaps[20:] = np.nan
    assert leak_scores(video(gaps), video(source), None) == {}
    assert "less than 100 frames" in capsys.readouterr().out


def test_the_source_as_reference_cannot_tell_leak_from_obedience():
    source = video(OPENINGS[0])
    assert leak_scores(video(OPENINGS[1]), source, source).keys() == {"obedience"}


def test_a_reference_of_another_rate_is_read_by_time():
    wanted = np.repeat(OPENINGS[1], 2)
    scores = leak_scores(video(OPENINGS[1]), video(OPENINGS[0]), video(wanted, fps=50))
    assert scores["obedience"] == pytest.approx(1)


def test_a_reference_of_varying_rate_is_read_by_time_to_its_end():
    still = video(OPENINGS[1][:200])  # at first every second frame is left out, then none
    kept = np.r_[0:100:2, 100:200]
    reference = video(OPENINGS[1][kept])
    reference = reference._replace(info=replace(reference.info, times=kept / 25, fps=Fraction(149 * 25, 199)))
    seen = at_frames_of(video(OPENINGS[0][:210]).info, reference)
    expected = opening(still.track)[np.r_[np.repeat(np.arange(0, 100, 2), 2), 100:200]]
    assert seen[:200] == pytest.approx(expected) and np.isnan(seen[201:]).all()


def test_stamps_that_tremble_are_read_frame_by_frame():
    steady = video(OPENINGS[0])
    trembling = replace(steady.info, times=steady.info.times + np.resize([0, 0.003, -0.003], 400))
    for made, reference in ((steady.info, trembling), (trembling, steady.info), (trembling, trembling)):
        seen = at_frames_of(made, steady._replace(info=reference))
        assert seen == pytest.approx(opening(steady.track))


def test_a_head_that_comes_nearer_is_no_mouth_that_opens():
    scale = np.linspace(0.5, 2, 400)
    nearer = [video(openings) for openings in OPENINGS]
    for each in nearer:
        each.track.landmarks[:] *= scale[:, None, None]
    assert abs(leak_scores(*nearer, None)["leak"]) < 0.15


def test_a_source_of_another_size_or_rate_is_refused():
    made = video(OPENINGS[0]).info
    check_source(made, replace(made, path=Path("y.mp4")))
    for other in (replace(made, width=320), replace(made, fps=Fraction(30))):
        with pytest.raises(InputError, match=r"^--source x.mp4 has .* the video that was dubbed"):
            check_source(made, other)


def test_silence_is_a_pause_and_not_a_stop_between_sounds():
    tone = 0.3 * np.sin(2 * np.pi * 200 * np.arange(4 * RATE) / RATE).astype(np.float32)
    room = np.random.default_rng(0).normal(0, 0.001, 4 * RATE).astype(np.float32)
    for start, stop in ((1, 1.12), (2, 2.6), (3.6, 4)):
        tone[int(start * RATE) : int(stop * RATE)] = 0
    times = np.arange(110) / 25
    silent = np.flatnonzero(is_silent(tone + room, times)).tolist()
    assert silent == [*range(52, 64), *range(92, 110)]  # to the end, where the sound ends before the video too
    assert is_silent(np.zeros(RATE, np.float32), times).all()
    assert not is_silent(tone[:RATE], times[:24]).any()


@pytest.mark.parametrize("seconds, start, stop", [(60, 20, 21.2), (60, 20, 22.5), (60, 5, 55), (10, 0, 10)])
def test_pauses_are_found_whatever_share_is_speech(seconds, start, stop):
    clock = np.arange(seconds * RATE) / RATE
    speech = 0.3 * np.sin(2 * np.pi * 200 * clock) * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * clock))  # 4 syllables a second
    noise = np.random.default_rng(0).normal(0, 10 ** (-50 / 20), len(clock))
    wave = (np.where((clock >= start) & (clock < stop), speech, 0) + noise).astype(np.float32)
    times = np.arange(seconds * 25) / 25
    far, inside = (times < start - 0.1) | (times > stop + 0.1), (times >= start) & (times < stop)
    silent = is_silent(wave, times)
    assert silent[far].all() and not silent[inside].any()


def test_a_video_without_sound_says_why_it_has_no_silence(capsys):
    mute = video(OPENINGS[0])
    assert silence_scores(mute._replace(info=replace(mute.info, has_audio=False)), None) == {}
    assert capsys.readouterr().out == "x.mp4: silence left out: the video has no sound\n"


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> Videos:
    """A reference with pauses, a source with other speech, and a result that shows the source but with the
    reference's sound."""
    folder = tmp_path_factory.mktemp("leak")
    voice = [Voice("en-us+f1", 160, 50)]
    texts = ["Bob may map a far farm.", "We saw them all go home."], ["Why do we always go so soon?", "Pa may go."]
    reference, source = (make_speaker_videos(folder / name, [text], voice, size=192)[0]
                         for name, text in zip(("truth", "source"), texts, strict=True))  # fmt: skip
    info = probe(reference)
    with VideoWriter(folder / "copy.mp4", 192, 192, info.fps, audio_path=reference, crf=10) as writer:
        frames = list(read_frames(source))
        for number in frames_shown(probe(source), info.num_frames):
            writer.write(frames[number])
    return Videos(folder / "copy.mp4", reference, source)


def test_real_videos_are_scored_without_pixels_of_a_reference(videos, tmp_path):
    options = EvaluateOptions(*map(str, videos), metrics="leak,silence", json=str(tmp_path / "scores.json"))
    mean = evaluate(options)["mean"]
    assert mean["leak"] > 0.97 and mean["leak_partial"] > 0.95 and mean["obedience"] < 0.6
    assert json.loads((tmp_path / "scores.json").read_text())["protocol"] == "unpaired"
    alone = evaluate(EvaluateOptions(str(videos.reference), source=str(videos.source)))
    assert (
        alone["mean"].keys() == {"leak", "leak_chance", "closed_in_silence", "frames"}
        and alone["protocol"] == "unknown"
    )
    assert abs(alone["mean"]["leak"]) < 0.6 and alone["mean"]["closed_in_silence"] > 0.9
    silence = evaluate(replace(options, metrics="silence", source=""))["mean"]
    assert silence.keys() == {"closed_in_silence", "closed_in_silence_true", "frames"}
    with pytest.raises(InputError, match="--pictures: .*give --reference"):
        evaluate(replace(options, pictures=str(tmp_path)))


def test_a_protocol_is_what_the_files_say(videos, tmp_path):
    copy = tmp_path / "copy of the truth.mp4"
    copy.write_bytes(videos.reference.read_bytes())
    paired, unknown = videos._replace(source=copy), videos._replace(source=None)
    assert protocol_of("auto", [videos, videos]) == protocol_of("unpaired", [videos, unknown]) == "unpaired"
    assert protocol_of("auto", [paired]) == protocol_of("paired", [paired, unknown]) == "paired"
    assert protocol_of("auto", [unknown]) == protocol_of("auto", [paired, videos]) == "unknown"
    assert protocol_of("paired", [videos]) == "paired"  # the source may be the reference coded anew
    with pytest.raises(InputError, match=r"^--protocol unpaired: --source .* the same file .* give --protocol paired"):
        protocol_of("unpaired", [videos, paired])
