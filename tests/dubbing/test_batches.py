"""inference.py --jobs: three formats, a bad job among good ones, what is kept, and what is refused before any work."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from talking_photo import tiny_spec, write_checkpoint, write_speech, write_video

import inference
from config.config import InferenceOptions
from config.errors import InputError, run_script
from dubbing import renderer
from dubbing.job_file import read_jobs
from dubbing.jobs import run_jobs
from media.video import probe

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    write_video(folder / "脸 1.mp4", 12)
    write_speech(folder / "short.wav", 0.2)
    write_speech(folder / "long.wav", 0.4)
    write_checkpoint(folder, tiny_spec()).rename(folder / "tiny.pth")
    (folder / "junk.wav").write_bytes(bytes(range(256)) * 20)
    return folder


@pytest.fixture
def place(inputs, tmp_path):
    """A folder with the inputs, in which jobs and results go."""
    shutil.copytree(inputs, tmp_path / "work")
    return tmp_path / "work"


@pytest.fixture(scope="module")
def common(tmp_path_factory):
    """What the command line says; a checkpoint is to be added."""
    return InferenceOptions(cache_folder=str(tmp_path_factory.mktemp("cache")), device="cpu", preset="ultrafast")


def job(output: str, speech: str = "short.wav", **more: object) -> dict:
    return {"video": "脸 1.mp4", "speech": speech, "output": output, **more}


def write_jobs(place: Path, *jobs: dict) -> Path:
    path = place / "jobs.jsonl"
    path.write_text("".join(f"{json.dumps(job)}\n" for job in jobs), encoding="utf-8")
    return path


def run(place: Path, common: InferenceOptions, *jobs: dict) -> int:
    checkpoint = str(place / "tiny.pth")
    return run_jobs(replace(common, jobs=str(write_jobs(place, *jobs)), pretrained_clip_DINet_path=checkpoint))


def contents(place: Path) -> dict[str, tuple[int, int]]:
    """Every file of a folder, hidden ones too, and when which was written."""
    return {path.name: (path.stat().st_mtime_ns, path.stat().st_ino) for path in place.iterdir()}


YAML = """
- video: 脸 1.mp4  # a comment
  speech: short.wav
  output: a.mp4
- source_video_path: 脸 1.mp4
  driving_audio_path: /elsewhere/long.wav
  output: results/b.mp4
  crf: 30
  lip_strength: 1
  reference_frames: 1,2,3,4,5
"""
JSON = """
{"video": "脸 1.mp4", "speech": "short.wav", "output": "a.mp4"}

{"video": "脸 1.mp4", "speech": "/elsewhere/long.wav", "output": "results/b.mp4", "crf": 30, "lip_strength": 1.0,
"""
CSV = """\ufeffvideo,speech,output, crf,lip_strength,reference_frames
脸 1.mp4,short.wav,a.mp4,,,
,,,,,
脸 1.mp4,/elsewhere/long.wav,results/b.mp4,30,1.0,"1,2,3,4,5"
"""
FORMATS = {
    "jobs.yaml": (YAML, (2, 5)),
    "jobs.YML": (YAML, (2, 5)),
    "jobs.jsonl": (JSON.replace(",\n", ', "reference_frames": "1,2,3,4,5"}\n'), (2, 4)),
    "jobs.csv": (CSV, (2, 4)),
}


@pytest.mark.parametrize("name", FORMATS)
def test_three_formats_say_the_same(tmp_path, name):
    text, lines = FORMATS[name]
    (tmp_path / name).write_text(text, encoding="utf-8")
    common = InferenceOptions(pretrained_clip_DINet_path="here.pth", crf=20, cache_folder="")
    first, second = read_jobs(tmp_path / name, common)
    paths = {"source_video_path": str(tmp_path / "脸 1.mp4"), "driving_audio_path": str(tmp_path / "short.wav")}
    assert first.options == replace(common, **paths, output=str(tmp_path / "a.mp4"))
    paths |= {"driving_audio_path": "/elsewhere/long.wav", "output": str(tmp_path / "results" / "b.mp4")}
    assert second.options == replace(common, **paths, crf=30, reference_frames="1,2,3,4,5")
    assert [found.place for found in (first, second)] == [
        f"{tmp_path / name}, job {number} (line {line})" for number, line in enumerate(lines, start=1)
    ]


def test_a_bad_job_costs_itself_and_the_generator_is_loaded_once(place, common, capsys, monkeypatch):
    load, loaded = renderer.load_generator, []
    monkeypatch.setattr(renderer, "load_generator", lambda *given: loaded.append(given) or load(*given))
    jobs = job("a.mp4", crf=51), job("b.mp4", "junk.wav"), job("c.mp4", "long.wav", crf=0)
    assert run(place, common, *jobs) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"job 1, {place / 'a.mp4'}: 5 frames in ") and "frames/s" in lines[0]
    assert lines[1].startswith(f"job 2, {place / 'b.mp4'}: FAILED: {place / 'junk.wav'} cannot be read")
    assert lines[2].startswith(f"job 3, {place / 'c.mp4'}: 10 frames in ")
    assert lines[3:] == [f"{place / 'jobs.jsonl'}: 2 done, 0 up to date, 1 failed (job 2)"]
    assert len(loaded) == 1
    assert probe(place / "a.mp4").num_frames == 5 and probe(place / "c.mp4").num_frames == 10
    assert (place / "c.mp4").stat().st_size > 4 * (place / "a.mp4").stat().st_size  # each with its own crf
    assert {path.name for path in place.iterdir()} - {"a.mp4", "c.mp4", "jobs.jsonl"} == {
        *("脸 1.mp4", "short.wav", "long.wav", "tiny.pth", "junk.wav")
    }


def test_what_is_made_is_kept_until_it_would_be_another(place, common, capsys, monkeypatch):
    jobs = [job("a.mp4"), job("b.mp4", "long.wav")]
    assert run(place, common, *jobs) == 0
    made = contents(place)
    with monkeypatch.context() as patch:
        patch.setattr("dubbing.jobs.load_renderer", None)  # cannot be called
        assert run(place, replace(common, batch_size=2), *jobs) == 0
    assert "0 done, 2 up to date, 0 failed" in capsys.readouterr().out

    def redone() -> set[str]:
        nonlocal made
        before, made = made, contents(place)
        return {name for name in ("a.mp4", "b.mp4") if before[name] != made[name]}

    assert redone() == set()
    write_speech(place / "long.wav", 0.3)
    assert run(place, common, *jobs) == 0 and redone() == {"b.mp4"} and probe(place / "b.mp4").num_frames == 8
    jobs[0] = job("a.mp4", lip_strength=0.5)
    assert run(place, common, *jobs) == 0 and redone() == {"a.mp4"}
    (place / "a.mp4").unlink()
    assert run(place, common, *jobs) == 0 and redone() == {"a.mp4"}
    write_checkpoint(place, tiny_spec(crop="legacy")).replace(place / "tiny.pth")
    assert run(place, common, *jobs) == 0 and redone() == {"a.mp4", "b.mp4"}


REFUSED = {
    "unknown option": (job("b.mp4", quality=3), "'quality' is no option of inference.py"),
    "jobs within a job": (job("b.mp4", jobs="jobs.jsonl"), "'jobs' is no option"),
    "missing speech": (job("b.mp4", "no.wav"), "--driving_audio_path: .*no.wav is not a file"),
    "no speech": ({"video": "脸 1.mp4", "output": "b.mp4"}, "--driving_audio_path is not given"),
    "no video": ({"speech": "short.wav"}, "--source_video_path is not given"),
    "a name that is too long": (job("b.mp4", "x" * 300), "File name too long|is not a file"),
    "the same result": (job("./a.mp4"), "a.mp4 is the result of job 1 too"),
    "the result is an input of another job": (job("脸 2.mp4"), "脸 2.mp4 is --source_video_path of job 1"),
    "a file of the user's": (job("own.mp4"), "own.mp4 exists and is no result of --jobs"),
    "no MP4": (job("b.avi"), "does not end in .mp4"),
    "out of range": (job("b.mp4", crf=52), "--crf is 52; expected at most 51"),
    "no number": (job("b.mp4", crf="high"), "--crf is 'high'; expected a value of type int"),
    "not finite": (job("b.mp4", lip_strength=float("nan")), "--lip_strength is nan"),
    "a bool": (job("b.mp4", crf=True), "--crf is True"),
    "null": (job(None), "output has no plain value"),
    "a list": (job("b.mp4", reference_frames=[1, 2, 3, 4, 5]), "reference_frames has no plain value"),
    "one option by two names": (job("b.mp4", driving_audio_path="long.wav"), "driving_audio_path is given twice"),
    "half a character": (job("\ud83d.mp4"), "output holds half a character"),
    "a null character": (job("b\0.mp4"), "cannot hold a null character"),
}


@pytest.mark.parametrize("bad, part", REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_done_is_refused_before_any_work(place, common, bad, part):
    shutil.copy(place / "脸 1.mp4", place / "脸 2.mp4")
    shutil.copy(place / "脸 1.mp4", place / "own.mp4")
    first = {**job("a.mp4"), "video": "脸 2.mp4"}
    write_jobs(place, first, bad)
    before = contents(place)
    with pytest.raises(InputError, match=rf"jobs.jsonl, job 2 \(line 2\): .*{part}") as refused:
        run(place, common, first, bad)
    assert "\n" not in str(refused.value) and contents(place).keys() == before.keys()
    assert all(contents(place)[name] == before[name] for name in before if name != "jobs.jsonl")


DAMAGED = {
    "no.yaml": (None, "is not a file"),
    "jobs.txt": (b"video", "does not end in .yaml"),
    "empty.yaml": (b"", "holds no job"),
    "empty.csv": (b"video,speech\n", "holds no job"),
    "gbk.csv": ("video,视频".encode("gbk"), "not UTF-8"),
    "null.yaml": (b"- video: a\0b", "not understood as YAML"),
    "two.yaml": (b"- video: a\n---\n- video: b", "not understood as YAML"),
    "mapping.yaml": (b"video: a.mp4", "is no list"),
    "words.yaml": (b"- video: a.mp4\n- other", "line 2: expected names"),
    "broken.yaml": (b"- video: [a", "not understood as YAML"),
    "deep.yaml": (b"[" * 1500, "not understood as YAML"),
    "program.yaml": (b"- video: !!python/object/apply:os.system [x]\n  speech: !!python/name:os.system x", "YAML"),
    "key.yaml": (b"- &a {crf: 1}\n- ? [*a, *a]\n  : 1", "job 2 (line 2): None is no option"),
    "broken.jsonl": (b'{"video": "a"', "line 1: not understood as JSON"),
    "list.jsonl": (b'\n[["video", "a"]]', "line 2: expected an object"),
    "deep.jsonl": (b"[" * 100000, "line 1: not understood as JSON"),
    "cells.csv": (b"video,speech\na.mp4,b,c.wav\n", "line 2: 3 cells"),
    "quote.csv": (b'video,speech\n"a.mp4,b.wav\n', "not understood as CSV"),
    "semicolons.csv": (b"video;speech\na.mp4;b.wav\n", "'video;speech' is no option"),
    "twice.csv": (b"video,video\na.mp4,b.mp4\n", "video is given twice"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_file_that_is_not_understood_is_one_line(tmp_path, monkeypatch, capsys, name):
    content, part = DAMAGED[name]
    if content is not None:
        (tmp_path / name).write_bytes(content)
    monkeypatch.setattr("sys.argv", ["inference.py", "--jobs", str(tmp_path / name)])
    with pytest.raises(SystemExit) as ended:
        run_script(inference.main)
    said = capsys.readouterr().err
    assert ended.value.code == 2 and said.startswith("error: ") and said.count("\n") == 1
    assert name in said and part in said


def test_a_broken_checkpoint_ends_all_or_costs_the_jobs_that_need_it(place, common, capsys):
    broken = {"pretrained_clip_DINet_path": "junk.wav"}
    with pytest.raises(InputError, match="--pretrained_clip_DINet_path .*junk.wav"):
        run(place, common, job("a.mp4", **broken), job("b.mp4", **broken))
    capsys.readouterr()
    assert run(place, common, job("a.mp4", **broken), job("b.mp4"), job("c.mp4", **broken)) == 1
    assert "1 done, 0 up to date, 2 failed (job 1, 3)" in capsys.readouterr().out
    assert (place / "b.mp4").exists() and not (place / "a.mp4").exists()


@pytest.mark.parametrize("number, status", [(signal.SIGKILL, -9), (signal.SIGTERM, 143)])
def test_a_run_that_was_ended_goes_on(place, common, capsys, number, status):
    write_speech(place / "long.wav", 4)
    jobs = [job("a.mp4"), job("b.mp4", "long.wav")]
    flags = {"--jobs": write_jobs(place, *jobs), "--pretrained_clip_DINet_path": place / "tiny.pth"}
    flags |= {"--cache_folder": common.cache_folder, "--device": "cpu", "--preset": common.preset}
    command = [sys.executable, "inference.py", *(str(part) for flag in flags.items() for part in flag)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout.readline().startswith("job 1, ")
    while not list(place.glob(".partial-*.mp4")):
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, number)
    assert process.wait() == status and process.stdout.read() == ""
    process.stdout.close()
    assert (place / "a.mp4").exists() and not (place / "b.mp4").exists()
    assert len(list(place.glob(".partial-*"))) == (number == signal.SIGKILL)
    assert run(place, common, *jobs) == 0
    assert "1 done, 1 up to date" in capsys.readouterr().out
    assert probe(place / "b.mp4").num_frames == 100 and not list(place.glob(".partial-*"))
