"""evaluate.py: perfect scores for identical videos, worse ones for a wrong mouth, clear errors."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from media.video import VideoWriter, probe, read_frames
from tools.sample_speaker import make_speaker_videos
from tools.speech import Voice

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "evaluate.py", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


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
    return json.loads((folder / "scores.json").read_text())


def test_identical_videos_score_perfectly_and_a_wrong_mouth_does_not(videos, tmp_path):
    same = scores(videos["truth"], videos["truth"], tmp_path)
    assert same["mouth_psnr"] == 100 and same["lmd"] == 0
    assert same["mouth_ssim"] == pytest.approx(1, abs=1e-5) and same["lip_correlation"] == pytest.approx(1)
    assert same["frames"] == probe(videos["truth"]).num_frames
    wrong = scores(videos["other"], videos["truth"], tmp_path)
    assert wrong["mouth_psnr"] < 35 and wrong["lmd"] > 2 and wrong["lip_correlation"] < 0.6
    frozen = scores(videos["frozen"], videos["truth"], tmp_path)
    assert abs(frozen["lip_correlation"]) < 0.3


def test_contact_sheet_has_a_row_a_video_of_equal_faces(videos, tmp_path):
    sheet = tmp_path / "sheet 图.png"
    pair = ["--generated", videos["truth"], "--reference", videos["truth"], "--source", videos["other"]]
    assert run(*pair, "--contact_sheet", sheet).returncode == 0
    picture = cv2.imdecode(np.fromfile(sheet, np.uint8), 1)
    assert picture.shape == (3 * (416 + 34), 8 * 320, 3)
    source, generated, true = (picture[i * 450 + 34 : (i + 1) * 450].astype(int) for i in range(3))
    assert (generated == true).all() and np.abs(source - true).mean() > 1


@pytest.mark.parametrize(
    "generated, reference, message",
    [("truth", "", "--reference"), ("nowhere.mp4", "truth", "nowhere.mp4"), ("short", "truth", "num_frames")],
)
def test_bad_input_is_one_line_and_status_2(videos, tmp_path, generated, reference, message):
    short = rewrite(videos["truth"], tmp_path / "short.mp4", read_frames(videos["truth"], stop=12))
    paths = {**videos, "short": short}
    result = run("--generated", paths.get(generated, generated), "--reference", paths.get(reference, reference))
    assert result.returncode == 2 and message in result.stderr and len(result.stderr.strip().splitlines()) == 1
