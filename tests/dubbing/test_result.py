"""Where a result may go: known before anything slow is done, and nothing of the user's is lost."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from talking_photo import tiny_spec, write_checkpoint, write_speech

import inference
from config.config import InferenceOptions
from config.constants import NUM_LANDMARKS
from config.errors import InputError
from dubbing.result import INPUTS, check_paths, check_room
from face.alignment import TEMPLATE_INDEX, template_pixels
from face.openface_csv import FaceTrack, write_openface_csv
from media.video import VideoWriter

SIZE, COUNT = (240, 232), 30


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Inputs, of which the video is noise, which no encoder makes small; a CSV says that it shows a face."""
    folder = tmp_path_factory.mktemp("inputs")
    rng = np.random.default_rng(0)
    with VideoWriter(folder / "noise.mp4", *SIZE, 25, crf=0, preset="ultrafast") as writer:
        for _ in range(COUNT):
            writer.write(rng.integers(0, 255, (*SIZE[::-1], 3), np.uint8))
    points = np.full((NUM_LANDMARKS, 2), np.float32(116))
    points[TEMPLATE_INDEX] = template_pixels() * 0.4 + np.array([56, 33])
    track = FaceTrack(np.tile(points, (COUNT, 1, 1)), np.ones(COUNT), np.ones(COUNT, bool), smoothed=True)
    write_openface_csv(folder / "noise.csv", track)
    write_speech(folder / "speech.wav", COUNT / 25)
    write_checkpoint(folder, tiny_spec()).rename(folder / "tiny.pth")
    (folder / "graph.pb").write_bytes(b"graph")
    (folder / "model.task").write_bytes(b"model")
    return folder


@pytest.fixture
def options(folder, tmp_path):
    return InferenceOptions(
        source_video_path=str(folder / "noise.mp4"),
        driving_audio_path=str(folder / "speech.wav"),
        pretrained_clip_DINet_path=str(folder / "tiny.pth"),
        source_openface_landmark_path=str(folder / "noise.csv"),
        face_landmarker_model=str(folder / "model.task"),
        deepspeech_model_path=str(folder / "graph.pb"),
        output=str(tmp_path / "out.mp4"),
        cache_folder="",
        device="cpu",
        crf=0,
    )


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of 1 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", place], capture_output=True)
    if mounted.returncode:
        pytest.skip("no right to mount a file system")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize("link", [None, Path.symlink_to, Path.hardlink_to])
def test_no_input_is_replaced_under_any_name(options, tmp_path, name, link):
    given = tmp_path / "given.mp4"
    given.write_bytes(b"the user's")
    output = given
    if link:
        output = tmp_path / "link.mp4"
        link(output, given)
    with pytest.raises(InputError, match=f"^--output: .* is --{name} itself"):
        inference.dub(replace(options, **{name: str(given)}, output=str(output)))
    assert given.read_bytes() == b"the user's"


def test_a_long_name_asks_for_another_output(options, folder, tmp_path):
    long = tmp_path / f"{'长' * 80}.mp4"  # 240 bytes and its suffix: a name that can be
    long.symlink_to(folder / "noise.mp4")
    chosen = replace(options, source_video_path=str(long), output="", res_video_dir=str(tmp_path / "results"))
    with pytest.raises(InputError, match="^--source_video_path: .* longer than 255 bytes; .* --output"):
        check_paths(chosen)
    assert check_paths(replace(chosen, output=str(tmp_path / "short.mp4"))) == tmp_path / "short.mp4"


def test_places_that_cannot_be_written_are_refused_before_the_work(options, folder, tmp_path):
    (tmp_path / "folder.mp4").mkdir()
    places = {
        "folder.mp4": "is a folder",
        "out.avi": "does not end in .mp4",
        f"{'x' * 252}.mp4": "longer than 255 bytes",
    }
    for name, part in places.items():
        with pytest.raises(InputError, match=f"^--output: .*{part}"):
            check_paths(replace(options, output=str(tmp_path / name)))
    with pytest.raises(InputError, match="^--res_video_dir: .*graph.pb is not a folder"):
        check_paths(replace(options, output="", res_video_dir=str(folder / "graph.pb" / "results")))
    assert [path.name for path in tmp_path.iterdir()] == ["folder.mp4"]


def test_a_folder_without_permission_is_refused_before_the_work(options):
    if os.path.isdir("/proc/self"):  # where nobody may make a file, not even root
        with pytest.raises(InputError, match="^--output: "):
            check_paths(replace(options, output="/proc/self/out.mp4"))


def test_a_disk_that_cannot_hold_the_result_is_refused_before_the_work(options, tiny_disk):
    chosen = replace(options, output=str(tiny_disk / "out.mp4"))
    check_room(chosen, 10**6)
    with pytest.raises(InputError, match=r"^--output: .*disk has 1 MB free, 46 MB are needed"):
        check_room(chosen, 10**9)


def test_a_disk_that_fills_up_keeps_the_older_result_and_no_part(options, tiny_disk, tmp_path):
    output = tiny_disk / "out.mp4"
    output.write_bytes(b"an older result")
    with pytest.raises(OSError, match="No space left"):
        inference.dub(replace(options, output=str(output), face_landmarker_model=""))
    assert output.read_bytes() == b"an older result" and list(tiny_disk.iterdir()) == [output]
