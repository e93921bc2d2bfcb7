"""The training JSON: which crops belong to which audio.

    {"format": "lipsync-training-set", "version": 1, "fps": 25, "audio_feature": "mel", "audio_channel": 80,
     "crop": "aligned",
     "videos": {NAME: {"audio_feature_path": PATH,
                       "packed_crops": {"64": PATH},
                       "clip_data_list": [{"audio_start": 27, "frame_path_list": [PATH, ... 9],
                                           "lip_opening": [2.5, ... 9],
                                           "yaw": [-3.1, ... 9], "pitch": [8.2, ... 9]}]}},
     "silence": [-1.0, ...]}

`lip_opening` is in pixels of the stored crop, the head's `yaw` and `pitch` in degrees (face/pose.py); `silence` is the
audio feature's row of digital silence. Sets without them work too: their generators are then not shown what silence
looks like, and draw their references at random. `packed_crops` are .npy files of the same
crops, decoded at the size of a mouth size: (frames, h, w, 3) RGB uint8, row k the crop of frame k.

Paths are relative to the JSON's folder. A video without `audio_feature_path` holds its audio in its clips, nine rows
each: `{"frame_path_list": [PATH, ... 9], "deep_speech_list": [[0.1, ...], ... 9]}`. The JSON of the published DINet
code, nothing but such videos by name, with paths relative to the working directory, is read too.
"""

import hashlib
import json
import reprlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from config.constants import FPS
from config.errors import InputError
from dataset.array_files import check_files
from dataset.records import expected, finite_numbers, read_video, read_video_with_audio
from dataset.video import OPEN_FILES, Video, allow_open_files, map_array
from media.files import atomic_write

FORMAT, VERSION = "lipsync-training-set", 1
CROP_KINDS = ("aligned", "legacy")
MOST_CHANNELS = 10**5
ANEW = "make it anew with data_processing.py --generate_training_json"


@dataclass
class Manifest:
    """A training set as read from its JSON.

    `clips_left_out`: of a JSON of the published code, which writes clips of other than nine frames or audio rows.
    """

    path: Path
    audio_feature: str
    audio_channel: int
    crop: str
    videos: list[Video] = field(default_factory=list)
    silence: np.ndarray | None = None  # (audio_channel,) float32
    clips_left_out: int = 0

    @property
    def num_frames(self) -> int:
        return sum(len(video.paths) for video in self.videos)

    def fingerprint(self) -> str:
        """16 hexadecimal digits that say which set this is: its audio feature, crops, videos' names and frames.

        Where the set lies does not count, so that one which was moved is the same.
        """
        digest = hashlib.sha256(json.dumps([self.audio_feature, self.audio_channel, self.crop]).encode())
        for video in sorted(self.videos, key=lambda video: video.name):
            digest.update(json.dumps([video.name, len(video.frame_numbers)]).encode())
            digest.update(video.frame_numbers.astype("<i8").tobytes())
        return digest.hexdigest()[:16]


def load_manifest(path: str | Path) -> Manifest:
    """Read a training JSON, ours or the published code's, and look at the files it names but for most crops.

    Raises InputError naming the file, the video and what is wrong.
    """
    path = Path(path)
    return parse_manifest(path, read_json(path))


def parse_manifest(path: Path, content: dict) -> Manifest:
    """The same for the content of the JSON at `path`, which is emptied."""
    allow_open_files(OPEN_FILES)
    map_array.cache_clear()  # files may have been made anew since another stage read them
    if is_published(content):
        manifest = Manifest(path, "deepspeech", 0, "legacy")
        read, root, videos = read_video_with_audio, "", content
    else:
        with error_context(f"--train_data {path}: ", f"; {ANEW}"):
            manifest = read_header(path, content)
        read, root, videos = read_video, path.parent, content["videos"]
    for name in list(videos):
        with error_context(f"--train_data {path}: video {name}: "):
            with error_context("", f"; {ANEW}"):
                video, left_out = read(root, name, videos.pop(name))  # frees what has been read
            manifest.clips_left_out += left_out
            if not video.paths:
                continue
            check_files(video)
            channels = video.audio_rows().shape[1]
            manifest.audio_channel = manifest.audio_channel or channels
            if channels != manifest.audio_channel:
                raise InputError(
                    f"has {channels} audio values a row, expected {manifest.audio_channel}; "
                    "extract the audio feature again"
                )
            manifest.videos.append(video)
    if not manifest.videos:
        raise InputError(f"--train_data {path}: holds no clips; look at the summary of data_processing.py --crop_face")
    return manifest


@contextmanager
def error_context(before: str, after: str = "") -> Iterator[None]:
    """What an InputError says, with where it happened before it and what to do after it."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{before}{error}{after}") from error


def read_json(path: Path) -> dict:
    if not path.is_file():
        what = "is a folder; give the JSON in it" if path.is_dir() else f"no such file; {ANEW.replace('it anew', 'it')}"
        raise InputError(f"--train_data {path}: {what}")
    try:
        content = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=unique_keys)
    except OSError as error:
        raise InputError(f"--train_data {path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"--train_data {path}: not JSON ({reprlib.repr(str(error))}); {ANEW}") from error
    if not isinstance(content, dict):
        raise InputError(f"--train_data {path}: not a training JSON but {reprlib.repr(content)}; {ANEW}")
    return content


def unique_keys(pairs: list[tuple[str, object]]) -> dict:
    content = dict(pairs)
    if len(content) != len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"{twice} stands twice")
    return content


def is_published(content: dict) -> bool:
    """Whether the content of a training JSON is in the published code's layout."""
    return "videos" not in content and "format" not in content


def read_header(path: Path, content: dict) -> Manifest:
    """What stands before the videos, checked."""
    for name, wanted in (("format", FORMAT), ("version", VERSION), ("fps", FPS)):
        if content.get(name) != wanted:
            raise InputError(f"{name} is {reprlib.repr(content.get(name))}, expected {wanted}")
    feature = expected(content, "audio_feature", str, "the name of an audio feature", len)
    channels = expected(content, "audio_channel", int, f"1 to {MOST_CHANNELS}", lambda n: 1 <= n <= MOST_CHANNELS)
    crop = expected(content, "crop", str, " or ".join(CROP_KINDS), CROP_KINDS.__contains__)
    expected(content, "videos", dict, "videos by name")
    manifest = Manifest(path, feature, channels, crop)
    if "silence" in content:
        silence = expected(content, "silence", list, f"{channels} numbers", lambda row: len(row) == channels)
        manifest.silence = finite_numbers(silence, "silence").astype(np.float32)
    return manifest


@dataclass(frozen=True)
class ClipEntry:
    """One clip to be written: the number of its first frame, paths relative to the JSON's folder, and what is known.

    `measures`: values of its frames by the names lip_opening, yaw and pitch.
    """

    audio_start: int
    frame_paths: list[str]
    measures: dict[str, list[float]] = field(default_factory=dict)

    def record(self) -> dict:
        return {"audio_start": self.audio_start, "frame_path_list": self.frame_paths, **self.measures}


@dataclass(frozen=True)
class VideoEntry:
    """One video to be written. Paths are relative to the JSON's folder."""

    name: str
    audio_feature_path: str
    clips: list[ClipEntry]
    packed_crops: dict[int, str] = field(default_factory=dict)

    def record(self) -> dict:
        packed = {str(size): path for size, path in self.packed_crops.items()}
        return {
            "audio_feature_path": self.audio_feature_path,
            **({"packed_crops": packed} if packed else {}),
            "clip_data_list": [clip.record() for clip in self.clips],
        }


def write_manifest(
    path: Path,
    audio_feature: str,
    audio_channel: int,
    crop: str,
    videos: Iterable[VideoEntry],
    silence: np.ndarray | None = None,
) -> None:
    """Write a training JSON whole."""
    records = {video.name: video.record() for video in videos}
    write_records(path, audio_feature, audio_channel, crop, records, silence)


def write_records(
    path: Path,
    audio_feature: str,
    audio_channel: int,
    crop: str,
    records: dict[str, dict],
    silence: np.ndarray | None = None,
) -> None:
    """The same from the records of the videos by name."""
    header = {
        **{"format": FORMAT, "version": VERSION, "fps": FPS},
        **{"audio_feature": audio_feature, "audio_channel": audio_channel, "crop": crop},
    }
    with atomic_write(path) as temporary:
        quiet = {} if silence is None else {"silence": silence.tolist()}
        temporary.write_text(json.dumps({**header, "videos": records, **quiet}, ensure_ascii=False), encoding="utf-8")
