"""evaluate.py: perfect scores for identical videos, worse ones for a wrong mouth, clear errors."""

import json
import subprocess
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import pytest
from programs import run_program

from media.video import VideoWriter, probe, read_frames
from models.loading import NetworkSpec
from sample_speaker.speech import Voice
from sample_speaker.videos import make_speaker_videos
from training.checkpoints import save_checkpoint

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: object) -> subprocess.CompletedProcess:
    return run_program("evaluate.py", *arguments)


def rewrite(source: Path, target: Path, frames) -> Path:
    info = probe(source)
    with VideoWriter(target, info.width, info.height, info.fps, audio_path=source, crf=10) as writer:
        for frame in frames:
            writer.write(frame)
    return target


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> dict[str, Path]:
    """The true video, the same face saying something else, and the truth with a mouth that never moves."""
    folder = tmp_path_factory.mktemp("videos")
    voice = [Voice("en-us+f1", 160, 50)]
    truth = make_speaker_videos(folder / "truth", [["Bob may map a far farm."]], voice, size=256)[0]
    other = make_speaker_videos(folder / "other", [["Oh why do we always go away so soon?"]], voice, size=256)[0]
    frames = list(read_frames(other))
    count = probe(truth).num_frames
    other = rewrite(truth, folder / "other.mp4", (frames * 2)[:count])
    frozen = rewrite(truth, folder / "frozen.mp4", list(read_frames(truth, stop=1)) * count)
    return {"truth": truth, "other": other, "frozen": frozen}


def scores(generated: Path, reference: Path, folder: Path) -> dict[str, float]:
    result = run("--generated", generated, "--reference", reference, "--json", folder / "scores.json")
    assert result.returncode == 0, result.stderr
    return json.loads((folder / "scores.json").read_text())["mean"]


def test_identical_videos_score_perfectly_and_a_wrong_mouth_does_not(videos, tmp_path):
    same = scores(videos["truth"], videos["truth"], tmp_path)
    assert same["mouth_psnr"] == 100 and same["lmd"] == 0
    assert same["mouth_ssim"] == pytest.approx(1, abs=1e-5) and same["lip_correlation"] == pytest.approx(1)
    assert same["mouth_motion"] == pytest.approx(1) and same["lip_lag"] == 0
    for ratio in ("texture_ratio", "open_area_ratio", "opening_gain", "jitter"):
        assert same[ratio] == pytest.approx(1)
    assert same["closed_in_silence"] == same["closed_in_silence_true"] > 0.9
    assert same["frames"] == probe(videos["truth"]).num_frames
    soft = (cv2.GaussianBlur(frame, (0, 0), 1.5) for frame in read_frames(videos["truth"]))
    soft = scores(rewrite(videos["truth"], tmp_path / "soft.mp4", soft), videos["truth"], tmp_path)
    assert soft["texture_ratio"] < 0.6 and soft["opening_gain"] > 0.7  # landmarks see blurred lips open less
    wrong = scores(videos["other"], videos["truth"], tmp_path)
    assert wrong["opening_gain"] < 0.6
    assert wrong["mouth_psnr"] < 35 and wrong["lmd"] > 2 and wrong["lip_correlation"] < 0.6
    frozen = scores(videos["frozen"], videos["truth"], tmp_path)
    assert abs(frozen["lip_correlation"]) < 0.3 and frozen["mouth_motion"] < 0.5  # the head still moves
    assert abs(frozen["opening_gain"]) < 0.1


def test_folders_are_scored_video_by_video_and_together(videos, tmp_path):
    for side, sources in (("ours", ("truth", "other")), ("theirs", ("truth", "truth"))):
        (tmp_path / side).mkdir()
        for name, source in zip(("a", "b"), sources, strict=True):
            (tmp_path / side / f"{name}.mp4").symlink_to(videos[source])
    common = ["--generated", tmp_path / "ours", "--reference", tmp_path / "theirs", "--metrics", "landmarks"]
    result = run(*common, "--json", tmp_path / "scores.json", "--pictures", tmp_path / "pictures")
    assert result.returncode == 0, result.stderr
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["videos"]["a"]["lmd"] == 0 < scores["videos"]["b"]["lmd"] == pytest.approx(2 * scores["mean"]["lmd"])
    assert {"contact_sheet.png", "lip_opening.png"} == {p.name for p in (tmp_path / "pictures" / "b").iterdir()}
    assert "mouth_psnr" not in scores["mean"]
    (tmp_path / "theirs" / "b.mp4").unlink()
    assert "no video named b" in run(*common).stderr


def test_a_syncnet_gives_sync_scores_and_a_plot(videos, tmp_path):
    spec = NetworkSpec("syncnet", {"in_channel_image": 15, "in_channel_audio": 80}, "mel", "aligned", "box", 64)
    weights = save_checkpoint(
        tmp_path, 1, {"spec": asdict(spec), "state_dict": {"syncnet": spec.build().state_dict()}}, 1
    )
    pair = ["--generated", videos["truth"], "--reference", videos["truth"], "--metrics", "sync", "--syncnet", weights]
    result = run(*pair, "--json", tmp_path / "scores.json", "--pictures", tmp_path)
    assert result.returncode == 0, result.stderr
    scores = json.loads((tmp_path / "scores.json").read_text())["mean"]
    assert scores["lse_c"] >= 0 and abs(scores["sync_offset"]) <= 15
    assert cv2.imread(str(tmp_path / "sync.png")).shape[1] > 300


def test_contact_sheet_has_a_row_a_video_of_equal_faces(videos, tmp_path):
    folder = tmp_path / "图"
    pair = ["--generated", videos["truth"], "--reference", videos["truth"], "--source", videos["other"]]
    assert run(*pair, "--pictures", folder).returncode == 0
    picture = cv2.imdecode(np.fromfile(folder / "contact_sheet.png", np.uint8), 1)
    assert picture.shape == (3 * (416 + 34), 8 * 320, 3)
    source, generated, true = (picture[i * 450 + 34 : (i + 1) * 450].astype(int) for i in range(3))
    assert (generated == true).all() and np.abs(source - true).mean() > 1


@pytest.mark.parametrize(
    "metrics, message",
    [("image,beauty", "'beauty' is not known"), ("sync", "--syncnet"), ("lpips", "alexnet")],
)
def test_a_metric_that_cannot_be_had_says_what_it_needs(videos, tmp_path, monkeypatch, metrics, message):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    result = run("--generated", videos["truth"], "--reference", videos["truth"], "--metrics", metrics)
    assert result.returncode == 2 and message in result.stderr and len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "generated, reference, message",
    [("truth", "", "--reference"), ("nowhere.mp4", "truth", "nowhere.mp4"), ("short", "truth", "num_frames")],
)
def test_bad_input_is_one_line_and_status_2(videos, tmp_path, generated, reference, message):
    short = rewrite(videos["truth"], tmp_path / "short.mp4", read_frames(videos["truth"], stop=12))
    paths = {**videos, "short": short}
    result = run("--generated", paths.get(generated, generated), "--reference", paths.get(reference, reference))
    assert result.returncode == 2 and message in result.stderr and len(result.stderr.strip().splitlines()) == 1
