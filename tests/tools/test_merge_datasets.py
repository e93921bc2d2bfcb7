"""tools/merge_datasets.py: the merged set gives the samples of its sources, which stay as they are."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from programs import run_program
from tiny_set import make_tiny_set, write_clip

from config.errors import InputError
from dataset.layout import TrainingSetLayout
from dataset.loader import make_loader
from dataset.manifest import Manifest, load_manifest
from dataset.sampler import GlobalBatchSampler
from dataset.samples import GeneratorSamples
from dataset.split import split
from dataset.video import Video
from tools.merge_datasets import merge

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "merge_datasets.py"


def run(*arguments: object, folder: Path | None = None) -> subprocess.CompletedProcess:
    return run_program(SCRIPT, *arguments, cwd=folder)


def state(*folders: Path) -> dict[str, tuple]:
    """Content and time of every file, links followed."""
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return {str(p): (hashlib.sha256(p.read_bytes()).hexdigest(), p.stat().st_mtime_ns) for p in files}


def drawn(videos: list[Video], manifest: Manifest) -> list[dict]:
    """Batches that training draws of these videos."""
    samples = GeneratorSamples(videos, 5, 64, 4, seed=1, silence=manifest.silence, silence_share=0.3)
    return list(make_loader(samples, GlobalBatchSampler(len(samples), 3, seed=2), num_workers=0, pin_memory=False))


def assert_same_samples(merged: Path, sources: dict[Path, dict[str, str]]) -> None:
    """Every source's samples are those of its videos in the merged set, which has no others."""
    whole = load_manifest(merged)
    by_name = {video.name: video for video in whole.videos}
    for path, names in sources.items():
        source = load_manifest(path)
        ours = drawn([by_name.pop(names[video.name]) for video in source.videos], whole)
        for batch, expected in zip(ours, drawn(source.videos, source), strict=True):
            assert batch.keys() == expected.keys()
            assert all(torch.equal(batch[key], expected[key]) for key in expected)
    assert not by_name


@pytest.fixture
def sets(tmp_path) -> tuple[Path, Path]:
    """Two sets whose videos share four names, and have different contents."""
    a, b = tmp_path / "a 'one'", tmp_path / "名\nb"
    make_tiny_set(a, videos=4)
    make_tiny_set(b, videos=6, clips=5, skip_clip=2)
    for path in b.glob("split_video_25fps_mel/*.npy"):
        np.save(path, -np.load(path))
    return a, b


NAMES = [f"video {number} [视频]" for number in range(6)]


def names_in(root: Path, count: int) -> dict[str, str]:
    return {name: f"{root.name}_{name}" if number < 4 else name for number, name in enumerate(NAMES[:count])}


def test_a_merged_set_gives_the_samples_of_its_sources_which_stay_as_they_are(sets, tmp_path):
    a, b = sets
    before = state(a, b)
    result = run(a, b, "--output", tmp_path / "m")
    assert result.returncode == 0 and "error" not in result.stderr, result.stderr
    merged = tmp_path / "m" / "training_json.json"
    assert_same_samples(merged, {a / merged.name: names_in(a, 4), b / merged.name: names_in(b, 6)})
    assert state(a, b) == before
    crop = next((tmp_path / "m").glob("split_video_25fps_crop_face/*/*/*.jpg"))
    assert crop.stat().st_nlink == 2 and np.array_equal(load_manifest(merged).silence, np.full(12, -3))


def test_the_order_of_the_sets_changes_nothing_and_what_is_there_is_kept(sets, tmp_path):
    a, b = sets
    merge([a, b], tmp_path / "m")
    whole = state(tmp_path / "m")
    again = run(b, a, "--output", tmp_path / "m")
    assert again.returncode == 0 and "0 files linked, training JSON up to date" in again.stdout
    assert state(tmp_path / "m") == whole
    merge([b, a], tmp_path / "n")
    for name in ("training_json.json", "merged_from.json"):
        assert (tmp_path / "m" / name).read_bytes() == (tmp_path / "n" / name).read_bytes()
    held_out = [video.name for video in split(load_manifest(tmp_path / "n" / "training_json.json"), 0.2).held_out]
    assert held_out == [sorted([*names_in(a, 4).values(), *names_in(b, 6).values()])[index] for index in (4, 9)]


def test_a_merge_that_was_killed_is_completed(sets, tmp_path):
    a, b = sets
    for number in range(40, 46):  # so many crops that the kill comes in the midst of them
        for clip in range(60):
            write_clip(TrainingSetLayout(b), f"unused {number}", clip, 1, np.ones(600))
    merge([a, b], tmp_path / "whole")
    cut = tmp_path / "cut"
    process = subprocess.Popen([sys.executable, SCRIPT, a, b, "--output", cut], stderr=subprocess.DEVNULL)
    while len(list(cut.glob("split_video_25fps_crop_face/*"))) < 5:
        assert process.poll() is None
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (cut / "training_json.json").exists()
    assert run(a, b, "--output", cut).returncode == 0
    content = {path.removeprefix(str(cut)): digest for path, (digest, _) in state(cut).items()}
    whole = tmp_path / "whole"
    expected = {path.removeprefix(str(whole)): digest for path, (digest, _) in state(whole).items()}
    assert {key for key in content.keys() ^ expected.keys() if ".made_from" not in key} == set()
    assert all(content[key] == expected[key] for key in expected)


def test_a_set_that_has_grown_is_merged_again(sets, tmp_path):
    a, b = sets
    (a / "training_json.json").rename(tmp_path / "whole.json")
    content = json.loads((tmp_path / "whole.json").read_text())
    last = content["videos"].pop(NAMES[3])
    (a / "training_json.json").write_text(json.dumps(content))
    merge([a, b], tmp_path / "m")
    assert len(load_manifest(tmp_path / "m" / "training_json.json").videos) == 9
    content["videos"][NAMES[3]] = last
    (a / "training_json.json").write_text(json.dumps(content))
    merge([a, b], tmp_path / "m")
    assert len(load_manifest(tmp_path / "m" / "training_json.json").videos) == 10


def test_folders_of_one_name_are_told_apart_and_a_video_in_both_is_named(tmp_path, capsys):
    for parent in ("x", "y"):
        make_tiny_set(tmp_path / parent / "data", videos=1)
    merge([tmp_path / "x" / "data", tmp_path / "y" / "data"], tmp_path / "m")
    assert "warning: 1 video(s) are in two sets" in capsys.readouterr().out
    names = [video.name for video in load_manifest(tmp_path / "m" / "training_json.json").videos]
    assert names == [f"x_data_{NAMES[0]}", f"y_data_{NAMES[0]}"]


def test_a_prefixed_name_that_another_video_has_stays_its_own(tmp_path):
    for name in ("a", "b"):
        make_tiny_set(tmp_path / name, videos=1)
    write_clip(TrainingSetLayout(tmp_path / "b"), f"a_{NAMES[0]}", 0, 0, np.ones(9))
    merge([tmp_path / "a", tmp_path / "b"], tmp_path / "m")
    names = [path.name for path in (tmp_path / "m" / "split_video_25fps_crop_face").iterdir()]
    assert sorted(names) == [f"a_{NAMES[0]}", f"a_{NAMES[0]}_", f"b_{NAMES[0]}"]


# Sets of the published code

BELOW = "asserts/training_data/split_video_25fps_crop_face"  # where the published JSON says that crops are


def publish(root: Path, as_tensors: bool, skip_clip: int = 1) -> None:
    """Turn a tiny set into one of the published code: text features, inline rows, pickled landmarks, foreign paths."""
    layout, rng, content, points = TrainingSetLayout(root), np.random.default_rng(5), {}, {}
    for folder in sorted(layout.crops.iterdir()):
        clips = []
        for clip in sorted(folder.iterdir()):
            paths = [f"./{BELOW}/{folder.name}/{clip.name}/{path.name}" for path in sorted(clip.iterdir())]
            points |= {path: rng.random((68, 2)).astype(np.float32) for path in paths}
            if int(clip.name) != skip_clip:
                clips.append({"frame_path_list": paths, "deep_speech_list": rng.random((9, 29)).tolist()})
        clips.append({"frame_path_list": paths[:3], "deep_speech_list": [[0.5] * 29] * 3})
        content[folder.name] = {"video_clip_num": len(clips), "clip_data_list": clips}
        text = layout.features("deepspeech") / f"{folder.name}_deepspeech.txt"
        text.parent.mkdir(exist_ok=True)
        np.savetxt(text, rng.random((40, 29)))
    layout.training_json.write_text(json.dumps(content))
    if as_tensors:
        points = {path: torch.tensor(value)[None] for path, value in points.items()}
    np.save(layout.crop_landmarks, points, allow_pickle=True)


def test_sets_of_the_published_code_give_their_samples_and_landmarks(tmp_path, monkeypatch):
    roots = [tmp_path / name / "training_data" for name in ("中文", "english")]
    for root, as_tensors in zip(roots, (True, False), strict=True):
        make_tiny_set(root, videos=2)
        publish(root, as_tensors)
    before = state(*roots)
    result = run(*roots, "--output", "m", folder=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "2 clips of other than nine frames left out" in result.stdout and state(*roots) == before
    merged = TrainingSetLayout(tmp_path / "m")
    manifest = load_manifest(merged.training_json)
    assert (manifest.audio_feature, manifest.audio_channel, manifest.crop) == ("deepspeech", 29, "legacy")
    assert manifest.clips_left_out == 0 and len(manifest.videos) == 4
    landmarks = {record["path"]: record["landmarks"] for record in np.load(merged.crop_landmarks)}
    ours = {video.name: video for video in manifest.videos}
    for root in roots:
        elsewhere = root.parent / "cwd" / "asserts"  # where the published paths are right
        elsewhere.mkdir(parents=True)
        (elsewhere / "training_data").symlink_to(root)
        monkeypatch.chdir(elsewhere.parent)
        source = load_manifest(root / "training_json.json")
        prefix = f"{root.parent.name}_training_data_"
        videos = [ours[f"{prefix}{video.name}"] for video in source.videos]
        for batch, expected in zip(drawn(videos, manifest), drawn(source.videos, source), strict=True):
            assert all(torch.equal(batch[key], expected[key]) for key in expected)
        points = np.load(root / "landmark_crop_dic.npy", allow_pickle=True).item()
        for path, value in points.items():
            key = path.removeprefix(f"./{BELOW}/")
            assert np.array_equal(landmarks.pop(f"{prefix}{key}"), np.asarray(value).reshape(68, 2))
        assert (merged.features("deepspeech") / f"{prefix}{NAMES[0]}_deepspeech.txt").is_file()
    assert not landmarks


class Runs:
    def __init__(self, flag: Path):
        self.flag = flag

    def __reduce__(self):
        return os.system, (f"touch '{self.flag}'",)


def test_a_pickle_that_would_execute_something_does_not(sets, tmp_path):
    a, b = sets
    flag = tmp_path / "executed"
    np.save(b / "landmark_crop_dic.npy", {"a": Runs(flag)}, allow_pickle=True)
    result = run(a, b, "--output", tmp_path / "m")
    lines = [line for line in result.stderr.splitlines() if line and "part/s]" not in line]
    assert result.returncode == 2 and len(lines) == 1 and lines[0].startswith("error: ")
    assert str(b / "landmark_crop_dic.npy").replace("\n", " ") in lines[0] and "posix.system" in lines[0]
    assert not flag.exists()


# Bad input


def refusal(folders: list[Path], output: Path) -> str:
    with pytest.raises(InputError) as refused:
        merge(folders, output)
    assert len(str(refused.value).splitlines()) == 1
    return str(refused.value)


def header(**changes):
    return lambda content: content.update(changes)


def in_video(**changes):
    return lambda content: content["videos"][NAMES[0]].update(changes)


def last_crop(path: str):
    return lambda content: content["videos"][NAMES[0]]["clip_data_list"][1]["frame_path_list"].__setitem__(8, path)


BAD = {
    "another feature": (header(audio_feature="hf:hubert"), "audio feature hf:hubert instead of mel"),
    "another crop": (header(crop="legacy"), "crop legacy instead of aligned"),
    "another model": (header(silence=[5.0] * 12), "row of silence"),
    "no silence, more values": (header(audio_channel=13, silence=[0.0] * 13), "12 audio values a row, expected 13"),
    "no videos": (header(videos={}), "holds no clips"),
    "no audio": (in_video(audio_feature_path="split_video_25fps_mel/none.npy"), "none.npy is missing"),
    "a crop elsewhere": (last_crop("../a/x.jpg"), "../a/x.jpg is not one of its files"),
    "a crop of another video": (last_crop(f"split_video_25fps_crop_face/{NAMES[1]}/000000/000000.jpg"), "its files"),
    "a crop that is not there": (
        last_crop(f"split_video_25fps_crop_face/{NAMES[0]}/000001/000099.jpg"),
        "000099.jpg is missing",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_set_that_does_not_go_with_the_other_is_refused(tmp_path, name):
    change, said = BAD[name]
    a, b = tmp_path / "a", tmp_path / "b"
    make_tiny_set(a, videos=2)
    path = make_tiny_set(b, videos=2)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    before = state(a, b)
    line = refusal([a, b], tmp_path / "m")
    assert said in line and str(b if "instead" in said or "silence" in said else tmp_path) in line
    assert state(a, b) == before and not (tmp_path / "m" / path.name).exists()


def test_a_set_of_other_length_of_feature_is_refused(tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    make_tiny_set(a, videos=1)
    path = make_tiny_set(b, videos=1)
    for file in b.glob("split_video_25fps_mel/*.npy"):
        np.save(file, np.load(file)[:, :9])
    content = json.loads(path.read_text())
    content.update(audio_channel=9, silence=[0.0] * 9)
    path.write_text(json.dumps(content))
    assert f"{path} has values a row 9 instead of 12, unlike {a / path.name}" in refusal([a, b], tmp_path / "m")


def test_what_is_no_set_is_refused_before_anything_is_made(tmp_path, monkeypatch):
    for root in ("a", "b", "broken"):
        make_tiny_set(tmp_path / root, videos=2)
    (tmp_path / "broken" / "training_json.json").write_text('{"format": ')
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    monkeypatch.chdir(tmp_path)
    before = state(tmp_path)
    for folders, output, said in (
        (["a", "missing"], "m", "missing: no such folder"),
        (["a", "file"], "m", "file: no such folder"),
        (["a", "empty"], "m", "empty/training_json.json: no such file"),
        (["a", "broken"], "m", "broken/training_json.json: not JSON"),
        (["a", "./a"], "m", "given twice"),
        (["a", "link"], "m", "given twice"),
        (["a", "b"], "a/m", "--output: a/m lies in a"),
        (["a", "b"], "link/m", "--output: link/m lies in a"),
        (["a", "b"], "b", "--output: b lies in b"),
        (["a", "b"], "file", "--output: "),
        (["a", "b"], "mine", "no merge made"),
        (["a", "b"], "n" * 300, "--output: "),
    ):
        assert said in refusal([Path(folder) for folder in folders], Path(output))
        assert state(tmp_path) == before and not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    "arguments, said", [([], "SET"), (["a"], "only one"), (["a", "b"], "--output"), (["a", ""], "SET")]
)
def test_a_wrong_command_line_is_one_line_and_status_2(tmp_path, arguments, said):
    result = run(*arguments, folder=tmp_path)
    assert result.returncode == 2 and result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
    assert said in result.stderr and not list(tmp_path.iterdir())


def test_a_folder_of_another_merge_and_another_file_in_the_way_are_refused(tmp_path):
    a, b, c, m = (tmp_path / name for name in "abcm")
    for root in (a, b, c):
        make_tiny_set(root, videos=1)
    merge([a, b], m)
    line = refusal([a, c], m)
    assert "merge of other sets" in line and "of b" in line
    crop = next(m.glob("split_video_25fps_crop_face/*/*/*.jpg"))
    crop.unlink()
    crop.write_bytes(b"mine")
    assert f"{crop} is another file" in refusal([a, b], m)
    assert crop.read_bytes() == b"mine"
    (m / "merged_from.json").write_text("{")
    assert "merged_from.json is damaged" in refusal([a, b], m)


@pytest.mark.parametrize("content", [{"a/b.jpg": np.zeros((68, 2))}, {"v/0/1.jpg": np.zeros((68, 3))}, {5: 6}])
def test_other_landmarks_than_expected_are_refused(tmp_path, content):
    for root in ("a", "b"):
        make_tiny_set(tmp_path / root, videos=1)
    np.save(tmp_path / "b" / "landmark_crop_dic.npy", content, allow_pickle=True)
    assert "b/landmark_crop_dic.npy" in refusal([tmp_path / "a", tmp_path / "b"], tmp_path / "m")


def test_a_name_that_is_not_text_is_refused(tmp_path):
    for root in ("a", "b"):
        make_tiny_set(tmp_path / root, videos=1)
    (tmp_path / "b" / "split_video_25fps").mkdir()
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/b/split_video_25fps/\xff.mp4")).touch()
    assert "not UTF-8" in refusal([tmp_path / "a", tmp_path / "b"], tmp_path / "m")


def test_a_prefix_that_is_not_text_is_refused(tmp_path):
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    make_tiny_set(tmp_path / "a", videos=1)
    make_tiny_set(odd, videos=1)
    result = run(tmp_path / "a", os.fsencode(odd).decode(errors="surrogateescape"), "--output", tmp_path / "m")
    assert result.returncode == 2 and "rename" in result.stderr and "Traceback" not in result.stderr
