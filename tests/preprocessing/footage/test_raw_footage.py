"""make_dataset.py as a user runs it on raw footage: cuts, two people, other settings, a run that is killed."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from programs import run_program

from face.openface_csv import read_openface_csv
from media.audio import read_audio
from media.video import VideoWriter, probe, read_frames
from sample_speaker.footage import Take, cut_together, side_by_side, takes, write_take

ROOT = Path(__file__).resolve().parents[3]
SIZE, SEED = 256, 90
SHOTS = (60, 57, 70)  # frames


def command(root: Path, *flags: object, out: str = "out") -> list[str]:
    given = ["--root_folder", root / "raw", "--output_folder", root / out, "--training_data_path", root / f"{out}_set"]
    return [sys.executable, str(ROOT / "make_dataset.py"), *map(str, [*given, "--num_workers", 1, *flags])]


def run(root: Path, *flags: object, out: str = "out") -> dict[str, dict]:
    """The report by the name of the video."""
    result = run_program(*command(root, *flags, out=out)[1:])
    assert result.returncode in (0, 1) and "Traceback" not in result.stderr, result.stderr
    report = json.loads((root / out / "report.json").read_text(encoding="utf-8"))
    return {Path(video["path"]).stem: video for video in report["videos"]}


def files(folder: Path, *suffixes: str) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file() and (not suffixes or path.suffix in suffixes))
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def kept(video: dict) -> list[dict]:
    return [clip for clip in video["clips"] if clip["kept"]]


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("raw footage")
    (root / "raw").mkdir()
    shots = takes(3, 2.5, SIZE, SEED)
    parts = [take.part(0, length) for take, length in zip(shots, SHOTS, strict=True)]
    write_take(root / "raw" / "shots.mp4", cut_together(parts))
    write_take(root / "raw" / "whole.mp4", shots[0])
    (left,) = takes(1, 2.5, SIZE, SEED + 1, [-4.0])
    (right,) = takes(1, 2.5, SIZE, SEED + 2, [4.0])
    write_take(root / "raw" / "turns.mp4", side_by_side(left, right, "both"))
    return root


@pytest.fixture(scope="module")
def made(root) -> dict[str, dict]:
    return run(root)


def test_no_clip_spans_a_cut_and_every_shot_is_used(made):
    spans = [(round(25 * clip["start"]), round(25 * clip["end"])) for clip in made["shots"]["clips"]]
    borders = np.cumsum((0, *SHOTS))
    assert [(low, high) for low, high in spans] == list(zip(borders[:-1], borders[1:], strict=True))
    assert all(clip["kept"] for clip in made["shots"]["clips"])


def test_clips_show_and_say_what_the_raw_file_does_then(root, made):
    raw = root / "raw" / "shots.mp4"
    frames, wave = list(read_frames(raw)), read_audio(raw)
    for clip in kept(made["shots"]):
        path = root / "out" / f"{clip['name']}.mp4"
        start, stop = round(25 * clip["start"]), round(25 * clip["end"])
        shown = list(read_frames(path))
        assert len(shown) == stop - start == len(read_openface_csv(path.with_suffix(".csv")).success)
        assert all(np.abs(a.astype(int) - b).mean() < 3 for a, b in zip(shown, frames[start:stop], strict=True))
        sound, expected = read_audio(path)[: 640 * (stop - start)], wave[640 * start : 640 * stop]
        inner = slice(3200, -3200)  # the ends of a compressed track differ
        assert np.corrcoef(sound[inner], expected[: len(sound)][inner])[0, 1] > 0.98
        placed = root / "out_set" / "split_video_25fps" / path.name
        assert placed.samefile(path)


def test_of_two_people_each_is_used_where_it_speaks(root, made):
    clips = sorted(kept(made["turns"]), key=lambda clip: clip["start"])
    assert len(clips) == 2 and clips[0]["end"] < 5.5 and clips[1]["start"] > 3.0, made["turns"]
    columns = [read_openface_csv(root / "out" / f"{clip['name']}.csv").landmarks[..., 0].mean() for clip in clips]
    assert columns[0] < SIZE < columns[1]
    left_out = [clip for clip in made["turns"]["clips"] if not clip["kept"]]
    assert left_out and all(clip["reasons"] for clip in left_out)


def test_a_video_that_needs_no_change_stays_where_it_is(root, made):
    (clip,) = made["whole"]["clips"]
    assert clip["name"] == "whole" and clip["kept"] and clip["start"] == 0
    assert (root / "out_set" / "split_video_25fps" / "whole.mp4").samefile(root / "raw" / "whole.mp4")
    assert not (root / "out" / "whole.mp4").exists()


def test_a_second_run_makes_nothing_anew(root, made):
    before = files(root / "out")
    assert run(root) == made
    assert files(root / "out") == before


def test_other_limits_take_clips_away_without_a_new_look(root, made):
    shutil.copytree(root / "out", root / "limits", symlinks=True)
    shutil.copytree(root / "out_set", root / "limits_set", symlinks=True)
    looked_at = {path: path.stat().st_mtime_ns for path in (root / "limits" / ".analysis").rglob("*")}
    report = run(root, "--min_seconds", 2.35, out="limits")
    assert [clip["kept"] for clip in report["shots"]["clips"]] == [True, False, True]
    (reason,) = report["shots"]["clips"][1]["reasons"]
    assert "2.28" in reason and "2.35" in reason
    for folder in (root / "limits", root / "limits_set"):
        names = {path.stem for path in folder.rglob("shots_*.*") if ".made_from" not in path.parts}
        assert names == {"shots_000", "shots_002"}
    assert {path: path.stat().st_mtime_ns for path in (root / "limits" / ".analysis").rglob("*")} == looked_at
    run(root, out="limits")
    assert files(root / "limits", ".mp4", ".csv").keys() == files(root / "out", ".mp4", ".csv").keys()


def test_dry_run_reports_the_same_and_writes_no_clip(root, made):
    assert run(root, "--dry_run", out="dry") == made
    assert not [path for path in (root / "dry").iterdir() if path.suffix in (".mp4",) or path.name.startswith("shots")]
    assert not (root / "dry_set").exists()


def test_keep_all_keeps_what_should_be_left_out_and_says_so(root, made):
    report = run(root, "--keep_all", out="all")
    for name, video in report.items():
        assert all(clip["kept"] for clip in video["clips"])
        assert [clip["reasons"] for clip in video["clips"]] == [clip["reasons"] for clip in made[name]["clips"]]
    assert len(list((root / "all").glob("turns_*.mp4"))) == len(report["turns"]["clips"])


def test_a_run_that_was_killed_goes_on_to_the_same_files(root, made):
    for seconds in (6, 9):
        process = subprocess.Popen(command(root, out="killed"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
    run(root, out="killed")
    assert files(root / "killed") == files(root / "out")
    assert files(root / "killed_set") == files(root / "out_set")


def test_sound_is_moved_by_whole_frames(tmp_path):
    """What VideoWriter is told of a clip whose sound comes 3 frames late puts it in step."""
    (take,) = takes(1, 2.0, SIZE, SEED)
    write_take(tmp_path / "late.mp4", take, sound_late=3)
    info = probe(tmp_path / "late.mp4")
    with VideoWriter(tmp_path / "right.mp4", SIZE, SIZE, 25, info.path, audio_start=3 / 25) as writer:
        for frame in read_frames(info.path):
            writer.write(frame)
    length = len(take.wave) - 3200
    assert np.corrcoef(read_audio(tmp_path / "right.mp4")[1600:length], take.wave[1600:length])[0, 1] > 0.95


def test_a_take_knows_its_part():
    take = Take(np.zeros((10, 2, 2, 3), np.uint8), np.arange(6400, dtype=np.float32))
    assert take.part(2, 5).wave[0] == 1280 and len(take.part(2, 5).frames) == 3
