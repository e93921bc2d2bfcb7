"""What evaluate.py is pointed at: pairs by name, outputs that would replace inputs, videos that cannot be scored."""

import json
import os
from pathlib import Path

import pytest
import torch
from programs import run_program
from talking_photo import write_video

from config.config import EvaluateOptions
from config.errors import InputError
from evaluation.paths import check_paths, paired_paths
from evaluation.perceptual import WEIGHTS, make_meters, weights_path
from evaluation.scoring import evaluate

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Path:
    return write_video(tmp_path_factory.mktemp("video") / "face.mp4", 6)


@pytest.fixture
def folders(video, tmp_path) -> tuple[Path, Path]:
    """Two folders, each with a.mp4 and b.mp4."""
    made = tmp_path / "ours", tmp_path / "theirs"
    for folder in made:
        folder.mkdir()
        for name in "ab":
            (folder / f"{name}.mp4").write_bytes(video.read_bytes())
    return made


def options(generated: object, reference: object, **others: object) -> EvaluateOptions:
    return EvaluateOptions(str(generated), str(reference), **{name: str(value) for name, value in others.items()})


def test_hidden_files_and_what_is_no_video_are_passed_over(folders):
    ours, theirs = folders
    for name in (".hidden.mp4", ".partial-host-1-x.mp4", "notes.txt", "cover.png"):
        (ours / name).write_bytes(b"x")
    (ours / "c.mp4").mkdir()
    expected = {name: (ours / f"{name}.mp4", theirs / f"{name}.mp4", None) for name in "ab"}
    assert paired_paths(options(ours, theirs)) == expected
    sources = {name: (*both[:2], theirs / f"{name}.mp4") for name, both in expected.items()}
    assert paired_paths(options(ours, theirs, source=theirs)) == sources
    alone = {name: (both[0], None, both[1]) for name, both in expected.items()}
    assert paired_paths(options(ours, "", source=theirs)) == alone


def refusal(chosen: EvaluateOptions) -> str:
    with pytest.raises(InputError) as caught:
        check_paths(chosen, paired_paths(chosen))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_pairs_that_are_none_name_the_flag(folders, video, tmp_path):
    ours, theirs = folders
    (tmp_path / "empty").mkdir()
    cases = {
        "--generated is not set": options("", theirs),
        "--reference is not set": options(ours, ""),
        "--generated absent.mp4: no such file": options("absent.mp4", video),
        "--reference absent: no such file": options(ours, "absent"),
        "--generated is a folder, but --reference is not": options(ours, video),
        "--reference is a folder, but --generated is not": options(video, theirs),
        f"--generated {tmp_path}/empty holds no video": options(tmp_path / "empty", theirs),
        "--generated is a folder, but --source is not": options(ours, theirs, source=video),
        "--source absent.mp4: no such file": options(video, video, source="absent.mp4"),
        "--reference is not set; see": options(video, "", source=video, metrics="leak,image"),
    }
    for part, chosen in cases.items():
        assert refusal(chosen).startswith(part)
    (theirs / "b.mp4").unlink()
    assert f"--reference {theirs} holds no video named b" in refusal(options(ours, theirs))


@pytest.mark.parametrize("side", [0, 1])
def test_two_videos_of_one_name_are_refused(folders, side):
    (folders[side] / "a.mkv").write_bytes(b"x")
    assert f"{folders[side]}: a.mkv and a.mp4 have one name" in refusal(options(*folders))


@pytest.mark.parametrize("name", ["syncnet", "identity_weights", "face_landmarker_model", "deepspeech_model_path"])
def test_scores_never_replace_an_input(video, tmp_path, name):
    given = tmp_path / "given.json"
    given.write_bytes(b"the user's")
    (tmp_path / "link.json").symlink_to(given)
    for path in (given, tmp_path / "link.json"):
        assert f"is --{name} itself" in refusal(options(video, video, json=path, **{name: given}))
    assert given.read_bytes() == b"the user's"


def test_neither_scores_nor_pictures_replace_a_video(folders, video, tmp_path):
    ours, theirs = folders
    assert refusal(options(video, video, json=video)).startswith(f"--json: {video} is --generated {video} itself")
    assert "is --reference" in refusal(options(ours, theirs, json=theirs / "b.mp4"))
    assert "is --source " in refusal(options(video, video, json=ours / "a.mp4", source=ours / "a.mp4"))
    single = tmp_path / "lip_opening.png"  # a name does not make a video
    single.write_bytes(video.read_bytes())
    assert refusal(options(single, video, pictures=tmp_path)).startswith(f"--pictures: {single} is --generated")
    (tmp_path / "out" / "b").mkdir(parents=True)
    (tmp_path / "out" / "b" / "sync.png").symlink_to(theirs / "b.mp4")
    assert "is --reference" in refusal(options(ours, theirs, pictures=tmp_path / "out"))


def test_places_that_cannot_be_written_are_refused_before_the_work(folders, video, tmp_path):
    (tmp_path / "folder").mkdir()
    long = "x" * 300
    assert "--json: " in (line := refusal(options(video, video, json=tmp_path / "folder"))) and "is a folder" in line
    assert "is not a folder" in refusal(options(video, video, pictures=video))
    assert "is not a folder" in refusal(options(*folders, json=video / "scores.json"))
    assert "longer than 255 bytes" in refusal(options(video, video, json=tmp_path / long))
    assert refusal(options(video, video, pictures=tmp_path / long)).startswith("--pictures: ")
    if os.path.isdir("/proc/self"):
        assert refusal(options(video, video, json="/proc/self/scores.json")).startswith("--json: ")


def test_a_damaged_video_costs_itself_and_the_status_says_so(folders, tmp_path):
    ours, theirs = folders
    (ours / "a.mp4").write_bytes((ours / "a.mp4").read_bytes()[:-2000])
    flags = ["--generated", ours, "--reference", theirs, "--metrics", "landmarks", "--json", tmp_path / "scores.json"]
    ended = run_program("evaluate.py", *flags)
    assert ended.returncode == 1, ended.stderr
    (line,) = [line for line in ended.stderr.splitlines() if "FAILED" in line]
    assert line.startswith("a: FAILED") and str(ours / "a.mp4") in line
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert list(scores["videos"]) == ["b"] and list(scores["failed"]) == ["a"] and scores["mean"]["lmd"] == 0
    assert scores["mean"]["frames"] == 6


def test_a_single_damaged_pair_and_nothing_but_damaged_pairs_end_the_run(folders):
    ours, theirs = folders
    for name in "ab":
        (ours / f"{name}.mp4").write_bytes(b"junk")
    with pytest.raises(InputError, match=f"^{ours}/a.mp4 "):
        evaluate(options(ours / "a.mp4", theirs / "a.mp4", metrics="landmarks"))
    with pytest.raises(InputError, match=f"^none of the 2 pairs can be scored; the first: {ours}/a.mp4 "):
        evaluate(options(ours, theirs, metrics="landmarks"))


@pytest.mark.parametrize("metric", WEIGHTS)
def test_damaged_weights_of_a_metric_are_one_line(metric, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    weights_path(metric).parent.mkdir()
    weights_path(metric).write_bytes(b"junk")
    with pytest.raises(InputError) as caught:
        make_meters([metric])
    assert str(caught.value).startswith(f"--metrics: {metric} cannot use {weights_path(metric)} (")
    assert "\n" not in str(caught.value)
