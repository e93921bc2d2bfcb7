"""One bad file among good ones costs its video, with its reason, in every step; the others are made."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from small_set import FRAMES, copy_set, run, steps, write_set, write_track, write_video

from dataset.manifest import load_manifest


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A set of videos a, b and c with everything made."""
    layout = write_set(tmp_path_factory.mktemp("good") / "set")
    result = steps(layout, "all", "extract_video_frame")
    assert result.returncode == 0, result.stdout + result.stderr
    return layout


def spoilt(path: Path, content: bytes) -> None:
    assert path.parent.is_dir()
    path.unlink(missing_ok=True)
    path.write_bytes(content)


def array(rows: np.ndarray, path: Path) -> None:
    path.unlink()
    np.save(path, rows, allow_pickle=True)


STEPS = {  # what is wrong: how, the steps that are run, what is said
    "a video that is none": (lambda s: spoilt(s.videos / "b.mp4", b"no video"), ["all"], "b.mp4 cannot be read"),
    "a video that was cut": (
        lambda s: spoilt(s.videos / "b.mp4", (s.videos / "b.mp4").read_bytes()[:-900]),
        ["extract_video_frame", "extract_audio", "extract_audio_feature", "crop_face"],
        "b.mp4 is cut short",
    ),
    "a CSV that is none": (lambda s: spoilt(s.landmarks / "b.csv", b"\xff\xfe\x00"), ["crop_face"], "b.csv is not a"),
    "a CSV that is a folder": (
        lambda s: ((s.landmarks / "b.csv").unlink(), (s.landmarks / "b.csv").mkdir()),
        ["crop_face"],
        "b.csv",
    ),
    "an empty WAV": (lambda s: spoilt(s.audio / "b.wav", b""), ["extract_audio_feature"], "b.wav cannot be read"),
    "features of 12 values": (
        lambda s: array(np.zeros((FRAMES, 12), np.float32), s.features("mel") / "b.npy"),
        ["generate_training_json"],
        "b.npy holds 12 values a row, expected 80",
    ),
    "complex features": (
        lambda s: array(np.zeros((FRAMES, 80), complex), s.features("mel") / "b.npy"),
        ["generate_training_json"],
        "b.npy holds values of type complex128, expected floats",
    ),
    "features of whole numbers": (
        lambda s: array(np.zeros((FRAMES, 80), int), s.features("mel") / "b.npy"),
        ["generate_training_json"],
        "b.npy holds values of type int64, expected floats",
    ),
    "features that are objects": (
        lambda s: array(np.full((FRAMES, 80), None), s.features("mel") / "b.npy"),
        ["generate_training_json"],
        "b.npy is damaged or no NumPy array",
    ),
    "features that are cut": (
        lambda s: spoilt(s.features("mel") / "b.npy", (s.features("mel") / "b.npy").read_bytes()[:-9]),
        ["generate_training_json"],
        "b.npy is damaged or no NumPy array",
    ),
    "features of one axis": (
        lambda s: array(np.zeros(FRAMES, np.float32), s.features("mel") / "b.npy"),
        ["generate_training_json"],
        "b.npy holds an array of shape (20,)",
    ),
    "features of NaN": (
        lambda s: array(np.full((FRAMES, 80), np.nan, np.float32), s.features("mel") / "b.npy"),
        ["generate_training_json"],
        "not finite",
    ),
    "landmarks.npy": (
        lambda s: spoilt(s.crops / "b" / "landmarks.npy", b"x"),
        ["generate_training_json"],
        "landmarks.npy is damaged or no NumPy array",
    ),
    "landmarks of other crops": (
        lambda s: array(np.load(s.crops / "b" / "landmarks.npy")[:5], s.crops / "b" / "landmarks.npy"),
        ["generate_training_json"],
        "has no landmarks",
    ),
    "crop.json": (
        lambda s: spoilt(s.crops / "b" / "crop.json", b'{"crop": "round"}'),
        ["generate_training_json"],
        "crop.json is missing or damaged",
    ),
    "a foreign picture among the crops, JSON": (
        lambda s: spoilt(s.crops / "b" / "000000" / "Thumbs.jpg", b"x"),
        ["generate_training_json"],
        "Thumbs.jpg is no crop",
    ),
}


@pytest.mark.parametrize("fault", STEPS)
def test_one_bad_file_costs_its_video(good, tmp_path, fault):
    spoil, flags, said = STEPS[fault]
    layout = copy_set(good, tmp_path / "set")
    spoil(layout)
    result = steps(layout, *flags)
    assert result.returncode == 1 and "Traceback" not in result.stderr, result.stdout + result.stderr
    rows = [line for line in result.stdout.splitlines() if line.startswith("  ")]
    assert any(row.startswith("  b: FAILED") and said in row for row in rows), result.stdout
    assert not any(row.startswith(("  a: FAILED", "  c: FAILED")) for row in rows)
    if "generate_training_json" in flags:
        assert [video.name for video in load_manifest(layout.training_json).videos] == ["a", "c"]


@pytest.mark.parametrize("file", ["landmarks.npy", "crop.json"])
def test_what_stands_beside_crops_is_made_anew_where_it_is_damaged(good, tmp_path, file):
    layout = copy_set(good, tmp_path / "set")
    (layout.crops / "b" / file).write_bytes(b"{")
    result = steps(layout, "crop_face")
    assert result.returncode == 0 and "1 done, 2 up to date" in result.stdout
    assert (layout.crops / "b" / file).read_bytes() == (good.crops / "b" / file).read_bytes()


def test_damaged_landmarks_of_crops_without_their_video(good, tmp_path):
    layout = copy_set(good, tmp_path / "set")
    (layout.videos / "b.mp4").unlink()
    (layout.crops / "b" / "landmarks.npy").write_bytes(b"x")
    result = steps(layout, "crop_face")
    assert result.returncode == 1 and "  b: FAILED: " in result.stdout and "landmarks.npy is damaged" in result.stdout
    names = np.load(layout.crop_landmarks)["path"]
    assert {name.partition("/")[0] for name in names} == {"a", "c"}


def test_a_damaged_row_of_silence_is_said_and_made_anew(good, tmp_path):
    layout = copy_set(good, tmp_path / "set")
    silence = layout.features("mel") / ".silence.npy"
    for content in (b"x", (good.features("mel") / "a.npy").read_bytes()):
        silence.write_bytes(content)
        result = steps(layout, "generate_training_json")
        assert result.returncode == 1 and ".silence.npy: FAILED" in result.stdout
        assert load_manifest(layout.training_json).silence is None
    assert steps(layout, "extract_audio_feature", "generate_training_json").returncode == 0
    assert silence.read_bytes() == (good.features("mel") / ".silence.npy").read_bytes()
    assert load_manifest(layout.training_json).silence is not None


def test_packing_refuses_foreign_and_broken_pictures_of_one_video(good, tmp_path):
    layout = copy_set(good, tmp_path / "set")
    (layout.crops / "a" / "000000" / "Thumbs.jpg").write_bytes(b"x")
    next((layout.crops / "b" / "000001").glob("*.jpg")).write_bytes(b"")
    result = run("--pack_crops", 64, "--num_workers", 2, "--training_data_path", layout.root)
    assert result.returncode == 1 and "1 done, 0 up to date, 2 failed" in result.stdout
    assert "  a: FAILED: " in result.stdout and "Thumbs.jpg is no crop" in result.stdout
    assert "  b: FAILED: " in result.stdout and "cannot be read as an image" in result.stdout
    assert [path.name for path in layout.packed_crops(64).iterdir()] == ["c.npy"]


@pytest.mark.parametrize("workers", ["crop_face", "crop_face_multithreading"])
def test_names_that_are_not_utf8_are_refused_one_by_one(good, tmp_path, workers):
    layout = copy_set(good, tmp_path / "set")
    odd = os.fsencode(layout.videos) + b"/\xff\xfe.mp4"
    os.rename(layout.videos / "b.mp4", odd)
    result = steps(layout, "extract_audio", workers)
    assert result.returncode == 1 and "Traceback" not in result.stderr, result.stderr
    assert result.stdout.count("its name is not UTF-8") == 2 and "2 up to date, 1 failed" in result.stdout
    assert os.path.exists(odd)


def test_two_videos_of_one_name_are_refused_by_every_step(good, tmp_path):
    layout = copy_set(good, tmp_path / "set")
    os.rename(write_video(tmp_path / "other.mp4", shade=200), layout.videos / "b.mkv")
    for flag in (
        "extract_video_frame",
        "extract_audio",
        "extract_audio_feature",
        "crop_face",
        "generate_training_json",
    ):
        result = steps(layout, flag)
        assert result.returncode == 2 and len(result.stderr.splitlines()) == 1
        assert "b.mkv" in result.stderr and "b.mp4" in result.stderr


def test_leftovers_of_the_living_are_no_data(good, tmp_path):
    layout = copy_set(good, tmp_path / "set")
    prefix = f".partial-elsewhere-{os.getpid()}-x"
    (layout.crops / "b").rename(layout.crops / prefix)
    (layout.videos / f"{prefix}.mp4").write_bytes((layout.videos / "a.mp4").read_bytes())
    result = run("--crop_face", "--generate_training_json", "--pack_crops", 64, "--training_data_path", layout.root)
    assert result.returncode == 0, result.stdout + result.stderr
    assert prefix not in result.stdout + (layout.training_json).read_text()
    assert set(np.load(layout.crop_landmarks)["path"]) == set(np.load(good.crop_landmarks)["path"])
    assert (layout.crops / prefix).is_dir()


def test_a_json_of_a_set_whose_tables_are_unreadable_stays(good, tmp_path):
    layout = copy_set(good, tmp_path / "set")
    before = json.loads(layout.training_json.read_text())
    for name in "abc":
        (layout.features("mel") / f"{name}.npy").write_bytes(b"")
    result = steps(layout, "generate_training_json")
    assert result.returncode == 2 and "no video is usable" in result.stderr
    assert json.loads(layout.training_json.read_text()) == before


def test_a_track_of_another_video_is_refused_only_where_make_dataset_placed_it(good, tmp_path):
    layout = copy_set(good, tmp_path / "set")
    write_video(layout.videos / "b.mp4", shade=250)
    os.utime(layout.videos / "b.mp4", (1, 1))
    assert "1 done, 2 up to date" in steps(layout, "crop_face").stdout  # the user's own CSV
    write_track(layout.landmarks / "b.csv", frames=5)
    assert "b.csv has 5 rows" in steps(layout, "crop_face").stdout
