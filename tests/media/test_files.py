"""Whole or absent; leftovers of dead processes; what is checked of a place before work begins."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from config.errors import InputError
from media.files import (
    atomic_write,
    atomic_write_folder,
    check_outputs,
    check_writable,
    load_array,
    partial_prefix,
    save_array,
    sweep,
    sweep_below,
)

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tiny_disk(tmp_path):
    """A folder with 1 MB of room; skips where none can be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("needs the right to mount")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def tree(folder: Path) -> dict[str, bytes | None]:
    """Every file with its content, and every folder."""
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in folder.rglob("*")}


def dead_process() -> int:
    return int(subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True).stdout)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_what_fails_leaves_the_older_file_or_folder(tmp_path, error):
    (tmp_path / "a.txt").write_text("older")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x").write_text("older")
    before = tree(tmp_path)
    with pytest.raises(error), atomic_write(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise error
    with pytest.raises(error), atomic_write_folder(tmp_path / "b") as temporary:
        (temporary / "x").write_text("half")
        raise error
    assert tree(tmp_path) == before


def test_what_ends_well_replaces_the_older_one_and_has_the_umasks_mode(tmp_path):
    for text in ("one", "two"):
        with atomic_write(tmp_path / "new" / "a.txt") as temporary:
            assert temporary.suffix == ".txt"
            temporary.write_text(text)
        with atomic_write_folder(tmp_path / "new" / "b") as temporary:
            (temporary / text).write_text(text)
    assert tree(tmp_path) == {"new": None, "new/a.txt": b"two", "new/b": None, "new/b/two": b"two"}
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "new" / "a.txt").stat().st_mode & 0o777 == 0o666 & ~umask
    assert (tmp_path / "new" / "b").stat().st_mode & 0o777 == 0o777 & ~umask


def test_names_as_long_as_a_file_system_allows_can_be_written(tmp_path):
    for name in ("x" * 251 + ".mp4", "x." + "y" * 253):
        with atomic_write(tmp_path / name) as temporary:
            temporary.write_text("whole")
        assert (tmp_path / name).read_text() == "whole"


def test_leftovers_of_the_dead_are_swept_and_of_no_one_else(tmp_path):
    host = socket.gethostname()
    stay = [
        f"{partial_prefix()}own.mp4",
        f".partial-{host}-{os.getppid()}-x.mp4",
        f".partial-another-machine-{dead_process()}-x.mp4",
        f".partial-{host}-words-x.mp4",
        "clip.mp4",
        "partial-1.mp4",
    ]
    go = [f".partial-{host}-{dead_process()}-x.mp4", f".partial-{host}-{10**30}-x.npy"]
    folders = [tmp_path, tmp_path / "crops", tmp_path / ".made_from", tmp_path / ".made_from" / "crops"]
    for folder in folders:
        folder.mkdir(exist_ok=True)
        for name in stay + go:
            (folder / name).write_text("")
        (folder / f".partial-{host}-{dead_process()}-folder" / "000000").mkdir(parents=True)
    sweep_below(tmp_path)
    for folder in folders:
        assert {p.name for p in folder.iterdir() if p not in folders} == set(stay)


def test_a_writer_that_was_killed_is_swept_by_the_next_one(tmp_path):
    code = """
import os, sys
from media.files import atomic_write, atomic_write_folder
with atomic_write(sys.argv[1] + "/a.mp4") as one, atomic_write_folder(sys.argv[1] + "/b") as other:
    one.write_text("half"); (other / "x").write_text("half")
    os.kill(os.getpid(), 9)
"""
    killed = subprocess.run([sys.executable, "-c", code, tmp_path], cwd=ROOT)
    assert killed.returncode == -signal.SIGKILL and len(tree(tmp_path)) == 3
    sweep.cache_clear()
    with atomic_write(tmp_path / "c.mp4") as temporary:
        temporary.write_text("whole")
    assert tree(tmp_path) == {"c.mp4": b"whole"}


def test_an_output_that_is_an_input_is_refused_by_any_name(tmp_path):
    video = tmp_path / "video.mp4"
    video.write_text("the user's")
    (tmp_path / "link.mp4").symlink_to(video)
    os.link(video, tmp_path / "hard.mp4")
    for name in ("video.mp4", "link.mp4", "hard.mp4", "../" + tmp_path.name + "/video.mp4"):
        with pytest.raises(InputError, match=r"--json: .* is --generated itself"):
            check_outputs({"--json": tmp_path / name}, {"--generated": video, "--reference": ""})
    check_outputs({"--json": tmp_path / "scores.json", "--pictures": ""}, {"--generated": video})
    assert sorted(os.listdir(tmp_path)) == ["hard.mp4", "link.mp4", "video.mp4"]


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("file/x.json", "is not a folder"),
        ("file/deeper/x.json", "is not a folder"),
        ("n" * 256, "longer than 255 bytes"),
        ("n" * 256 + "/x.json", "longer than 255 bytes"),
        ("音" * 86 + "/x.json", "longer than 255 bytes"),
        ("n/" * 2500 + "x.json", "longer than 3585 bytes"),
    ],
)
def test_places_that_cannot_be_written_are_refused(tmp_path, output, said):
    (tmp_path / "file").write_text("the user's")
    with pytest.raises(InputError, match=f"--output: .*{said}"):
        check_writable("--output", tmp_path / output)
    assert os.listdir(tmp_path) == ["file"]


def test_no_permission_and_no_room_are_refused(tmp_path, tiny_disk):
    check_writable("--output", tiny_disk / "a" / "b.mp4", room=10**5)
    with pytest.raises(InputError, match=r"--output: .* 1 MB free, 2 MB are needed"):
        check_writable("--output", tiny_disk / "a" / "b.mp4", room=2 * 10**6)
    subprocess.run(["mount", "-o", "remount,ro", tiny_disk], check=True)
    with pytest.raises(InputError, match="no permission to write"):
        check_writable("--output", tiny_disk / "a" / "b.mp4")


def test_a_full_disk_is_said_and_the_older_array_stays(tiny_disk):
    save_array(tiny_disk / "a.npy", np.arange(10))
    with pytest.raises(OSError, match="No space left"):
        save_array(tiny_disk / "a.npy", np.zeros(10**6))
    assert os.listdir(tiny_disk) == ["a.npy"] and np.load(tiny_disk / "a.npy").tolist() == list(range(10))


def test_arrays_are_numpys(tmp_path):
    records = np.zeros(3, [("path", "U5"), ("landmarks", "f4", (2, 2))])
    records["path"] = ["a", "音", "c"]
    for array in (np.arange(6.0).reshape(2, 3), np.arange(6).reshape(2, 3).T, np.zeros((0, 4)), records):
        save_array(tmp_path / "a.npy", array)
        loaded = np.load(tmp_path / "a.npy", allow_pickle=False)
        assert loaded.dtype == array.dtype and np.array_equal(loaded, array)
        assert np.array_equal(load_array(tmp_path / "a.npy", "make it again"), array)


def test_damaged_arrays_are_one_line(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.arange(1000))
    whole = path.read_bytes()
    np.savez(tmp_path / "archive.npz", a=np.arange(3))
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    archive, objects = (tmp_path / "archive.npz").read_bytes(), (tmp_path / "objects.npy").read_bytes()
    header = whole.replace(b"(1000,)", b"(1000,(")
    for content in (b"", b"words", whole[:40], whole[:-8], archive, archive[:99], objects, header):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"a\.npy is .*; make it again"):
            load_array(path, "make it again")
