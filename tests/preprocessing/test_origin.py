"""What was made is made anew when its inputs are other ones, whatever their times, and only then."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from preprocessing.origin import BLOCK, BLOCKS, MEMORY, Origin, fingerprint


@pytest.fixture
def made(tmp_path):
    """A folder with an input, and an output that was made from it."""
    (tmp_path / "in.mp4").write_bytes(b"video")
    (tmp_path / "audio").mkdir()
    origin = Origin.of(tmp_path, tmp_path / "in.mp4")
    (tmp_path / "audio" / "out.wav").write_bytes(b"sound")
    origin.remember(tmp_path / "audio" / "out.wav")
    return tmp_path


def is_made(root: Path, **settings: str) -> bool:
    return Origin.of(root, root / "in.mp4", **settings).made(root / "audio" / "out.wav")


@pytest.mark.parametrize("age", [-(10**6), 0, 10**6])
def test_another_content_of_any_age_is_another_input(made, age):
    time = (made / "audio" / "out.wav").stat().st_mtime + age
    os.utime(made / "in.mp4", (time, time))
    assert is_made(made)
    for content in (b"other", b"video and more", b""):
        (made / "in.mp4").write_bytes(content)
        os.utime(made / "in.mp4", (time, time))
        assert not is_made(made)
    (made / "in.mp4").write_bytes(b"video")
    assert is_made(made)


def test_other_settings_are_another_origin(made):
    assert not is_made(made, crop="legacy")


def test_an_output_that_is_gone_is_not_made(made):
    (made / "audio" / "out.wav").unlink()
    assert not is_made(made)


def test_a_set_that_was_moved_is_still_made(made, tmp_path_factory):
    other = tmp_path_factory.mktemp("elsewhere") / "set"
    shutil.copytree(made, other)
    assert is_made(other)


@pytest.mark.parametrize("memory", [None, b"", b"[]", b'{"inputs": 3}', b"\xff\xfe"])
def test_where_nothing_is_remembered_times_decide_once(made, memory):
    remembered = made / MEMORY / "audio" / "out.wav"

    def forget() -> None:
        remembered.unlink() if memory is None else remembered.write_bytes(memory)

    now = (made / "audio" / "out.wav").stat().st_mtime
    forget()
    os.utime(made / "in.mp4", (now + 9, now + 9))
    assert not is_made(made)
    os.utime(made / "in.mp4", (now - 9, now - 9))
    assert is_made(made)
    (made / "in.mp4").write_bytes(b"other")
    os.utime(made / "in.mp4", (now - 99, now - 99))
    assert not is_made(made)  # from then on the content does


def test_a_folder_is_known_by_what_it_was_made_from(made):
    folder = made / "crops"
    folder.mkdir()
    Origin.of(made, made / "in.mp4").remember(folder)
    first = fingerprint(folder, made)
    (folder / "more").touch()
    assert fingerprint(folder, made) == first
    (made / "in.mp4").write_bytes(b"other")
    Origin.of(made, made / "in.mp4").remember(folder)
    assert fingerprint(folder, made) != first


def test_large_files_are_told_apart_wherever_they_differ_for_long(tmp_path):
    path = tmp_path / "large"
    content = np.random.default_rng(0).integers(0, 255, 3 * BLOCK * BLOCKS + 17, dtype=np.uint8)
    content.tofile(path)
    first = fingerprint(path, tmp_path)
    for place in (0, len(content) // 2, len(content) - 1):
        changed = content.copy()
        changed[max(0, place - 2 * BLOCK) : place + 2 * BLOCK] ^= 1
        changed.tofile(path)
        assert fingerprint(path, tmp_path) != first
    content.tofile(path)
    assert fingerprint(path, tmp_path) == first


def test_what_is_remembered_is_the_same_everywhere(made):
    text = (made / MEMORY / "audio" / "out.wav").read_text()
    assert str(made) not in text and set(json.loads(text)) == {"inputs", "settings", "ours"}
