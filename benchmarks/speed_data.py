"""The data loader, on crops that are written for the purpose."""

import math
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import skimage.data
import torch

from benchmarks.sizes import Sizes
from benchmarks.speed_networks import AUDIO_CHANNELS, make_batch, make_phases, timed_stages, train, tuned_convolutions
from benchmarks.stages import CROPS, FRAMES
from benchmarks.timing import Row, measure
from config.config import StageOptions
from config.constants import CLIP_FRAMES, CROP_HEIGHT, CROP_WIDTH
from dataset import images
from dataset.layout import FRAME_NAME, TrainingSetLayout
from dataset.loader import make_loader
from dataset.manifest import ClipEntry, Video, VideoEntry, load_manifest, write_manifest
from dataset.sampler import GlobalBatchSampler
from dataset.samples import GeneratorSamples, SyncSamples, TrainingSamples
from preprocessing.pack_step import pack_crops
from training.generator_stage import NUM_HEARD

VIDEOS, CHANNELS = 4, AUDIO_CHANNELS
FEEDERS = 8
images.CACHE_BYTES = 0  # without the memory that serves small sets
HOST = torch.device("cpu")


def loader_rows(device: torch.device, sizes: Sizes) -> Iterator[Row]:
    """One process draws samples whose crops it has not decoded before, then samples from packed crops.

    On a GPU also training that is fed by eight such processes: the limit is the step alone.
    """
    with tempfile.TemporaryDirectory() as folder:
        manifest = load_manifest(make_set(Path(folder), sizes.clips))
        for kind, mouth_size in sizes.drawn:
            yield loader_row(manifest.videos, kind, mouth_size, sizes.samples)
        for kind, mouth_size in sizes.drawn:
            packed = [pack(video, TrainingSetLayout(Path(folder)), mouth_size) for video in manifest.videos]
            yield packed_row(packed, kind, mouth_size, sizes.samples)
        if device.type == "cuda":
            for name, options in timed_stages(device, sizes).items():
                if options.stage != "syncnet":
                    with tuned_convolutions(device):
                        row = fed_row(manifest.videos, name, options, device, FEEDERS, sizes.fed_seconds)
                    yield row


def make_samples(videos: list[Video], kind: str, mouth_size: int, draws: int) -> TrainingSamples:
    if kind == "syncnet":
        return SyncSamples(videos, mouth_size, draws, seed=0)
    return GeneratorSamples(videos, FRAMES[kind], mouth_size, draws, seed=0, num_heard=NUM_HEARD)


def loader_row(videos: list[Video], kind: str, mouth_size: int, count: int) -> Row:
    """The limit is decoding alone."""
    samples = make_samples(videos, kind, mouth_size, count)
    path = videos[0].paths[0]
    decode = measure("decode", "crop", lambda: [images.load_crop(path, mouth_size) for _ in range(50)], 50, HOST)
    name, crops = f"{kind} sample, mouth {mouth_size}, one worker", CROPS[kind]
    return draw(name, samples, count, limit=crops * decode.seconds, limited_by=f"{crops} JPEG crops decoded")


def packed_row(videos: list[Video], kind: str, mouth_size: int, count: int) -> Row:
    """Files are in the system's memory: the limit is copying the crops."""
    samples = make_samples(videos, kind, mouth_size, count)
    rows = np.load(videos[0].packed_crops[mouth_size])[:CLIP_FRAMES]
    copy = measure("copy", "crop", rows.copy, CLIP_FRAMES, HOST)
    name, crops = f"{kind} sample, mouth {mouth_size}, packed crops, one worker", CROPS[kind]
    return draw(name, samples, count, limit=crops * copy.seconds, limited_by=f"{crops} decoded crops copied")


def draw(name: str, samples: TrainingSamples, count: int, **known: object) -> Row:
    return measure(name, "sample", lambda: [samples[0, index] for index in range(count)], count, HOST, **known)


def pack(video: Video, layout: TrainingSetLayout, mouth_size: int) -> Video:
    """The video with the crops that data_processing.py --pack_crops makes of it."""
    pack_crops(video.name, layout, mouth_size)
    return replace(video, packed_crops={mouth_size: layout.packed_crops(mouth_size) / f"{video.name}.npy"})


def fed_row(
    videos: list[Video], name: str, options: StageOptions, device: torch.device, workers: int, seconds: float
) -> Row:
    """Training steps on batches as they come from the loader's processes."""
    phases, size = make_phases(options, device), options.batch_size
    alone = measure("step", "sample", partial(train, phases, make_batch(options, device), device), size, device)
    steps = max(2, round(seconds / (alone.seconds * size)))
    draws = math.ceil(steps * size / len(videos))
    samples = make_samples(videos, options.stage, options.mouth_size, draws)
    sampler = GlobalBatchSampler(len(samples), options.batch_size, 0, 0, 1)
    loader = make_loader(samples, sampler, workers, pin_memory=device.type == "cuda")

    def epoch() -> None:
        for batch in loader:
            train(phases, batch, device)

    label = f"DINet training, {name}, fed by {workers} workers"
    known = {"limit": alone.seconds, "limited_by": "the step alone"}
    return measure(label, "sample", epoch, len(sampler) * size, device, repeats=3, **known)


def make_set(root: Path, num_clips: int) -> Path:
    """Crops of a photograph, each shifted a little, at the quality that data_processing.py writes."""
    layout = TrainingSetLayout(root)
    photograph = cv2.resize(skimage.data.astronaut()[:, :, ::-1], (640, 640))
    entries = []
    for number in range(VIDEOS):
        name = f"video_{number}"
        features = layout.features("mel") / f"{name}.npy"
        features.parent.mkdir(parents=True, exist_ok=True)
        np.save(
            features, np.random.default_rng(number).standard_normal((num_clips * CLIP_FRAMES, CHANNELS), np.float32)
        )
        clips = [write_clip(layout, name, clip, photograph) for clip in range(num_clips)]
        entries.append(VideoEntry(name, features.relative_to(root).as_posix(), clips))
    write_manifest(layout.training_json, "mel", CHANNELS, "aligned", entries)
    return layout.training_json


def write_clip(layout: TrainingSetLayout, name: str, clip: int, photograph: np.ndarray) -> ClipEntry:
    folder = layout.crops / name / f"{clip:06d}"
    folder.mkdir(parents=True)
    paths = []
    for frame in range(clip * CLIP_FRAMES, (clip + 1) * CLIP_FRAMES):
        shift = frame % 100
        image = photograph[shift : shift + CROP_HEIGHT, shift + 100 : shift + 100 + CROP_WIDTH]
        path = folder / FRAME_NAME.format(frame)
        path.write_bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes())
        paths.append(path.relative_to(layout.root).as_posix())
    return ClipEntry(clip * CLIP_FRAMES, paths, {"lip_opening": np.linspace(0, 1, CLIP_FRAMES).tolist()})
