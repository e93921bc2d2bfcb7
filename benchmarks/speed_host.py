"""What a dub takes beside its generator, next to a decoder and an encoder alone; and how long it takes to begin."""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import torch
from tqdm import tqdm

from benchmarks.material import write_checkpoint, write_face_video, write_speech
from benchmarks.sizes import Sizes
from benchmarks.timing import Row
from config.config import InferenceOptions
from dubbing import pipeline
from media.picture import Picture, as_new
from media.video import VideoWriter, decode_from, probe
from tools.steps import ROOT

ONE_FRAME = 0.04  # seconds of speech


def host_rows(device: torch.device, sizes: Sizes) -> Iterator[Row]:
    """Processor time a frame, faces known, with a generator that gives its input, inverted, at once; then a start."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        checkpoint = write_checkpoint(folder / "generator", 64, 32)
        sources = {"h264": write_face_video(folder / "h264.mp4", sizes.seconds)}
        sources["HEVC"] = as_hevc(sources["h264"], folder / "hevc.mp4")
        speech = write_speech(folder / "speech.wav", sizes.seconds)
        for codec, source in sources.items():
            options = dub_options(source, speech, checkpoint, device, folder)
            yield host_row(f"host side alone, 1080x1920, {codec}", options, sizes.repeats)
        short = write_speech(folder / "short.wav", ONE_FRAME)
        yield start_row(dub_options(sources["h264"], short, checkpoint, device, folder), sizes.repeats)


def dub_options(source: Path, speech: Path, checkpoint: Path, device: torch.device, folder: Path) -> InferenceOptions:
    return InferenceOptions(
        source_video_path=str(source),
        driving_audio_path=str(speech),
        pretrained_clip_DINet_path=str(checkpoint),
        output=str(folder / "result.mp4"),
        cache_folder=str(folder / "cache"),
        device=str(device),
    )


def as_hevc(source: Path, target: Path) -> Path:
    with av.open(str(target), "w") as container:
        info = probe(source)
        stream = container.add_stream(
            "libx265", rate=info.fps, options={"preset": "ultrafast", "x265-params": "log-level=none"}
        )
        stream.width, stream.height, stream.pix_fmt = info.width, info.height, "yuv420p"
        for _, frame in decode_from(info, 0):
            container.mux(stream.encode(as_new(Picture(frame).frame)))
        container.mux(stream.encode(None))
    return target


def host_row(name: str, options: InferenceOptions, repeats: int) -> Row:
    plan = pipeline.make_plan(options)
    plan.renderer.generate = lambda crops, windows: 255 - crops
    output = Path(options.output)

    def decode_and_encode() -> None:
        with VideoWriter(output, plan.info.width, plan.info.height, plan.info.fps, crf=options.crf) as writer:
            for _, frame in decode_from(plan.info, 0):
                writer.write(Picture(frame))

    works = {"alone": decode_and_encode, "whole": lambda: pipeline.write_result(plan, options, output)}
    frames = {"alone": plan.info.num_frames, "whole": plan.num_frames}
    spent = {label: [] for label in works}
    for _ in tqdm(range(repeats), name, leave=False):
        for label, work in works.items():
            spent[label].append(processor_seconds(work) / frames[label])
    limit, whole = statistics.median(spent["alone"]), spent["whole"]
    limited_by = "decoder and encoder alone, processor time"
    return Row(name, "frame", statistics.median(whole), min(whole), max(whole), limit=limit, limited_by=limited_by)


def processor_seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def start_row(options: InferenceOptions, repeats: int) -> Row:
    """inference.py from its start to the end of a dub of one frame, by the clock."""
    flags = [
        word
        for name, value in vars(options).items()
        if isinstance(value, str) and value
        for word in (f"--{name}", value)
    ]
    taken = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, ROOT / "inference.py", *flags],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        taken.append(time.perf_counter() - began)
    known = taken[1:]  # the first one finds the faces
    return Row(
        "inference.py, start to the end of one frame, faces known",
        "dub",
        statistics.median(known),
        min(known),
        max(known),
    )
