"""avatar.py: what a folder holds is what the video showed, it dubs as the video does, and damage is named."""

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from talking_photo import photo_frame, tiny_spec, write_checkpoint, write_speech, write_video

import avatar
import inference
from config.config import AvatarOptions, InferenceOptions
from config.errors import InputError
from dubbing.avatar import open_avatar
from dubbing.avatar_making import idle_stretch, make_avatar, rest_frame
from dubbing.avatar_record import ALL_FILES, MOUTHS, check_avatar_paths
from dubbing.made_from import made_from
from dubbing.pipeline import make_plan
from media.video import probe, read_frames

COUNT = 20


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("脸 inputs")
    write_video(folder / "face.mp4", COUNT, faceless=(7,))
    write_speech(folder / "speech.wav", 1.2)
    write_checkpoint(folder, tiny_spec()).rename(folder / "tiny.pth")
    cv2.imwrite(str(folder / "face.png"), photo_frame(0))
    return folder


def options_of(inputs: Path, output: Path, source: str = "face.mp4", **more: object) -> AvatarOptions:
    return AvatarOptions(str(inputs / source), str(inputs / "tiny.pth"), str(output), cache_folder="", **more)


def make(inputs: Path, output: Path, source: str = "face.mp4", **more: object) -> Path:
    options = options_of(inputs, output, source, **more)
    make_avatar(options, check_avatar_paths(options))
    return output


@pytest.fixture(scope="module")
def made(inputs, tmp_path_factory):
    return make(inputs, tmp_path_factory.mktemp("avatars") / "anna")


@pytest.fixture
def copy(made, tmp_path):
    """An avatar that a test may damage."""
    return Path(shutil.copytree(made, tmp_path / "copy"))


def test_any_frame_is_read_as_the_video_shows_it(inputs, made):
    opened = open_avatar(made)
    frames = list(read_frames(inputs / "face.mp4"))
    for number in (13, 2, 19, 0):
        error = np.square(opened.frames.read(number).astype(float) - frames[number]).mean()
        assert error < 255**2 / 10**4  # 40 dB
    assert opened.faces.usable.tolist() == [number != 7 for number in range(COUNT)]
    assert {path.name for path in made.iterdir()} == ALL_FILES
    assert cv2.imread(str(made / "preview.png")).shape == (232, 240, 3)
    record = opened.record
    assert (record.width, record.height, record.rate, record.audio_feature) == (240, 232, 25, "mel")


def test_it_opens_at_once(made):
    open_avatar(made)
    began = time.perf_counter()
    open_avatar(made).load_renderer("cpu", "auto")
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize("fps", [None, 12.5, 60])
def test_it_keeps_the_mouths_of_the_whole_video(inputs, tmp_path, fps):
    opened = open_avatar(make(inputs, tmp_path / "anna", fps=fps))
    plan = make_plan(dub_options(inputs, inputs / "face.mp4"))  # longer than the video
    for mouths in (opened.mouths, make_plan(dub_options(inputs, opened.folder)).mouths):
        np.testing.assert_array_equal(mouths.images, plan.mouths.images)
        np.testing.assert_array_equal(mouths.times, plan.mouths.times)


def test_an_older_avatar_has_no_mouths_of_its_own(inputs, copy):
    record = json.loads((copy / "avatar.json").read_text())
    for name in MOUTHS:
        (copy / name).unlink()
        del record["files"][name]
    (copy / "avatar.json").write_text(json.dumps(record))
    assert open_avatar(copy).mouths is None
    assert len(make_plan(dub_options(inputs, copy)).mouths.times) == COUNT - 1  # taken from its frames


def test_large_mouths_have_nothing_to_gain(inputs, tmp_path):
    spec = replace(tiny_spec(), mouth_size=256)
    write_checkpoint(tmp_path, spec).rename(tmp_path / "large.pth")
    options = replace(options_of(inputs, tmp_path / "anna"), pretrained_clip_DINet_path=str(tmp_path / "large.pth"))
    make_avatar(options, check_avatar_paths(options))
    assert open_avatar(tmp_path / "anna").mouths is None


def test_another_rate_shows_frames_at_their_times(inputs, tmp_path):
    made = make(inputs, tmp_path / "slow", fps=12.5)
    opened, frames = open_avatar(made), list(read_frames(inputs / "face.mp4"))
    assert len(opened.frames) == COUNT // 2 and opened.record.rate == 12.5
    for number in (1, 8):
        assert np.abs(opened.frames.read(number).astype(float) - frames[2 * number]).mean() < 2
    assert probe(made / "frames.mov").fps == 12.5


def dub_options(inputs: Path, source: Path, **more: str) -> InferenceOptions:
    return InferenceOptions(
        source_video_path=str(source),
        driving_audio_path=str(inputs / "speech.wav"),
        pretrained_clip_DINet_path=str(inputs / "tiny.pth"),
        cache_folder="",
        device="cpu",
        precision="fp32",
        **more,
    )


def test_inference_takes_it_in_place_of_the_video(inputs, made, tmp_path):
    results = []
    for name, source in (("video", inputs / "face.mp4"), ("avatar", made)):
        results.append(inference.dub(dub_options(inputs, source, output=str(tmp_path / f"{name}.mp4"))))
    pairs = zip(*map(read_frames, results), strict=True)
    errors = [np.square(one.astype(float) - other).mean() for one, other in pairs]
    assert len(errors) == 30 and np.mean(errors) < 255**2 / 10**3.5  # 35 dB, after two encodings
    held = replace(dub_options(inputs, made), pretrained_clip_DINet_path=str(made / "generator.pth"))
    assert make_plan(held).renderer.reference.encoded.isfinite().all()
    named = make_plan(replace(held, reference_frames="1,2,3,4,5")).renderer.reference.encoded
    assert not named.equal(make_plan(held).renderer.reference.encoded)


def test_a_result_knows_which_avatar_it_was_made_from(inputs, made, copy):
    def hash_of(path: str) -> str:
        return Path(path).read_bytes().hex()

    tag = made_from(dub_options(inputs, made), hash_of)
    assert made_from(dub_options(inputs, copy), hash_of) == tag
    change_record(copy, source="other.mp4")
    assert made_from(dub_options(inputs, copy), hash_of) != tag


def test_a_picture_is_a_head_that_stands_still(inputs, tmp_path):
    made = make(inputs, tmp_path / "still", "face.png")
    opened = open_avatar(made)
    assert len(opened.frames) == 1 and opened.record.rate == 25
    for source in (inputs / "face.png", made):
        result = inference.dub(dub_options(inputs, source, output=str(tmp_path / "still.mp4")))
        frames = np.stack(list(read_frames(result))).astype(float)
        assert len(frames) == 30
        assert frames[:, -30:].std(0).max() < 4  # the frame stands
        mouth = (slice(84, 134), slice(93, 143))
        assert np.abs(frames[9][mouth] - photo_frame(0)[mouth]).mean() > 20


def test_the_longest_closed_run_is_where_it_idles():
    closed = np.zeros(100, bool)
    assert idle_stretch(closed, 25) is None
    closed[10:25] = closed[97:] = True
    assert idle_stretch(closed, 25) is None  # shorter than it takes
    closed[40:62] = True
    assert idle_stretch(closed, 25) == range(40, 62)
    assert idle_stretch(np.ones(1, bool), 25) == range(1)


def test_the_mouth_to_rest_with_is_closed_and_looks_as_the_head_usually_does(made):
    landmarks = open_avatar(made).faces.landmarks.astype(np.float64)
    assert rest_frame(landmarks, np.zeros(COUNT, bool)) is None
    closed = np.isin(np.arange(COUNT), (4, 9, 12, 15))
    landmarks[[4, 9, 12, 15], 66] += np.array([[0, 0], [0, 0], [0, 0.1], [0, 9]])  # the lower lip
    landmarks[9, :28, 0] += 9  # a head that is turned
    assert rest_frame(landmarks, closed) == 4


def change_record(folder: Path, **changes: object) -> None:
    record = json.loads((folder / "avatar.json").read_text())
    (folder / "avatar.json").write_text(json.dumps(record | changes))


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda folder: change_record(folder, version=0), "made by version 0 of avatar.py, this is version 1"),
        (lambda folder: change_record(folder, fps="1/0"), "avatar.json is damaged"),
        (lambda folder: change_record(folder, width="240"), "width is '240'"),
        (lambda folder: change_record(folder, idle=[5, 500]), "idle is"),
        (lambda folder: change_record(folder, rest=20), "rest is 20"),
        (lambda folder: change_record(folder, files={}), "files are others"),
        (lambda folder: change_record(folder, surplus=1), "avatar.json is damaged"),
        (lambda folder: (folder / "avatar.json").write_text("[" * 10000), "avatar.json is damaged"),
        (lambda folder: (folder / "avatar.json").unlink(), "has no avatar.json"),
        (lambda folder: (folder / "landmarks.npy").unlink(), "landmarks.npy is missing"),
        (lambda folder: flip(folder / "generator.pth", 5000), "generator.pth is damaged"),
        (lambda folder: (folder / "mouths.npy").unlink(), "mouths.npy is missing"),
        (lambda folder: flip(folder / "mouths.npy", 5000), "mouths.npy is damaged"),
        (lambda folder: cut(folder / "frames.mov"), "frames.mov"),
    ],
)
def test_what_is_wrong_with_a_folder_is_one_line_that_names_it(copy, change, words):
    change(copy)
    with pytest.raises(InputError) as refused:
        open_avatar(copy)
    assert words in str(refused.value) and "copy" in str(refused.value) and "\n" not in str(refused.value)


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 255
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5000])


def test_a_damaged_frame_is_named_when_it_is_read_and_before_a_dub(inputs, copy):
    begin, size = open_avatar(copy).frames.places[3]
    flip(copy / "frames.mov", begin + size // 2)
    assert open_avatar(copy).frames.read(2) is not None
    with pytest.raises(InputError, match=r"frames.mov: picture 3 is damaged"):
        open_avatar(copy).frames.read(3)
    with pytest.raises(InputError, match="picture 3 is damaged"):
        make_plan(dub_options(inputs, copy))


def test_an_avatar_of_another_checkpoint_and_a_csv_beside_it_are_refused(inputs, made, tmp_path):
    other = write_checkpoint(tmp_path, tiny_spec("lawdnet", mask="smooth"))
    with pytest.raises(InputError, match="made with another checkpoint"):
        make_plan(replace(dub_options(inputs, made), pretrained_clip_DINet_path=str(other)))
    with pytest.raises(InputError, match="--source_openface_landmark_path"):
        inference.dub(dub_options(inputs, made, source_openface_landmark_path=str(inputs / "speech.wav")))


def test_nothing_of_a_users_is_replaced_and_a_failure_leaves_the_older_avatar(inputs, copy, tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="letter.txt"):
        check_avatar_paths(options_of(inputs, tmp_path / "mine"))
    before = (copy / "avatar.json").read_bytes()
    (inputs / "no_face.png").write_bytes(b"x")
    with pytest.raises(InputError, match="cannot be read as a video"):
        make(inputs, copy, "no_face.png")
    assert (copy / "avatar.json").read_bytes() == before
    make(inputs, copy, "face.png")  # an avatar of our own is replaced
    assert len(open_avatar(copy).frames) == 1
    monkeypatch.setattr("sys.argv", ["avatar.py", "--video", str(inputs / "face.png")])
    with pytest.raises(InputError, match="--pretrained_clip_DINet_path is not given"):
        avatar.main()
