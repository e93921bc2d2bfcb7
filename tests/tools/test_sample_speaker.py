"""The sample speaker: what its tables say is what the face landmarker sees, and sound and pictures are in step."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from config.constants import FPS, SAMPLE_RATE
from config.errors import InputError
from face.landmarks import FaceLandmarker, track_faces
from media.audio import read_audio
from media.video import probe, read_frames
from tools.sample_speaker import choose_sentences, choose_voices, make_speaker_videos, read_sentences
from tools.speech import Voice, synthesize, synthesize_sentences
from tools.visemes import mouth_shapes

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "sample_speaker.py"
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


def test_speech_is_the_same_after_other_speech_and_its_phonemes_have_no_gaps():
    wave, phonemes = synthesize("Where were you, Paul?", VOICE)
    synthesize("Something else.", Voice("en-gb-x-rp", 180, 30))
    again, _ = synthesize("Where were you, Paul?", VOICE)
    assert np.array_equal(wave, again)
    assert all(before[1] == after[0] for before, after in zip(phonemes, phonemes[1:], strict=False))
    assert phonemes[-1][1] == pytest.approx(len(wave) / SAMPLE_RATE, abs=1e-3)
    assert any("p" in name for *_, name in phonemes)


def test_phoneme_times_agree_with_the_sound():
    """Vowels are loud and pauses are silent where espeak-ng says that they are."""
    wave, phonemes = synthesize_sentences(["Bob may map a far farm.", "Father laughs."], VOICE)
    loudness = {"vowel": [], "pause": []}
    for start, end, name in phonemes:
        kind = "vowel" if "ɑː" in name else "pause" if not name else None
        if kind:
            part = wave[int((start + 0.02) * SAMPLE_RATE) : int((end - 0.02) * SAMPLE_RATE)]
            loudness[kind].append(np.sqrt(np.mean(part**2)) if len(part) else 0)
    assert min(loudness["vowel"]) > 20 * max(loudness["pause"])


def test_shapes_follow_the_phonemes():
    sounds = ["m", "ɑː", "b", "iː", "f", "uː", ""]
    phonemes = [(0.2 * index, 0.2 * index + 0.2, name) for index, name in enumerate(sounds)]
    m, ah, b, ee, f, oo, rest = mouth_shapes(phonemes, np.arange(7) * 0.2 + 0.1)
    assert m.opening == b.opening == 0 and abs(rest.opening) < 0.3
    assert ah.opening > 7 and ah.jaw > 4
    assert ee.width > 1.1 > 0.8 > oo.width and oo.pucker > 0.8
    assert f.tuck > 1 and f.upper_share > 0.6


def test_sentences_are_shared_out_without_repeats_and_by_seed():
    pool = read_sentences()
    voices = choose_voices("en-us", 3, seed=0)
    chosen = choose_sentences(pool, voices, 5, seed=0)
    flat = [sentence for mine in chosen for sentence in mine]
    assert len(set(flat)) == len(flat)
    assert chosen == choose_sentences(pool, voices, 5, seed=0) != choose_sentences(pool, voices, 5, seed=1)
    assert len(set(voices)) == 3


def test_speech_only_writes_a_wave_file(tmp_path):
    output = tmp_path / "一 句话.wav"
    command = [sys.executable, SCRIPT, "--speech_only", "Hello there.", "--output", output, "--voice", "en-gb-x-rp"]
    subprocess.run(command, check=True, capture_output=True)
    assert np.array_equal(
        np.round(read_audio(output) * 32768),
        np.round(synthesize_sentences(["Hello there."], Voice("en-gb-x-rp"))[0] * 32768),
    )


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--voice", "no-such-voice"], "--voice"),
        (["--sentences", "missing.txt"], "missing.txt"),
        (["--size", "301"], "--size"),
        (["--speech_only", "..."], "'...'"),
    ],
)
def test_bad_input_is_one_line_and_status_2(flags, named, tmp_path):
    command = [sys.executable, SCRIPT, "--output_folder", "out", "--number", "1", "--seconds", "1", *flags]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 2
    assert named in result.stderr and result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_odd_size_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(InputError, match="--size"):
        make_speaker_videos(tmp_path / "out", [SENTENCES], [VOICE], size=301)
    assert not (tmp_path / "out").exists()
