"""One server for all tests of this folder that need a whole one, and what is sent to it."""

import pytest
from running_server import Server
from talking_photo import tiny_spec, write_checkpoint, write_speech, write_video


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
def server(sent, tmp_path_factory):
    state = tmp_path_factory.mktemp("state")
    flags = {
        "media_root": sent,
        "avatars": state / "avatars",
        "max_seconds": 60,
        "data_folder": state / "data",
        "runs_folder": state / "runs",
    }
    with Server(checkpoint=sent / "tiny.pth", state_folder=state / "app", **flags) as running:
        yield running
