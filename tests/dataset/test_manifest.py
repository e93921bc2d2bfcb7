"""What is wrong with a training JSON, or with a file that it names, is one line when it is read."""

import copy
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tiny_set import CHANNELS, make_tiny_set

from config.errors import InputError
from dataset.layout import TrainingSetLayout
from dataset.manifest import load_manifest
from preprocessing.pack_step import pack_crops

NAME = "video 1 [视频]"


@pytest.fixture(scope="module")
def tiny_json(tmp_path_factory):
    """Three videos of three clips, packed at 64."""
    path = make_tiny_set(tmp_path_factory.mktemp("set"), videos=3, clips=3)
    layout, content = TrainingSetLayout(path.parent), json.loads(path.read_text())
    for name, video in content["videos"].items():
        pack_crops(name, layout, 64)
        video["packed_crops"] = {"64": f"{layout.packed_crops(64).name}/{name}.npy"}
    path.write_text(json.dumps(content))
    return path


def refusal(path: Path, content: object) -> str:
    """What load_manifest says of a JSON of this content beside `path`, and of nothing else."""
    changed = path.with_name("changed.json")
    changed.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    with pytest.raises(InputError) as error:
        load_manifest(changed)
    message = str(error.value)
    assert message.startswith(f"--train_data {changed}: ") and "\n" not in message
    return message


def test_what_is_read_is_what_the_json_says(tiny_json):
    """Against the JSON itself, with clips in any order."""
    content = json.loads(tiny_json.read_text())
    expected = copy.deepcopy(content["videos"])
    content["videos"][NAME]["clip_data_list"].reverse()
    shuffled = tiny_json.with_name("shuffled.json")
    shuffled.write_text(json.dumps(content))
    for manifest in (load_manifest(tiny_json), load_manifest(shuffled)):
        assert (manifest.audio_feature, manifest.audio_channel, manifest.crop) == ("mel", CHANNELS, "aligned")
        assert manifest.silence.tolist() == content["silence"] and manifest.clips_left_out == 0
        for video in manifest.videos:
            clips = expected[video.name]["clip_data_list"]
            assert video.frame_numbers.tolist() == [c["audio_start"] + k for c in clips for k in range(9)]
            assert video.paths == [str(tiny_json.parent / p) for c in clips for p in c["frame_path_list"]]
            assert video.lip_opening.tolist() == [opening for c in clips for opening in c["lip_opening"]]
            poses = [pose for c in clips for pose in zip(c["yaw"], c["pitch"], strict=True)]
            assert video.head_pose.tolist() == [list(pose) for pose in poses]
            rows = np.load(tiny_json.parent / expected[video.name]["audio_feature_path"])
            assert np.array_equal(video.audio(2, 5), rows[2:7].T)
            assert np.array_equal(video.audio_windows(np.array([0, 4]), 5), [rows[0:5].T, rows[4:9].T])


WHOLE = {
    "empty": b"",
    "no JSON": b"frames: [",
    "100,000 brackets": b"[" * 100_000,
    "100,000 brackets that close": b'{"videos":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "not UTF-8": '{"videos": {"é": {}}}'.encode("latin-1"),
    "a number of 5,000 digits": b'{"videos": ' + b"9" * 5000 + b"}",
    "random": bytes(np.random.default_rng(0).integers(0, 256, 4096, np.uint8)),
    "a list": [],
    "text": "videos",
    "null": None,
    "nothing in it": {},
    "one name for two videos": b'{"a": {"clip_data_list": []}, "a": {"clip_data_list": []}}',
}


@pytest.mark.parametrize("content", WHOLE.values(), ids=WHOLE)
def test_a_file_that_is_no_training_json_is_one_line(tiny_json, content):
    refusal(tiny_json, content)


def test_a_folder_and_a_missing_file_are_one_line(tiny_json):
    for path, said in ((tiny_json.parent, "is a folder"), (tiny_json / "x", "no such file"), ("", "is a folder")):
        with pytest.raises(InputError, match=f"^--train_data .*{said}"):
            load_manifest(path)


NAN = float("nan")
HEADER = [
    *[("format", value) for value in ("other", None, 1)],
    *[("version", value) for value in (2, "1", None)],
    *[("fps", value) for value in (30, 24.99, "25", NAN)],
    *[("audio_feature", value) for value in (5, "", None, ["mel"])],
    *[("audio_channel", value) for value in (0, -1, 12.5, 12.0, True, "12", 10**30, NAN, CHANNELS + 1)],
    *[("crop", value) for value in ("round", "", 5, None, ["aligned"])],
    *[("silence", value) for value in ([1.0], [], [NAN] * CHANNELS, ["0"] * CHANNELS, 0, None, "quiet")],
    *[("silence", value) for value in ([[0.0]] * CHANNELS, [10**400] * CHANNELS, [True] * CHANNELS, [1e39] * CHANNELS)],
    *[("videos", value) for value in ([], {}, None, "videos", 3)],
]


@pytest.mark.parametrize("key, value", HEADER, ids=lambda value: str(value)[:30])
def test_a_wrong_header_is_one_line_that_names_the_key(tiny_json, key, value):
    message = refusal(tiny_json, json.loads(tiny_json.read_text()) | {key: value})
    # Where all files disagree with the header, the first file is named; a set without videos has no key to blame.
    assert key in message or value == CHANNELS + 1 or value == {}


@pytest.mark.parametrize("key", ["version", "fps", "audio_feature", "audio_channel", "crop", "videos"])
def test_a_missing_key_of_the_header_is_named(tiny_json, key):
    content = json.loads(tiny_json.read_text())
    del content[key]
    assert key in refusal(tiny_json, content)


def in_video(**changes: object) -> Callable[[dict], None]:
    return lambda video: video.update(changes)


def in_clip(number: int = 1, **changes: object) -> Callable[[dict], None]:
    return lambda video: video["clip_data_list"][number].update(changes)


def without(key: str, of_clip: bool = True) -> Callable[[dict], None]:
    return lambda video: (video["clip_data_list"][1] if of_clip else video).pop(key)


PATHS = [f"{k}.jpg" for k in range(9)]
VIDEO = {
    "clip_data_list is missing": without("clip_data_list", of_clip=False),
    "audio_feature_path is missing": without("audio_feature_path", of_clip=False),
    "clip_data_list is []": in_video(clip_data_list=[]),
    "clip_data_list is {}": in_video(clip_data_list={}),
    "clip 0 has no audio_start": in_video(clip_data_list=[3]),
    "clip 0 has no": in_video(clip_data_list=[[]]),
    "clip 0 has": in_video(clip_data_list=["clip"]),
    "audio_feature_path is ''": in_video(audio_feature_path=""),
    "audio_feature_path is 5": in_video(audio_feature_path=5),
    "no audio_start": without("audio_start"),
    "no frame_path_list": without("frame_path_list"),
    "clip 1: audio_start is 1000": in_clip(audio_start=10**30),
    "clip 1: audio_start is -9": in_clip(audio_start=-9),
    "clip 1: audio_start is 9.5": in_clip(audio_start=9.5),
    "clip 1: audio_start is 9.0": in_clip(audio_start=9.0),
    "clip 1: audio_start is True": in_clip(audio_start=True),
    "clip 1: audio_start is '9'": in_clip(audio_start="9"),
    "clip 1: audio_start is None": in_clip(audio_start=None),
    "clip 1: audio_start is nan": in_clip(audio_start=NAN),
    "lip_opening holds True": in_clip(lip_opening=[True] * 9),
    "frame 0 stands in two": in_clip(audio_start=0),
    "frame 4 stands in two": in_clip(audio_start=4),
    "33 rows, the clips go to frame 34": in_clip(2, audio_start=26),
    "clip 1: frame_path_list is []": in_clip(frame_path_list=[]),
    "clip 1: frame_path_list is 'a": in_clip(frame_path_list="a.jpg" * 2),
    "clip 1: frame_path_list is {": in_clip(frame_path_list=dict.fromkeys(PATHS)),
    "clip 1: frame_path_list is ['0.jpg', 3": in_clip(frame_path_list=["0.jpg", 3, *PATHS[2:]]),
    "clip 1: frame_path_list is [None": in_clip(frame_path_list=[None] * 9),
    "clip 1: frame_path_list is ['', ": in_clip(frame_path_list=[""] * 9),
    "null character": in_clip(frame_path_list=["a\0.jpg"] * 9),
    "no file name has": in_clip(frame_path_list=["a\ud800.jpg"] * 9),
    "away.jpg is missing": in_clip(0, frame_path_list=["away.jpg"] * 9),
    "lip_opening is [1.0], expected 9": in_clip(lip_opening=[1.0]),
    "lip_opening is [], expected 9": in_clip(lip_opening=[]),
    "lip_opening is 2.5": in_clip(lip_opening=2.5),
    "lip_opening is None": without("lip_opening"),
    "lip_opening is empty or holds values that are not finite": in_clip(lip_opening=[NAN] * 9),
    "values that are not finite": in_clip(lip_opening=[float("inf")] * 9),
    "lip_opening holds '2.5'": in_clip(lip_opening=["2.5"] * 9),
    "lip_opening holds [1.0]": in_clip(lip_opening=[[1.0]] * 9),
    "lip_opening goes from -1": in_clip(lip_opening=[-1.0] * 9),
    "to 1e+06, expected pixels": in_clip(lip_opening=[1e6] * 9),
    "yaw is [1.0], expected 9": in_clip(yaw=[1.0]),
    "pitch is None": without("pitch"),
    "yaw holds '5'": in_clip(yaw=["5"] * 9),
    "pitch goes from": in_clip(pitch=[200.0] * 9),
    "packed_crops is []": in_video(packed_crops=[]),
    "packed_crops is {'large'": in_video(packed_crops={"large": "a.npy"}),
    "packed_crops is {'64': 5}": in_video(packed_crops={"64": 5}),
    "gone.npy is missing": in_video(packed_crops={"64": "gone.npy"}),
    "mouth_size is 65": lambda video: video.update(packed_crops={"65": video["packed_crops"]["64"]}),
    "expected uint8 pictures (208, 160, 3)": lambda video: video.update(
        packed_crops={"128": video["packed_crops"]["64"]}
    ),
    "none.npy is missing": in_video(audio_feature_path="none.npy"),
    "is missing": in_video(audio_feature_path="split_video_25fps_mel"),
}


@pytest.mark.parametrize("said, change", VIDEO.items(), ids=VIDEO)
def test_a_wrong_video_is_one_line_that_names_it(tiny_json, said, change):
    content = json.loads(tiny_json.read_text())
    change(content["videos"][NAME])
    message = refusal(tiny_json, content)
    assert f"video {NAME}: " in message and said in message


@pytest.mark.parametrize("record", [None, [], "video", 3])
def test_a_video_that_is_no_record_is_one_line(tiny_json, record):
    content = json.loads(tiny_json.read_text())
    content["videos"][NAME] = record
    assert f"video {NAME}: " in refusal(tiny_json, content)


ROWS = np.random.default_rng(0).standard_normal((33, CHANNELS)).astype(np.float32)


def with_value(value: float, dtype: type = np.float32) -> np.ndarray:
    rows = ROWS.astype(dtype)
    rows[20, CHANNELS - 1] = value
    return rows


def header(shape: str, kind: str = "<f4") -> bytes:
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


AUDIO = {
    "empty file": b"",
    "random bytes": bytes(np.random.default_rng(1).integers(0, 256, 4096, np.uint8)),
    "text": b"0.5 0.25\n" * 40,
    "header of brackets": header("(" * 50),
    "header with no size": header("('a', 3)"),
    "header that promises more": header("(99, 12)") + ROWS.tobytes(),
    "header of objects": header("(33, 12)", "|O") + b"x" * 4096,
    "cut": header("(33, 12)") + ROWS.tobytes()[:-40],
    "object": np.array([[1, "a"]] * 33, object),
    "0-D": np.float32(3),
    "1-D": ROWS[:, 0],
    "3-D": ROWS[:, :, None],
    "no rows": ROWS[:0],
    "no values": ROWS[:, :0],
    "complex": ROWS.astype(np.complex64),
    "strings": ROWS.astype(str),
    "bool": ROWS > 0,
    "dates": np.zeros((33, CHANNELS), "datetime64[s]"),
    "record": np.zeros(33, [("a", "f4"), ("b", "f4")]),
    "too few rows": ROWS[:26],
    "too few values": ROWS[:, :-1],
    "too many values": np.tile(ROWS, 2),
    "a NaN": with_value(np.nan),
    "an infinity": with_value(np.inf),
    "minus infinity": with_value(-np.inf),
    "a NaN in float16": with_value(np.nan, np.float16),
    "more than float32 holds": with_value(1e300, np.float64),
    "transposed": ROWS.T,
}


@pytest.mark.parametrize("array", AUDIO.values(), ids=AUDIO)
@pytest.mark.filterwarnings("ignore:overflow")
def test_wrong_audio_is_one_line_that_names_the_video(tiny_json, array):
    assert f"video {NAME}: " in refusal(tiny_json, with_file(tiny_json, "audio_feature_path", array))


def with_file(path: Path, key: str, array: np.ndarray | bytes) -> dict:
    content, file = json.loads(path.read_text()), path.with_name("array.npy")
    file.write_bytes(array) if isinstance(array, bytes) else np.save(file, array)
    content["videos"][NAME][key] = {"64": file.name} if key == "packed_crops" else file.name
    return content


@pytest.mark.parametrize(
    "array",
    [
        ROWS.astype(np.float64),
        ROWS.astype(np.float16),
        np.asfortranarray(ROWS),
        (9 * ROWS).astype(np.int16),
        np.full_like(ROWS, 3e38),
    ],
)
def test_audio_of_other_real_numbers_is_read_as_float32(tiny_json, array):
    path = tiny_json.with_name("other.json")
    path.write_text(json.dumps(with_file(tiny_json, "audio_feature_path", array)))
    video = next(video for video in load_manifest(path).videos if video.name == NAME)
    found = video.audio(3, 5)
    assert found.dtype == np.float32 and np.array_equal(found, array[3:8].T.astype(np.float32))


CROPS = np.zeros((27, 104, 80, 3), np.uint8)
PACKED = {
    "empty file": b"",
    "random bytes": b"\x00\x93NUMPY" * 99,
    "too few": CROPS[:26],
    "other size": CROPS[:, :, :79],
    "one channel": CROPS[..., :1],
    "no channels": CROPS[..., 0],
    "channels first": CROPS.transpose(0, 3, 1, 2),
    "float": CROPS.astype(np.float32),
    "int8": CROPS.astype(np.int8),
    "flat": CROPS.reshape(27, -1),
    "0-D": CROPS[0, 0, 0, 0],
    "none": CROPS[:0],
}


@pytest.mark.parametrize("array", PACKED.values(), ids=PACKED)
def test_wrong_packed_crops_are_one_line_that_names_the_video(tiny_json, array):
    assert f"video {NAME}: " in refusal(tiny_json, with_file(tiny_json, "packed_crops", array))


def published(folder: Path) -> dict:
    """The JSON of the published code: two videos of two clips of nine frames with their rows."""
    rng, content = np.random.default_rng(0), {}
    for name in ("a", NAME):
        clips = []
        for first in (9, 0):
            paths = [folder / name / f"{number:06d}.jpg" for number in range(first, first + 9)]
            for path in paths:
                path.parent.mkdir(exist_ok=True)
                path.touch()
            clips.append({"frame_path_list": list(map(str, paths)), "deep_speech_list": rng.random((9, 29)).tolist()})
        content[name] = {"video_clip_num": 2, "clip_data_list": clips}
    return content


def test_the_published_json_is_what_it_says_and_clips_left_out_are_counted(tmp_path):
    content = published(tmp_path)
    expected = [row for clip in reversed(content["a"]["clip_data_list"]) for row in clip["deep_speech_list"]]
    content["a"]["clip_data_list"] += [{"frame_path_list": [], "deep_speech_list": []}]
    content["short"] = {"clip_data_list": []}
    path = tmp_path / "published.json"
    path.write_text(json.dumps(content))
    manifest = load_manifest(path)
    assert manifest.clips_left_out == 1 and [video.name for video in manifest.videos] == ["a", NAME]
    video = manifest.videos[0]
    assert video.frame_numbers.tolist() == list(range(18)) and video.paths[0].endswith("000000.jpg")
    assert np.allclose(video.audio(0, 18), np.array(expected).T) and manifest.audio_channel == 29
    del content["a"]["clip_data_list"][0]
    path.write_text(json.dumps(content))
    assert load_manifest(path).videos[0].windows(5, 2).tolist() == [2]


PUBLISHED = {
    "frame_path_list is missing": without("frame_path_list"),
    "deep_speech_list is missing": without("deep_speech_list"),
    "clip_data_list is missing": without("clip_data_list", of_clip=False),
    "clip_data_list is None": in_video(clip_data_list=None),
    "deep_speech_list holds True": in_clip(deep_speech_list=[[True] + [0.5] * 28] * 9),
    "is empty": lambda video: [clip.update(deep_speech_list=[[]] * 9) for clip in video["clip_data_list"]],
    "where a record with frame_path_list": in_video(clip_data_list=["clip"]),
    "deep_speech_list is 5": in_clip(deep_speech_list=5),
    "rows of one length": in_clip(deep_speech_list=[[0.5] * 29] * 8 + [[0.5] * 28]),
    "deep_speech_list holds '0.5'": in_clip(deep_speech_list=[["0.5"] * 29] * 9),
    "deep_speech_list holds None": in_clip(0, deep_speech_list=[[None] * 29] * 9),
    "values that are not finite": in_clip(deep_speech_list=[[NAN] * 29] * 9),
    "deep_speech_list does not hold rows": in_clip(deep_speech_list=[0.5] * 9),
    "is not named by the number": in_clip(frame_path_list=[f"a/frame{k}.jpg" for k in range(9)]),
    "such as 000009.jpg": in_clip(frame_path_list=[f"a/-{k}.jpg" for k in range(9)]),
    "the number of its frame": in_clip(frame_path_list=[f"a/{10**30 + k}.jpg" for k in range(9)]),
    "frame_path_list is [1, ": in_clip(frame_path_list=list(range(1, 10))),
    "frame 9 stands in two": lambda video: video["clip_data_list"].append(video["clip_data_list"][0]),
    "missing": lambda video: [
        clip.update(frame_path_list=[f"no/{k}.jpg" for k in range(9)]) for clip in video["clip_data_list"][1:]
    ],
    "28 audio values": lambda video: [
        clip.update(deep_speech_list=[[0.5] * 28] * 9) for clip in video["clip_data_list"]
    ],
}


@pytest.mark.parametrize("said, change", PUBLISHED.items(), ids=PUBLISHED)
def test_a_wrong_published_json_is_one_line_that_names_the_video(tmp_path, said, change):
    content = published(tmp_path)
    change(content[NAME])
    message = refusal(tmp_path / "published.json", content)
    assert f"video {NAME}: " in message and said in message


def test_a_fingerprint_says_which_set_it_is_and_not_where_it_lies(tiny_json, tmp_path):
    moved = make_tiny_set(tmp_path / "elsewhere", videos=3, clips=3)
    print_of = load_manifest(tiny_json).fingerprint()
    assert load_manifest(moved).fingerprint() == print_of and len(print_of) == 16
    others = set()
    for change in (
        lambda content: content.update(audio_feature="deepspeech"),
        lambda content: content.update(crop="legacy"),
        lambda content: content["videos"].pop(NAME),
        lambda content: content["videos"].update(other=content["videos"].pop(NAME)),
        lambda content: content["videos"][NAME]["clip_data_list"].pop(),
        lambda content: content["videos"][NAME]["clip_data_list"][2].update(audio_start=24),
    ):
        content = json.loads(moved.read_text())
        change(content)
        path = moved.with_name("other.json")
        path.write_text(json.dumps(content))
        others.add(load_manifest(path).fingerprint())
    assert len(others | {print_of}) == 7
