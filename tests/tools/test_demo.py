"""tools/demo.py: what it refuses before it makes anything, and that nobody's files go."""

import hashlib
from pathlib import Path

import pytest
import torch
from programs import run_program
from talking_photo import photo_frame, write_speech, write_video

from config.errors import InputError
from media.audio import write_wav
from media.video import VideoWriter
from tools.marked_folder import MARKER, cleared_folder

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "demo.py"


def content(folder: Path) -> dict[str, str]:
    """The hash of every file below a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def refused(folder: Path, *arguments: object) -> str:
    """What the demo says; it must be one line, and no file may have changed."""
    before = content(folder)
    result = run_program(SCRIPT, *arguments, cwd=folder)
    assert result.returncode == 2 and result.stderr.count("\n") == 1 and result.stderr.startswith("error: ")
    assert content(folder) == before
    return result.stderr


@pytest.fixture(scope="module")
def media(tmp_path_factory) -> Path:
    """A folder with a silent video, a short one with sound, one that is long enough, and a speech."""
    folder = tmp_path_factory.mktemp("视频 media")
    speech = write_speech(folder / "speech.wav", 9)
    write_video(folder / "mute.mp4", 205)
    for name, count in (("short.mp4", 50), ("clip.mp4", 205)):
        with VideoWriter(folder / name, 240, 232, 25, audio_path=speech, preset="ultrafast") as writer:
            for number in range(count):
                writer.write(photo_frame(number))
    return folder


def test_the_folder_of_the_source_video_is_not_cleared(media, tmp_path):
    clip = tmp_path / "clip" / "clip.mp4"
    clip.parent.mkdir()
    clip.write_bytes((media / "clip.mp4").read_bytes())
    line = refused(tmp_path, clip, media / "speech.wav", "--output_folder", tmp_path)
    assert "VIDEO" in line and str(clip) in line and "--output_folder" in line


@pytest.mark.parametrize("arguments", [[], ["clip.mp4", "speech.wav"]])
def test_a_folder_that_the_demo_did_not_make_is_not_cleared(media, tmp_path, arguments):
    for name in ("clip", "sample_speaker"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "thesis.txt").write_text("years of work")
    files = [media / name for name in arguments]
    line = refused(tmp_path, *files, "--output_folder", ".")
    assert "--output_folder" in line and "did not make" in line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["clip.mp4"], "1 file(s) given"),
        (["missing.mp4", "speech.wav"], "missing.mp4 is not a file"),
        (["speech.wav", "speech.wav"], "speech.wav has no video"),
        (["clip.mp4", "missing.wav"], "missing.wav is not a file"),
        (["clip.mp4", "mute.mp4"], "mute.mp4 has no sound"),
        (["mute.mp4", "speech.wav"], "mute.mp4 has no sound"),
        (["short.mp4", "speech.wav"], "short.mp4 lasts 2.0 s"),
        (["--minutes", "0.01"], "--minutes"),
        (["--minutes", "nan"], "--minutes"),
        (["--seed", "10000000000"], "--seed"),
        (["--output_folder", "speech.wav"], "--output_folder"),
    ],
)
def test_bad_input_is_refused_before_anything_is_made(media, arguments, said):
    assert said in refused(media, *arguments)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_missed_before_preprocessing(tmp_path):
    assert "--device cuda" in refused(tmp_path, "--device", "cuda", "--output_folder", tmp_path / "out")


def test_only_the_demo_s_own_folder_is_cleared(tmp_path):
    folder, elsewhere = tmp_path / "名 of a video", tmp_path / "elsewhere"
    elsewhere.mkdir()
    write_wav(elsewhere / "mine.wav", torch.zeros(160).numpy())
    with cleared_folder(folder, {}, 0):
        (folder / "raw").mkdir()
        (folder / "raw" / "video.mp4").write_bytes(b"1")
        (folder / "link").symlink_to(elsewhere)
    with cleared_folder(folder, {}, 0):
        assert [path.name for path in folder.iterdir()] == [MARKER]
    assert (elsewhere / "mine.wav").is_file()
    (folder / MARKER).unlink()
    (folder / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="did not make"), cleared_folder(folder, {}, 0):
        pass
    assert (folder / "thesis.txt").is_file()


def test_an_input_in_the_demo_s_own_folder_is_refused(tmp_path):
    with cleared_folder(tmp_path / "clip", {}, 0):
        speech = tmp_path / "clip" / "speech.wav"
        speech.write_bytes(b"1")
    with (
        pytest.raises(InputError, match="SPEECH: .* lies in"),
        cleared_folder(tmp_path / "clip", {"SPEECH": speech}, 0),
    ):
        pass
    assert speech.is_file()


def test_two_demos_do_not_share_a_folder(tmp_path):
    with cleared_folder(tmp_path / "clip", {}, 0):
        (tmp_path / "clip" / "mine").touch()
        with pytest.raises(InputError, match="another demo"), cleared_folder(tmp_path / "clip", {}, 0):
            pass
        assert (tmp_path / "clip" / "mine").exists()
