"""The training JSON: which crops belong to which audio.

    {"format": "lipsync-training-set", "version": 1, "fps": 25, "audio_feature": "mel", "audio_channel": 80,
     "crop": "aligned",
     "videos": {NAME: {"audio_feature_path": PATH,
                       "packed_crops": {"64": PATH},
                       "clip_data_list": [{"audio_start": 27, "frame_path_list": [PATH, ... 9],
                                           "lip_opening": [2.5, ... 9]}]}},
     "silence": [-1.0, ...]}

`lip_opening` is in pixels of the stored crop; `silence` is the audio feature's row of digital silence. Sets without
them work too: their generators are then not shown what silence looks like. `packed_crops` are .npy files of the same
crops, decoded at the size of a mouth size: (frames, h, w, 3) RGB uint8, row k the crop of frame k.

Paths are relative to the JSON's folder. The JSON of the published DINet code (inline `deep_speech_list`, paths relative
to the working directory) is read too.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from config.constants import CLIP_FRAMES, FPS
from config.errors import InputError
from media.files import atomic_write

FORMAT, VERSION = "lipsync-training-set", 1
CROP_KINDS = ("aligned", "legacy")


@lru_cache(maxsize=512)  # each keeps a file open, and systems allow a process 1,024
def map_array(path: Path) -> np.ndarray:
    """The array of a .npy file, memory-mapped. Parsing its header costs as much as decoding a small crop."""
    return np.load(path, mmap_mode="r", allow_pickle=False)


@dataclass
class Video:
    """The usable frames of one video: runs of consecutive frames, each with its crop and its audio step.

    frame_numbers (N,) rising; paths[i] is the crop of frame_numbers[i]; audio rows are those of the 25 fps frames;
    lip_opening (N,) in crop pixels, if known; packed_crops: files of decoded crops by mouth size, rows as frames.
    """

    name: str
    frame_numbers: np.ndarray
    paths: list[str]
    audio_source: Path | np.ndarray
    lip_opening: np.ndarray | None = None
    packed_crops: dict[int, Path] = field(default_factory=dict)

    def audio_rows(self) -> np.ndarray:
        """(rows, channels) float32, row k belonging to frame k; rows nobody has are NaN. Files are memory-mapped."""
        if isinstance(self.audio_source, np.ndarray):
            return self.audio_source
        return map_array(self.audio_source)

    def audio(self, first: int, count: int) -> np.ndarray:
        """Audio steps of frames first .. first + count - 1, transposed to (channels, count)."""
        return np.array(self.audio_rows()[first : first + count], dtype=np.float32).T

    def audio_windows(self, firsts: np.ndarray, count: int) -> np.ndarray:
        """audio(first, count) of every `firsts`, (n, channels, count)."""
        return np.array(sliding_window_view(self.audio_rows(), count, axis=0)[firsts], dtype=np.float32)

    def windows(self, frames: int, context: int) -> np.ndarray:
        """Positions i such that paths[i : i + frames] are consecutive frames with `context` audio steps either side."""
        numbers = self.frame_numbers
        if len(numbers) < frames:
            return np.empty(0, np.int64)
        starts = np.arange(len(numbers) - frames + 1)
        unbroken = numbers[starts + frames - 1] - numbers[starts] == frames - 1
        rows = self.audio_rows()
        known = np.isfinite(rows[:, 0]).cumsum()
        first, last = numbers[starts] - context, numbers[starts] + frames - 1 + context
        inside = (first >= 0) & (last < len(rows))
        first, last = np.clip(first, 0, len(rows) - 1), np.clip(last, 0, len(rows) - 1)
        complete = known[last] - known[first] == last - first
        return starts[unbroken & inside & complete & np.isfinite(rows[first, 0])]

    def select(self, keep: np.ndarray) -> "Video":
        """The same video with only the frames where `keep` (N,) holds."""
        paths = [path for path, kept in zip(self.paths, keep, strict=True) if kept]
        openings = None if self.lip_opening is None else self.lip_opening[keep]
        return Video(self.name, self.frame_numbers[keep], paths, self.audio_source, openings, self.packed_crops)


@dataclass
class Manifest:
    """A training set as read from its JSON."""

    path: Path
    audio_feature: str
    audio_channel: int
    crop: str
    videos: list[Video] = field(default_factory=list)
    silence: np.ndarray | None = None  # (audio_channel,) float32

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
    """Read a training JSON, ours or the published code's. Raises InputError naming the file and what is wrong."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"--train_data {path}: no such file; make it with data_processing.py --generate_training_json")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        manifest = read_ours(path, content) if "videos" in content else read_published(path, content)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise InputError(
            f"--train_data {path}: not a training JSON ({type(error).__name__}: {error}); "
            "make it anew with data_processing.py --generate_training_json"
        ) from error
    if not manifest.videos:
        raise InputError(f"--train_data {path}: holds no clips; look at the summary of data_processing.py --crop_face")
    check_first_files(manifest)
    return manifest


def read_ours(path: Path, content: dict) -> Manifest:
    if content["format"] != FORMAT or content["version"] != VERSION or content["fps"] != FPS:
        raise ValueError(f"format {content['format']} version {content['version']} at {content['fps']} fps")
    manifest = Manifest(path, content["audio_feature"], int(content["audio_channel"]), content["crop"])
    if "silence" in content:
        manifest.silence = np.array(content["silence"], np.float32)
    videos = content["videos"]
    for name in list(videos):
        entry = videos.pop(name)  # frees what has been read: a quarter of the memory
        clips = entry["clip_data_list"]
        numbers = np.concatenate([clip["audio_start"] + np.arange(len(clip["frame_path_list"])) for clip in clips])
        paths = [os.path.join(path.parent, frame) for clip in clips for frame in clip["frame_path_list"]]
        known = all("lip_opening" in clip for clip in clips)
        openings = np.concatenate([clip["lip_opening"] for clip in clips]) if known else None
        packed = {int(size): path.parent / file for size, file in entry.get("packed_crops", {}).items()}
        source = path.parent / entry["audio_feature_path"]
        manifest.videos.append(Video(name, numbers, paths, source, openings, packed))
    return manifest


def read_published(path: Path, content: dict) -> Manifest:
    """The published layout: nine frames and nine rows of 29 values in every clip, crops unaligned."""
    manifest = Manifest(path, "deepspeech", 0, "legacy")
    for name, entry in content.items():
        numbers, paths, rows = [], [], {}
        for clip in entry["clip_data_list"]:
            frames, steps = clip["frame_path_list"], clip["deep_speech_list"]
            if len(frames) != CLIP_FRAMES or len(steps) != CLIP_FRAMES:
                continue  # the published code writes such clips and crashes on them
            frames = [frame.replace("\\", "/") for frame in frames]
            clip_numbers = [int(Path(frame).stem) for frame in frames]
            numbers += clip_numbers
            paths += frames
            rows.update(zip(clip_numbers, steps, strict=True))
        if not rows:
            continue
        audio = np.full((max(rows) + 1, len(next(iter(rows.values())))), np.nan, np.float32)
        audio[list(rows)] = list(rows.values())
        manifest.audio_channel = audio.shape[1]
        manifest.videos.append(Video(name, np.array(numbers), paths, audio))
    return manifest


def check_first_files(manifest: Manifest) -> None:
    """Fail early where the set was moved: look for the first crop, packed crops and the audio of every video."""
    for video in manifest.videos:
        needed = [Path(video.paths[0]), *video.packed_crops.values()]
        if isinstance(video.audio_source, Path):
            needed.append(video.audio_source)
        for file in needed:
            if not file.exists():
                raise InputError(
                    f"--train_data {manifest.path}: {file} is missing; move the whole folder together, "
                    "or run data_processing.py --generate_training_json again"
                )
        channels = video.audio_rows().shape[1]
        if channels != manifest.audio_channel:
            raise InputError(
                f"--train_data {manifest.path}: {video.name} has {channels} audio values a step, "
                f"expected {manifest.audio_channel}; extract the audio feature again"
            )


@dataclass(frozen=True)
class ClipEntry:
    """One clip to be written: the number of its first frame, paths relative to the JSON's folder, lip openings."""

    audio_start: int
    frame_paths: list[str]
    lip_opening: list[float] | None = None

    def record(self) -> dict:
        known = {} if self.lip_opening is None else {"lip_opening": self.lip_opening}
        return {"audio_start": self.audio_start, "frame_path_list": self.frame_paths, **known}


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
    header = {
        **{"format": FORMAT, "version": VERSION, "fps": FPS},
        **{"audio_feature": audio_feature, "audio_channel": audio_channel, "crop": crop},
    }
    entries = {video.name: video.record() for video in videos}
    with atomic_write(path) as temporary:
        quiet = {} if silence is None else {"silence": silence.tolist()}
        temporary.write_text(json.dumps({**header, "videos": entries, **quiet}, ensure_ascii=False), encoding="utf-8")
