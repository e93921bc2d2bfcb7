"""Folders that cannot hold what a run makes: said before work begins; a disk that fills costs what does not fit."""

import shutil
import subprocess
from pathlib import Path

import pytest
from small_set import copy_set, run, steps, write_set, write_video


def mount(place: Path, size: str) -> Path:
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("needs the right to mount")
    return place


@pytest.fixture
def disk(tmp_path):
    """Mounts a small file system of its own."""
    places = []

    def make(size: str) -> Path:
        places.append(mount(tmp_path / f"disk {size}", size))
        return places[-1]

    yield make
    for place in places:
        subprocess.run(["umount", "-l", place], check=True)


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    return write_set(tmp_path_factory.mktemp("given") / "set")


@pytest.mark.parametrize("flag", ["--output_folder", "--training_data_path"])
@pytest.mark.parametrize("kind", ["full", "read only", "a file", "below a file", "the raw folder"])
def test_make_dataset_says_first_where_it_cannot_write(tmp_path, disk, flag, kind):
    (tmp_path / "raw").mkdir()
    video = write_video(tmp_path / "raw" / "a.mp4")
    folders = {"--output_folder": tmp_path / "out", "--training_data_path": tmp_path / "set"}
    if kind in ("full", "read only"):
        folders[flag] = disk("1m" if kind == "full" else "40m") / "new"
        if kind == "read only":
            subprocess.run(["mount", "-o", "remount,ro", folders[flag].parent], check=True)
    elif kind == "the raw folder":
        folders[flag] = tmp_path / "raw"
    else:
        (tmp_path / "file").write_text("the user's")
        folders[flag] = tmp_path / "file" / ("" if kind == "a file" else "new")
    arguments = [part for pair in folders.items() for part in pair]
    result = run("--root_folder", tmp_path / "raw", *arguments, script="make_dataset.py")
    assert result.returncode == 2 and len(result.stderr.splitlines()) == 1, result.stderr
    assert result.stderr.startswith(f"error: {flag}: ")
    assert not (tmp_path / "out").exists() and not (tmp_path / "set").exists()
    assert [path.name for path in (tmp_path / "raw").iterdir()] == [video.name]


def test_data_processing_says_first_where_it_cannot_write(given, disk):
    place = disk("1m")
    shutil.copytree(given.landmarks, place / "set" / given.landmarks.name)
    result = run("--all", "--training_data_path", place / "set")
    assert result.returncode == 2 and result.stderr.startswith("error: --training_data_path: ")
    assert len(result.stderr.splitlines()) == 1 and "MB are needed; make room" in result.stderr


@pytest.mark.parametrize(
    "flag", ["extract_video_frame", "extract_audio", "extract_audio_feature", "crop_face", "generate_training_json"]
)
def test_a_disk_that_fills_costs_one_line_and_keeps_what_was_good(given, disk, tmp_path, flag):
    layout = copy_set(given, disk("24m") / "set")
    assert steps(layout, "extract_audio").returncode == 0
    if flag == "generate_training_json":
        assert steps(layout, "all").returncode == 0
        kept = layout.training_json.read_bytes()
    filler = layout.root / "filler"
    fill(filler, leave=12 << 20)
    code = Path(tmp_path / "fill.py")  # the rest is filled when the run has looked
    code.write_text(FILLING)
    if flag == "extract_audio":
        shutil.rmtree(layout.audio)
    result = run(filler, f"--{flag}", "--training_data_path", layout.root, script=code)
    assert "Traceback" not in result.stderr and "the disk is full" in result.stdout + result.stderr, result.stderr
    if flag == "generate_training_json":
        assert result.returncode == 2 and layout.training_json.read_bytes() == kept
    else:
        assert result.returncode == 1 and result.stdout.count("FAILED") >= 3
    assert not list(layout.root.rglob(".partial-*"))
    filler.unlink()
    assert steps(layout, flag).returncode == 0


FILLING = """
import sys
from pathlib import Path
sys.path.insert(0, ".")
import data_processing
from config.errors import run_script

filler = Path(sys.argv.pop(1))
looked = data_processing.prepare

def look_and_fill(layout):
    looked(layout)
    with filler.open("ab", 0) as file:
        try:
            while True:
                file.write(bytes(1 << 12))
        except OSError:
            pass

data_processing.prepare = look_and_fill
if __name__ == "__main__":
    run_script(data_processing.main)
"""


def fill(path: Path, leave: int) -> None:
    with path.open("wb") as file:
        file.write(bytes(max(0, shutil.disk_usage(path.parent).free - leave)))
