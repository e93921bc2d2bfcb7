"""From raw video to training JSON, and training sets with very many clips."""

import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks.material import write_face_video
from benchmarks.sizes import Sizes
from benchmarks.timing import Row, measure, resident_mb
from config.constants import CLIP_FRAMES
from dataset.manifest import ClipEntry, VideoEntry, load_manifest, write_manifest
from media.video import read_frames

HOST = torch.device("cpu")
ROOT = Path(__file__).resolve().parents[1]
WORKERS = 2
MANY_VIDEOS = 100


def preprocessing_rows(device: torch.device, sizes: Sizes) -> Iterator[Row]:
    """Raw clips in two processes, beside decoding them once; writing and loading the JSON of very many clips."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        raw = folder / "raw"
        raw.mkdir()
        for number in range(sizes.raw_videos):
            write_face_video(raw / f"{number}.mp4", sizes.seconds, with_sound=True)
        decode = measure("decode", "s", partial(count_frames, raw / "0.mp4"), sizes.seconds, HOST, repeats=3)
        of_all = sizes.seconds * sizes.raw_videos
        seconds = [make_set(raw, folder / str(run)) / of_all for run in range(min(3, sizes.repeats))]
        yield Row(
            f"raw 1080x1920 to training JSON with mel, {WORKERS} workers",
            "second of video",
            *(float(np.median(seconds)), min(seconds), max(seconds)),
            limit=decode.seconds / WORKERS,
            limited_by="decoding once, in each worker",
        )
        yield from many_clips(folder / "many", sizes.many_clips)


def count_frames(video: Path) -> int:
    return sum(1 for _ in read_frames(video))


def make_set(raw: Path, folder: Path) -> float:
    """Seconds that the two scripts take."""
    data = ["--training_data_path", folder / "set", "--num_workers", WORKERS]
    began = time.perf_counter()
    for command in (
        ["make_dataset.py", "--root_folder", raw, "--output_folder", folder / "25fps", "--keep_all", *data],  # a hum
        ["data_processing.py", "--all", *data],
    ):
        subprocess.run([sys.executable, *map(str, command)], cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - began


def many_clips(folder: Path, number: int) -> Iterator[Row]:
    began = time.perf_counter()
    path = write_many(folder, number)
    spent = time.perf_counter() - began
    yield Row(f"JSON of {number:,} clips written", "set", spent, spent, spent)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor:
        spent, peak = executor.submit(load, path, number).result()
    yield Row(f"JSON of {number:,} clips loaded; its memory alone", "set", spent, spent, spent, peak_mb=peak)


def write_many(folder: Path, number: int) -> Path:
    """A JSON that looks like a large set's. Only the files that loading looks at exist."""
    clips = number // MANY_VIDEOS
    entries = []
    for speaker in range(MANY_VIDEOS):
        name = f"speaker_{speaker:04d}"
        paths = [
            [f"split_video_25fps_crop_face/{name}/{clip:06d}/{frame:06d}.jpg" for frame in range(start, start + 9)]
            for clip, start in ((clip, clip * CLIP_FRAMES) for clip in range(clips))
        ]
        first = folder / paths[0][0]
        first.parent.mkdir(parents=True)
        first.write_bytes(b"")
        np.save(folder / f"{name}.npy", np.zeros((clips * CLIP_FRAMES, 8), np.float32))
        chosen = [
            ClipEntry(i * CLIP_FRAMES, clip, {"lip_opening": [2.5] * CLIP_FRAMES}) for i, clip in enumerate(paths)
        ]
        entries.append(VideoEntry(name, f"{name}.npy", chosen))
    path = folder / "training_json.json"
    write_manifest(path, "mel", 8, "aligned", entries)
    return path


def load(path: Path, number: int) -> tuple[float, float]:
    """Seconds, and by how much this process's peak memory grows (MB)."""
    before, began = resident_mb(), time.perf_counter()
    manifest = load_manifest(path)
    assert manifest.num_frames == number * CLIP_FRAMES
    return time.perf_counter() - began, resident_mb() - before
