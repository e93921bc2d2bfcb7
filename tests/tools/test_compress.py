"""tools/compress.py: plain tar unpacks what it writes, whatever interrupted it, and nothing else is touched."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import zstandard
from programs import run_program

from config.errors import InputError
from tools.archiving.frames import FRAME
from tools.archiving.listing import list_folder
from tools.archiving.tar_stream import stream_size, tar_stream
from tools.compress import check_output, compress, parse_size

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "compress.py"
needs_tar = pytest.mark.skipif(not (shutil.which("tar") and shutil.which("zstd")), reason="no tar or zstd command")
ODD_NAMES = (
    "it's",
    'say "hi"',
    "two\nlines",
    "视频 一",
    "-rf",
    "*?[x]",
    "back\\",
    "n" * 255,
    *("abc"[n % 3] * n for n in (97, 99, 101)),
)


def run(*arguments: object, folder: Path | None = None) -> subprocess.CompletedProcess:
    return run_program(SCRIPT, *arguments, cwd=folder)


def content(folder: Path) -> dict[str, tuple]:
    """Content, mode and time in seconds of everything below a folder, links followed."""
    found = {}
    for path in sorted(folder.rglob("*")):
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        found[str(path.relative_to(folder))] = digest, path.stat().st_mode, int(path.stat().st_mtime)
    return found


def unpack(place: Path, *parts: Path) -> dict[str, tuple]:
    """What the tar command makes of the parts."""
    place.mkdir()
    whole = b"".join(part.read_bytes() for part in parts)
    subprocess.run(["tar", "--zstd", "-x"], cwd=place, input=whole, check=True, capture_output=True)
    (folder,) = place.iterdir()
    return content(folder)


def digests(*paths: Path) -> list[str]:
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]


@pytest.fixture
def folder(tmp_path) -> Path:
    """10 MB in files of all kinds: empty, random, repetitive, large, with odd names and modes and times."""
    root, rng = tmp_path / "set 'one' 集", np.random.default_rng(0)
    (root / "empty folder").mkdir(parents=True)
    for number, name in enumerate(ODD_NAMES):
        (root / name).mkdir()
        for size in (0, 1, 511, 512, 513, 20000):
            (root / name / f"{size}.jpg").write_bytes(rng.bytes(size))
        os.utime(root / name / "1.jpg", (10**9 + number, 10**9 + number))
    (root / os.fsdecode(b"\xff\xfe")).write_bytes(b"a name that is no text")
    (root / "large.mp4").write_bytes(rng.bytes(9 << 20))
    (root / "zeros.npy").write_bytes(bytes(3 << 20))
    (root / "script.sh").write_text("echo")
    (root / "script.sh").chmod(0o755)
    return root


@needs_tar
def test_tar_unpacks_what_was_packed(folder, tmp_path):
    before = content(folder)
    result = run(folder)
    assert result.returncode == 0, result.stderr
    archive = folder.with_name(f"{folder.name}.tar.zst")
    assert unpack(tmp_path / "x", archive) == before == content(folder)
    assert "unpack with: tar --zstd -xf" in result.stdout and "all read back" in result.stdout
    assert all(text in result.stderr for text in ("compress:", "verify:", "B/s]"))
    listing = subprocess.run(["tar", "--zstd", "-tvf", archive], capture_output=True, check=True).stdout
    assert all(b" 0/0 " in line for line in listing.splitlines())


@needs_tar
def test_parts_are_as_long_as_asked_and_one_archive_together(folder, tmp_path):
    output = tmp_path / "out" / "a.tar.zst"
    assert run(folder, "--output", output, "--split", "1M").returncode == 0
    parts = sorted(output.parent.glob("a.tar.zst.*"))
    assert [path.name for path in parts] == [f"a.tar.zst.{number:03d}" for number in range(10)]
    assert {path.stat().st_size for path in parts[:-1]} == {1 << 20} and 0 < parts[-1].stat().st_size <= 1 << 20
    assert unpack(tmp_path / "x", *parts) == content(folder)
    assert run(folder, "--output", tmp_path / "whole.tar.zst").returncode == 0
    assert b"".join(path.read_bytes() for path in parts) == (tmp_path / "whole.tar.zst").read_bytes()


def test_the_same_folder_gives_the_same_bytes_anywhere(folder, tmp_path):
    copy = tmp_path / "elsewhere" / folder.name
    shutil.copytree(folder, copy)
    for root in (folder, copy):
        compress(root, root.with_name("a.tar.zst"), 0, verify=False)
    assert folder.with_name("a.tar.zst").read_bytes() == copy.with_name("a.tar.zst").read_bytes()


def killed(folder: Path, output: Path, split: str, parts: int) -> None:
    """Kill a run when it has finished `parts` parts, or has not begun one."""
    command = [sys.executable, SCRIPT, folder, "--output", output, "--split", split]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while len(list(output.parent.glob(f"{output.name}.*"))) < parts or not output.parent.is_dir():
        assert process.poll() is None
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_a_run_that_was_killed_goes_on_to_the_same_bytes(folder, tmp_path):
    for number in range(8):
        (folder / f"more {number}").write_bytes(np.random.default_rng(number).bytes(8 << 20))
    whole, cut = tmp_path / "whole" / "a.tar.zst", tmp_path / "cut" / "a.tar.zst"
    compress(folder, whole, 3 << 20, verify=False)
    expected = digests(*sorted(whole.parent.glob("a.tar.zst.*")))
    killed(folder, cut, "3M", 0)
    for parts in (3, 9, 15):
        killed(folder, cut, "3M", parts)
        finished = sorted(cut.parent.glob("a.tar.zst.*"))
        assert digests(*finished) == expected[: len(finished)] and len(finished) < len(expected)
    times = [path.stat().st_mtime_ns for path in finished[:-1]]
    result = run(folder, "--output", cut, "--split", "3M")
    assert result.returncode == 0, result.stderr
    assert digests(*sorted(cut.parent.glob("a.tar.zst.*"))) == expected
    assert [path.stat().st_mtime_ns for path in finished[:-1]] == times
    assert not list(cut.parent.glob(".partial-*"))


def test_an_archive_that_is_whole_is_left_and_a_lost_part_made_again(folder, tmp_path, capsys):
    output = tmp_path / "a.tar.zst"
    compress(folder, output, 1 << 20, verify=True)
    parts = sorted(tmp_path.glob("a.tar.zst.*"))
    made, times = digests(*parts), [path.stat().st_mtime_ns for path in parts]
    compress(folder, output, 1 << 20, verify=True)
    assert "0 of 10 part(s) written" in capsys.readouterr().out
    assert [path.stat().st_mtime_ns for path in parts] == times
    parts[4].unlink()
    parts[7].write_bytes(b"cut")
    compress(folder, output, 1 << 20, verify=True)
    assert "2 of 10 part(s) written" in capsys.readouterr().out and digests(*parts) == made


def test_damage_is_found_by_reading_back(folder, tmp_path):
    output = tmp_path / "a.tar.zst"
    compress(folder, output, 1 << 20, verify=False)
    for part, place in (("a.tar.zst.000", 5), ("a.tar.zst.003", 1 << 19), ("a.tar.zst.009", 3)):
        path = tmp_path / part
        data = bytearray(path.read_bytes())
        data[place] ^= 1
        path.write_bytes(data)
        with pytest.raises(InputError, match=part):
            compress(folder, output, 1 << 20, verify=True)
        data[place] ^= 1
        path.write_bytes(data)
    compress(folder, output, 1 << 20, verify=True)


def test_a_forged_record_does_not_hide_that_content_is_missing(folder, tmp_path):
    """Checksums of parts that hold something else: names and sizes are compared as well."""
    output = tmp_path / "a.tar.zst"
    compress(folder, output, 0, verify=False)
    data = output.read_bytes()
    plain = zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read()
    output.write_bytes(zstandard.ZstdCompressor(write_checksum=True).compress(plain[512:]))
    record = json.loads((tmp_path / ".a.tar.zst.json").read_text())
    record["parts"][0].update(size=output.stat().st_size, sha256=digests(output)[0])
    (tmp_path / ".a.tar.zst.json").write_text(json.dumps(record))
    with pytest.raises(InputError, match="should be"):
        compress(folder, output, 0, verify=True)


def test_a_folder_that_changed_is_not_mixed_with_an_interrupted_run(folder, tmp_path):
    output = tmp_path / "a.tar.zst"
    compress(folder, output, 1 << 20, verify=False)
    record = json.loads((tmp_path / ".a.tar.zst.json").read_text())
    record["is_whole"], record["parts"] = False, record["parts"][:5]
    (tmp_path / ".a.tar.zst.json").write_text(json.dumps(record))
    for part in sorted(tmp_path.glob("a.tar.zst.*"))[6:]:  # what a run leaves that was killed before it noted a part
        part.unlink()
    (folder / "large.mp4").write_bytes(b"short now")
    compress(folder, output, 1 << 20, verify=True)
    assert [path.name for path in sorted(tmp_path.glob("a.tar.zst.*"))] == ["a.tar.zst.000"]
    (folder / "large.mp4").write_bytes(b"longer now")
    before = digests(*tmp_path.glob("*.tar.zst*"))
    for split in (0, 1 << 20, 1 << 21):
        with pytest.raises(InputError, match="other content or of another --split"):
            compress(folder, output, split, verify=True)
    assert digests(*tmp_path.glob("*.tar.zst*")) == before


@needs_tar
def test_links_are_stored_as_what_they_lead_to(tmp_path):
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    for path in (root, elsewhere / "below"):
        path.mkdir(parents=True)
    (elsewhere / "below" / "crop.jpg").write_bytes(b"crop")
    (root / "file.jpg").symlink_to(elsewhere / "below" / "crop.jpg")
    (root / "folder").symlink_to(elsewhere)
    os.link(root / "file.jpg", root / "hard.jpg", follow_symlinks=True)
    compress(root, tmp_path / "a.tar.zst", 0, verify=True)
    shutil.copytree(root, tmp_path / "copy")
    assert unpack(tmp_path / "x", tmp_path / "a.tar.zst") == content(tmp_path / "copy")
    assert (tmp_path / "x" / "root" / "folder" / "below" / "crop.jpg").read_bytes() == b"crop"
    assert not any(path.is_symlink() for path in (tmp_path / "x").rglob("*"))


def test_a_stream_can_be_read_from_any_place(folder):
    listing = list_folder(folder)
    whole = b"".join(tar_stream(listing))
    assert len(whole) == stream_size(listing) and len(whole) % 10240 == 0
    rng = np.random.default_rng(0)
    for start in (0, 1, 512, FRAME, len(whole) - 10240, len(whole), *rng.integers(len(whole), size=100)):
        assert b"".join(tar_stream(listing, int(start))) == whole[start:]


def test_a_file_that_changes_meanwhile_is_refused(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (root / "a").write_bytes(bytes(1000))
    listing = list_folder(root)
    for data in (bytes(999), bytes(1001)):
        (root / "a").write_bytes(data)
        with pytest.raises(InputError, match="a has changed"):
            b"".join(tar_stream(listing))


@pytest.mark.parametrize(
    "text, size",
    [("", 0), ("64K", 65536), ("1M", 1 << 20), ("1MiB", 1 << 20), ("1MB", 10**6), ("1.5g", 3 << 29), ("65536", 65536)],
)
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["x", "5X", "-1M", "0", "1K", "nan", "1e9", "M", "9" * 30, "1 M", "１M", "99999T" * 5])
def test_bad_sizes(text):
    with pytest.raises(InputError, match="--split"):
        parse_size(text)


# Bad input


def test_what_cannot_be_packed_is_one_line(tmp_path):
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (tmp_path / "file").touch()
    (tmp_path / "mine.tar.zst").write_bytes(b"mine")
    (tmp_path / "parts.tar.zst.001").write_bytes(b"mine")
    (tmp_path / ".begun.tar.zst.json").write_text('{"content": "", "parts": [], "is_whole": false}')
    for number in (0, 1):  # of which a run that recorded no part may have left the first
        (tmp_path / f"begun.tar.zst.00{number}").write_bytes(b"mine")
    before = content(tmp_path)
    for arguments, said in (
        (["missing"], "missing: no such folder"),
        (["file"], "file: no such folder"),
        ([], "FOLDER"),
        ([""], "FOLDER"),
        (["root", "root"], "root"),
        (["root", "--split", "big"], "--split"),
        (["root", "--output", "root/a.tar.zst"], "--output"),
        (["root", "--output", "a.zip"], "--output"),
        (["root", "--output", "file/a.tar.zst"], "--output"),
        (["root", "--output", "mine.tar.zst"], "mine.tar.zst exists"),
        (["root", "--output", "parts.tar.zst"], "parts.tar.zst.001 exists"),
        (["root", "--output", "begun.tar.zst", "--split", "1M"], "begun.tar.zst.001 exists"),
        (["root", "--output", "n" * 250 + ".tar.zst"], "--output"),
    ):
        result = run(*arguments, folder=tmp_path)
        assert result.returncode == 2 and result.stderr.startswith("error: "), (arguments, result.stderr)
        assert result.stderr.count("\n") == 1 and said in result.stderr, result.stderr
        assert content(tmp_path) == before


def fault(kind: str, root: Path) -> None:
    if kind == "leads nowhere":
        (root / "link").symlink_to("nothing")
    elif kind == "lies in":
        (root / "link").symlink_to(root)
    elif kind == "neither":
        os.mkfifo(root / "pipe")
    elif kind == "is damaged":
        (root.parent / ".root.tar.zst.json").write_text("{")


@pytest.mark.parametrize("kind", ["leads nowhere", "lies in", "neither", "is damaged"])
def test_links_in_circles_pipes_and_damaged_records_are_refused(tmp_path, kind):
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    fault(kind, root)
    output = tmp_path / "root.tar.zst"
    with pytest.raises(InputError, match=kind):
        check_output(root, output)
        compress(root, output, 0, verify=True)
    assert not output.exists()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 12 MB; skips where none may be mounted."""
    place = tmp_path / "small disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", place]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("file systems cannot be mounted")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_a_disk_without_room_is_said_at_once_or_when_it_is_full(folder, small_disk):
    result = run(folder, "--output", small_disk / "a.tar.zst")
    assert result.returncode == 2 and "MB are needed" in result.stderr and not list(small_disk.iterdir())
    (folder / "large.mp4").rename(folder / "large.npy")  # which might have been compressible
    (folder / "more.npy").write_bytes(np.random.default_rng(1).bytes(9 << 20))
    result = run(folder, "--output", small_disk / "a.tar.zst", "--split", "2M")
    last = result.stderr.splitlines()[-1]
    assert result.returncode == 2 and "the disk is full" in last and "run the same command again" in last
    assert len(list(small_disk.glob("a.tar.zst.*"))) >= 4 and not list(small_disk.glob(".partial-*"))
