"""inference.py end to end on 1080x1920: where its time goes, and whether memory grows with length."""

import multiprocessing
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch

from benchmarks.material import write_checkpoint, write_face_video, write_speech
from benchmarks.timing import Row, resident_mb
from config.config import InferenceOptions
from dubbing import pipeline
from media.video import VideoWriter

SECONDS, LONG_SECONDS, FPS = 20, 200, 25
MOUTH_SIZE = {"cpu": 64, "cuda": 256}  # of the timed network, at the published width
SMALLEST = (64, 4)  # mouth size and width of the network that memory is measured with


def inference_rows(device: torch.device) -> Iterator[Row]:
    """A first and a second run on 20 s, the busy seconds of each stage, and the peak memory at 20 and 200 s."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        short = write_face_video(folder / "short.mp4", SECONDS)
        long = write_face_video(folder / "long.mp4", LONG_SECONDS)
        write_speech(folder / "short.wav", SECONDS)
        write_speech(folder / "long.wav", LONG_SECONDS)
        mouth_size = MOUTH_SIZE[device.type]
        timed = write_checkpoint(folder / "timed", mouth_size, 64)
        smallest = write_checkpoint(folder / "smallest", *SMALLEST)
        label = f"inference, mouth {mouth_size}, 1080x1920, 20 s"
        for run in ("first run", "second run"):
            busy, peak = in_a_process(dub, short, timed, str(device), str(folder / "cache"))
            yield from split(f"{label}, {run}", busy, peak)
        for source, seconds in ((short, SECONDS), (long, LONG_SECONDS)):
            busy, peak = in_a_process(dub, source, smallest, str(device), "")
            spent = busy["whole"] / (seconds * FPS)
            yield Row(f"inference, smallest network, {seconds} s", "frame", spent, spent, spent, peak_mb=peak)


def split(label: str, busy: dict[str, float], peak: float) -> Iterator[Row]:
    frames = SECONDS * FPS
    generator = busy["generator"] / frames
    whole = busy.pop("whole") / frames
    yield Row(label, "frame", whole, whole, whole, limit=generator, limited_by="busy in the generator", peak_mb=peak)
    for stage, seconds in busy.items():
        spent = seconds / frames
        yield Row(f"- {stage}", "frame", spent, spent, spent)


def in_a_process(work: Callable, *arguments: object) -> tuple[dict[str, float], float]:
    """Its own process, so that the peak memory is its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor:
        return executor.submit(work, *arguments).result()


def dub(source: Path, checkpoint: Path, device: str, cache: str) -> tuple[dict[str, float], float]:
    """Seconds that the whole took and that each stage was busy, and this process's peak memory (MB)."""
    options = InferenceOptions(
        source_video_path=str(source),
        driving_audio_path=str(source.with_suffix(".wav")),
        pretrained_clip_DINet_path=str(checkpoint),
        device=device,
        cache_folder=cache,
    )
    busy: dict[str, float] = defaultdict(float)
    began = time.perf_counter()
    plan = pipeline.make_plan(options)
    busy["start and landmarks"] = time.perf_counter() - began
    pipeline.prepare = timed_items(pipeline.prepare, "decoding and crops", busy)
    VideoWriter.write = timed(VideoWriter.write, "encoding", busy)
    plan.renderer.generate = timed(plan.renderer.generate, "generator", busy)
    plan.renderer.paster.paste = timed(plan.renderer.paster.paste, "pasting", busy)
    pipeline.write_result(plan, options, source.with_name("result.mp4"))
    busy["whole"] = time.perf_counter() - began
    return dict(busy), resident_mb()


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
