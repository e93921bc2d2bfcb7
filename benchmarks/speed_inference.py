"""inference.py end to end on 1080x1920: where its time goes, and whether memory grows with length."""

import multiprocessing
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch

from benchmarks.material import write_checkpoint, write_face_video, write_speech
from benchmarks.sizes import Sizes
from benchmarks.timing import Row, measure, resident_mb
from config.config import InferenceOptions
from dubbing import pipeline
from dubbing.placer import MouthPlacer
from media.video import VideoWriter

FPS = 25
SMALLEST = (64, 4)  # mouth size and width of the network that memory is measured with


def inference_rows(device: torch.device, sizes: Sizes) -> Iterator[Row]:
    """First and second runs, the busy time of each stage in them, and the peak memory of a short and a long dub."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        short = write_face_video(folder / "short.mp4", sizes.seconds)
        long_seconds = sizes.long_seconds[device.type]
        long = write_face_video(folder / "long.mp4", long_seconds)
        for mouth_size, seconds in sizes.dubs[device.type]:
            timed = write_checkpoint(folder / f"timed_{mouth_size}", mouth_size, sizes.width)
            speech = write_speech(folder / f"{seconds}.wav", seconds)
            label = f"inference, mouth {mouth_size}, 1080x1920, {seconds} s"
            for run in ("first run", "second run"):
                result = in_a_process(dub, short, speech, timed, str(device), str(folder / f"cache_{mouth_size}"))
                yield from split(f"{label}, {run}", round(seconds * FPS), *result)
        smallest = write_checkpoint(folder / "smallest", *SMALLEST)
        for source, seconds in ((short, sizes.seconds), (long, long_seconds)):
            speech = write_speech(folder / f"{seconds}.wav", seconds)
            busy, _, peak = in_a_process(dub, source, speech, smallest, str(device), "")
            spent = busy["whole"] / (seconds * FPS)
            yield Row(f"inference, smallest network, {seconds} s", "frame", spent, spent, spent, peak_mb=peak)


def split(label: str, frames: int, busy: dict[str, float], alone: float, peak: float) -> Iterator[Row]:
    """The whole beside the generator alone, and below it what every stage took; stages overlap."""
    whole = busy.pop("whole") / frames
    yield Row(label, "frame", whole, whole, whole, limit=alone, limited_by="the generator alone", peak_mb=peak)
    for stage, seconds in busy.items():
        spent = seconds / frames
        yield Row(f"- {stage}", "frame", spent, spent, spent)


def in_a_process(work: Callable, *arguments: object) -> tuple[dict[str, float], float, float]:
    """Its own process, so that the peak memory is its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor:
        return executor.submit(work, *arguments).result()


def dub(source: Path, speech: Path, checkpoint: Path, device: str, cache: str) -> tuple[dict[str, float], float, float]:
    """Seconds that the whole took and each stage was busy, those of the generator alone a frame, peak memory (MB)."""
    options = InferenceOptions(
        source_video_path=str(source),
        driving_audio_path=str(speech),
        pretrained_clip_DINet_path=str(checkpoint),
        device=device,
        cache_folder=cache,
    )
    busy: dict[str, float] = defaultdict(float)
    began, processor_began = time.perf_counter(), time.process_time()
    plan = pipeline.make_plan(options)
    busy["start and landmarks"] = time.perf_counter() - began
    prepare, pipeline.prepare = pipeline.prepare, timed_items(pipeline.prepare, "decoding and crops", busy)
    VideoWriter.write = timed(VideoWriter.write, "encoding", busy)
    generate, plan.renderer.generate = plan.renderer.generate, timed(plan.renderer.generate, "generator", busy)
    MouthPlacer.place = timed(MouthPlacer.place, "pasting", busy)
    pipeline.write_result(plan, options, source.with_name("result.mp4"))
    busy["processor time / number of cores"] = (time.process_time() - processor_began) / os.cpu_count()
    busy["whole"] = time.perf_counter() - began
    peak = resident_mb()
    batch = next(prepare(plan, options.batch_size))
    frames = len(batch.crops)
    alone = measure("alone", "frame", lambda: generate(batch.crops, batch.windows), frames, torch.device(device))
    return dict(busy), alone.seconds, peak


def timed(work: Callable, stage: str, busy: dict[str, float]) -> Callable:
    def run(*arguments):
        began = time.perf_counter()
        result = work(*arguments)
        busy[stage] += time.perf_counter() - began
        return result

    return run


def timed_items(work: Callable[..., Iterable], stage: str, busy: dict[str, float]) -> Callable[..., Iterator]:
    def run(*arguments):
        items = iter(work(*arguments))
        while True:
            began = time.perf_counter()
            item = next(items, None)
            busy[stage] += time.perf_counter() - began
            if item is None:
                return
            yield item

    return run
