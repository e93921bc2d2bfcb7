"""Inputs that are replaced, by older files too, have everything made anew that was made from them, and nothing else."""

import os
import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from small_set import FRAMES, copy_set, run, steps, write_set, write_track, write_video
from talking_photo import photo_frame, write_speech

from dataset.layout import TrainingSetLayout
from face.openface_csv import read_openface_csv
from media.audio import read_audio
from media.video import VideoWriter, probe

ALL = ("all", "extract_video_frame")


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    layout = write_set(tmp_path_factory.mktemp("good") / "set", ("a", "b"))
    assert steps(layout, *ALL).returncode == 0
    assert run("--pack_crops", 64, "--training_data_path", layout.root).returncode == 0
    return layout


def replace_by_older(path: Path, new: Path) -> None:
    os.utime(new, (10**9, 10**9))
    os.replace(new, path)


def first_crop(layout: TrainingSetLayout, name: str) -> np.ndarray:
    return cv2.imread(str(sorted((layout.crops / name).glob("*/*.jpg"))[0]))


@pytest.mark.parametrize("has_memory", [True, False], ids=["", "of an earlier version"])
def test_an_older_video_in_its_place_is_processed_anew(good, tmp_path, has_memory):
    layout = copy_set(good, tmp_path / "set")
    if not has_memory:
        shutil.rmtree(layout.root / ".made_from")
        again = steps(layout, *ALL)
        assert (
            again.returncode == 0 and again.stdout.count("0 done, 2 up to date") == 4
        )  # times decide, and it is noted
    replace_by_older(layout.videos / "b.mp4", write_video(tmp_path / "b.mp4", FRAMES - 1, shade=230))
    write_track(layout.landmarks / "b.csv", FRAMES - 1)
    os.utime(layout.landmarks / "b.csv", (10**9, 10**9))
    result = run("--all", "--extract_video_frame", "--pack_crops", 64, "--training_data_path", layout.root)
    assert result.returncode == 0 and result.stdout.count("1 done, 1 up to date, 0 failed") == 5, result.stdout
    assert len(list((layout.frames / "b").glob("*.jpg"))) == FRAMES - 1
    assert len(read_audio(layout.audio / "b.wav")) == (FRAMES - 1) * 640
    assert len(np.load(layout.features("mel") / "b.npy")) == FRAMES - 1
    assert np.abs(first_crop(layout, "b").astype(int) - first_crop(good, "b")).mean() > 20
    packed = [np.load(s.packed_crops(64) / "b.npy")[0].astype(int) for s in (layout, good)]
    assert np.abs(packed[0] - packed[1]).mean() > 20
    assert steps(layout, *ALL).stdout.count("0 done, 2 up to date") == 4


def test_sound_that_was_replaced_has_new_features_only(good, tmp_path):
    layout = copy_set(good, tmp_path / "set")
    replace_by_older(layout.audio / "b.wav", write_speech(tmp_path / "b.wav", 0.5))
    result = steps(layout, *ALL)
    assert result.returncode == 0 and result.stdout.count("0 done, 2 up to date") == 3
    assert "extract_audio_feature mel: 1 done, 1 up to date" in result.stdout


def test_what_was_only_touched_or_moved_is_up_to_date(good, tmp_path):
    layout = copy_set(good, tmp_path / "elsewhere")
    for path in [*layout.videos.iterdir(), *layout.landmarks.iterdir(), *layout.audio.iterdir()]:
        os.utime(path)
    assert steps(layout, *ALL).stdout.count("0 done, 2 up to date") == 4


def test_crops_of_the_other_kind_are_made_anew_and_packed_anew(good, tmp_path):
    layout = copy_set(good, tmp_path / "set")
    flags = ["--crop_face", "--pack_crops", 64, "--crop", "legacy", "--training_data_path", layout.root]
    result = run(*flags)
    assert result.stdout.count("2 done, 0 up to date") == 2, result.stdout
    assert run(*flags).stdout.count("0 done, 2 up to date") == 2


def write_raw(path: Path, frames: int, fps: int, first: int = 0) -> Path:
    """A video of a face, with sound."""
    sound = write_speech(path.with_suffix(".wav"), frames / fps)
    with VideoWriter(path, 240, 232, fps, audio_path=sound) as writer:
        for number in range(first, first + frames):
            writer.write(photo_frame(number))
    sound.unlink()
    return path


@pytest.fixture
def raw(tmp_path):
    (tmp_path / "raw").mkdir()
    for name, fps in (("kept", 25), ("resampled", 30)):
        write_raw(tmp_path / "raw" / f"{name}.mp4", 24, fps)
    return tmp_path / "raw"


def make(root: Path) -> subprocess.CompletedProcess:
    flags = ["--root_folder", root / "raw", "--output_folder", root / "out", "--training_data_path", root / "set"]
    return run(*flags, "--keep_all", "--num_workers", 1, script="make_dataset.py")


def test_an_older_raw_video_in_its_place_is_tracked_anew(raw, tmp_path):
    """The resampled video and its landmarks are ours and replaced; the raw one that was linked is the user's."""
    assert make(tmp_path).returncode == 0
    layout = TrainingSetLayout(tmp_path / "set")
    before = (tmp_path / "set" / "split_video_25fps" / "kept.mp4").read_bytes()
    replace_by_older(raw / "resampled.mp4", write_raw(tmp_path / "new.mp4", 36, 30, 90))
    replace_by_older(raw / "kept.mp4", write_raw(tmp_path / "new.mp4", 20, 25, 90))
    result = make(tmp_path)
    rows = {line.split()[0]: line for line in result.stdout.splitlines()}
    assert "made" in rows["resampled"] and "30 frames" in rows["resampled"], result.stdout + result.stderr
    assert probe(layout.videos / "resampled.mp4").num_frames == 30
    assert len(read_openface_csv(layout.landmarks / "resampled.csv").success) == 30
    assert "NOT USED" in rows["kept"] and "kept.mp4 exists and is another file" in rows["kept"]
    assert len(read_openface_csv(tmp_path / "out" / "kept.csv").success) == 20
    assert (layout.videos / "kept.mp4").read_bytes() == before  # with the landmarks that belong to it
    assert len(read_openface_csv(layout.landmarks / "kept.csv").success) == 24
    (layout.videos / "kept.mp4").unlink()
    assert make(tmp_path).returncode == 0
    assert len(read_openface_csv(layout.landmarks / "kept.csv").success) == 20
    assert make(tmp_path).stdout.count("up to date") == 2


def test_a_linked_video_that_was_written_over_is_not_cut_by_its_old_landmarks(raw, tmp_path):
    assert make(tmp_path).returncode == 0
    layout = TrainingSetLayout(tmp_path / "set")
    new = write_raw(tmp_path / "new.mp4", 24, 25, 90)
    (raw / "kept.mp4").write_bytes(new.read_bytes())  # into the same file, which the set links to
    result = steps(layout, "crop_face")
    assert result.returncode == 1 and "kept.csv was made from another video" in result.stdout
    assert make(tmp_path).returncode == 0
    assert steps(layout, "crop_face").returncode == 0


def test_a_csv_of_the_users_is_not_replaced(raw, tmp_path):
    (tmp_path / "out").mkdir()
    table = write_track(tmp_path / "out" / "kept.csv", 24)
    os.utime(table, (10**9, 10**9))
    before = table.read_bytes()
    result = make(tmp_path)
    assert result.returncode == 1 and "kept.csv is not of" in result.stdout
    assert table.read_bytes() == before
    os.utime(table)
    assert make(tmp_path).returncode == 0  # newer than the video, so it is taken to be of it
    replace_by_older(raw / "kept.mp4", write_raw(tmp_path / "new.mp4", 20, 25, 90))
    assert "kept.csv is not of" in make(tmp_path).stdout
    assert table.read_bytes() == before


def test_a_video_of_the_users_among_the_results_is_not_replaced(raw, tmp_path):
    (tmp_path / "out").mkdir()
    own = write_raw(tmp_path / "out" / "resampled.mp4", 20, 25)
    before = own.read_bytes()
    assert make(tmp_path).returncode == 0  # newer than the raw video, so it is taken to be made of it
    replace_by_older(raw / "resampled.mp4", write_raw(tmp_path / "new.mp4", 36, 30, 90))
    result = make(tmp_path)
    assert result.returncode == 1 and "resampled.mp4 was not made by make_dataset.py" in result.stdout
    assert own.read_bytes() == before


def test_another_video_of_the_name_in_the_set_is_refused(raw, tmp_path):
    layout = TrainingSetLayout(tmp_path / "set")
    layout.videos.mkdir(parents=True)
    other = write_raw(layout.videos / "kept.mp4", 20, 25).rename(layout.videos / "kept.MOV")
    result = make(tmp_path)
    assert result.returncode == 1 and "kept.MOV is another video of this name" in result.stdout
    assert sorted(path.name for path in layout.videos.iterdir()) == ["kept.MOV", "resampled.mp4"]
    assert probe(other).num_frames == 20
