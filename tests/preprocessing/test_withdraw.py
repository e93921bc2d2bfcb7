"""What make_dataset.py takes out of a training set with a clip that is left out: what it made, no file of the user."""

from pathlib import Path

import numpy as np
import pytest

from dataset.layout import TrainingSetLayout
from preprocessing.crop_step import LANDMARKS, REPORT
from preprocessing.origin import Origin
from preprocessing.placing import withdraw


@pytest.fixture
def layout(tmp_path) -> TrainingSetLayout:
    """A set of one video, and of another that stays, each with crops and features that the program made."""
    layout = TrainingSetLayout(tmp_path / "set")
    (tmp_path / "out").mkdir()
    layout.videos.mkdir(parents=True)
    for name in ("gone", "stays"):
        video = layout.videos / f"{name}.mp4"
        video.write_text(name)
        clip = layout.crops / name / "000000"
        clip.mkdir(parents=True)
        for path in (clip / "000000.jpg", clip.parent / LANDMARKS, clip.parent / REPORT):
            path.write_text("made")
        Origin.of(layout.root, video).remember(clip.parent)
        feature = layout.features("mel") / f"{name}.npy"
        feature.parent.mkdir(exist_ok=True)
        np.save(feature, np.zeros((3, 80), np.float32))
        Origin.of(layout.root, video).remember(feature)
    return layout


def link(layout: TrainingSetLayout, raw: Path) -> Path:
    """Make the set's video a hard link to a raw one."""
    raw.parent.mkdir(exist_ok=True)
    placed = layout.videos / "gone.mp4"
    placed.rename(raw)
    placed.hardlink_to(raw)
    return placed


def test_a_clip_goes_with_all_that_was_made_of_it(layout, tmp_path):
    raw = tmp_path / "raw" / "gone.mp4"
    placed = link(layout, raw)
    withdraw("gone", raw, tmp_path / "out", layout.root)
    assert raw.read_text() == "gone" and not placed.exists()
    assert [path.stem for path in layout.crops.iterdir()] == ["stays"]
    assert [path.stem for path in layout.features("mel").iterdir()] == ["stays"]


@pytest.mark.parametrize("way", ["the set's video itself", "by a linked folder", "by a link to the set's video"])
def test_the_only_copy_of_a_raw_video_stays(layout, tmp_path, way):
    placed = layout.videos / "gone.mp4"
    raw = placed
    if way == "by a linked folder":
        (tmp_path / "raw").symlink_to(layout.videos, target_is_directory=True)
        raw = tmp_path / "raw" / "gone.mp4"
    elif way == "by a link to the set's video":
        raw = tmp_path / "another name.mp4"
        raw.symlink_to(placed)
    withdraw("gone", raw, tmp_path / "out", layout.root)
    assert placed.read_text() == "gone" and raw.read_text() == "gone"
    assert (layout.crops / "gone" / "000000" / "000000.jpg").exists()


def test_a_link_to_a_raw_video_goes_and_the_video_stays(layout, tmp_path):
    raw, placed = tmp_path / "raw.mp4", layout.videos / "gone.mp4"
    placed.rename(raw)
    placed.symlink_to(raw)
    withdraw("gone", raw, tmp_path / "out", layout.root)
    assert raw.read_text() == "gone" and not placed.is_symlink()


def test_what_is_the_users_stays(layout, tmp_path):
    raw = tmp_path / "raw" / "gone.mp4"
    link(layout, raw)
    notes = layout.crops / "gone" / "notes.txt"
    notes.write_text("mine")
    foreign = layout.features("deepspeech") / "gone.npy"
    foreign.parent.mkdir()
    foreign.write_text("mine")
    elsewhere = tmp_path / "a larger disk"
    features = layout.features("mel")
    features.rename(elsewhere)
    features.symlink_to(elsewhere, target_is_directory=True)
    withdraw("gone", raw, tmp_path / "out", layout.root)
    assert notes.read_text() == "mine" and foreign.read_text() == "mine"
    assert not (layout.crops / "gone" / "000000").exists()


def test_crops_behind_a_link_are_left_where_they_are(layout, tmp_path):
    raw = tmp_path / "raw" / "gone.mp4"
    link(layout, raw)
    crops, elsewhere = layout.crops / "gone", tmp_path / "a larger disk"
    crops.rename(elsewhere)
    crops.symlink_to(elsewhere, target_is_directory=True)
    withdraw("gone", raw, tmp_path / "out", layout.root)
    assert not crops.is_symlink() and (elsewhere / LANDMARKS).exists()
