"""One server for all tests of this folder that need a whole one, and what is sent to it."""

import json

import cv2
import numpy as np
import pytest
from talking_photo import tiny_spec, write_checkpoint, write_speech, write_video

from benchmarks.app_process import AppProcess
from preprocessing.footage.page import write_report
from preprocessing.footage.report import VideoReport


@pytest.fixture(scope="session")
def sent(tmp_path_factory):
    """A folder of good and bad files."""
    folder = tmp_path_factory.mktemp("sent")
    write_checkpoint(folder, tiny_spec()).rename(folder / "tiny.pth")
    write_video(folder / "脸 1.mp4", 12)
    write_video(folder / "blank.mp4", 6, faceless=tuple(range(6)))
    write_speech(folder / "short.wav", 0.4)
    write_speech(folder / "middle.wav", 8)
    write_speech(folder / "long.wav", 30)
    write_speech(folder / "too_long.wav", 61)
    return folder


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """A folder of two stages of a run, the second one with a picture and a video as training draws them."""
    root = tmp_path_factory.mktemp("runs")
    for stage, steps in (("frame_64", 3), ("clip_64", 2)):
        folder = root / "first run" / stage
        (folder / "samples").mkdir(parents=True)
        rows = [{"step": 10 * k, "mouth": 1 / (k + 1), "val/mouth_psnr": 20.0 + k} for k in range(steps)]
        (folder / "metrics.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        (folder / "options.json").write_text(json.dumps({"stage": stage, "lr_g": 0.1}))
    cv2.imwrite(str(folder / "samples" / "held_out_00000010.png"), np.full((64, 96, 3), 90, np.uint8))
    film = cv2.VideoWriter(
        str(folder / "samples" / "held_out_00000010.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 25, (96, 64)
    )
    for _ in range(5):
        film.write(np.full((64, 96, 3), 160, np.uint8))
    film.release()
    return root


@pytest.fixture(scope="session")
def report(tmp_path_factory):
    """A folder that make_dataset.py might have made."""
    folder = tmp_path_factory.mktemp("data")
    write_report(
        folder, [VideoReport("first.mp4", 60.0, 25.0, "left out", "no face was found")], {}, lambda name: None, []
    )
    return folder


@pytest.fixture(scope="session")
def server(sent, runs, report, tmp_path_factory):
    state = tmp_path_factory.mktemp("state")
    flags = {"media_root": sent, "avatars": state / "avatars", "max_seconds": 60}
    flags |= {"runs_folder": runs, "data_folder": report}
    with AppProcess(device="cpu", checkpoint=sent / "tiny.pth", state_folder=state / "app", **flags) as running:
        yield running
