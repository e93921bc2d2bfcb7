"""A live face in step with the clock: when frames come out, and how fast a mouth closes."""

import math
import os
import time
from itertools import chain, cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil

from config.constants import SAMPLE_RATE
from dubbing.avatar import open_avatar
from dubbing.live.dubber import LiveDubber, LiveFrame
from dubbing.live.session import STEP, on_time, paced_frames
from dubbing.references import upright
from face.landmarks import FaceLandmarker
from face.lips import is_closed
from media.audio import read_audio
from media.live_input import SoundQueue
from media.live_output import LiveWriter

if TYPE_CHECKING:
    from benchmarks.live import LiveBenchmarkOptions

LATE = 0.04  # seconds
CHECKED = 10.0  # seconds of sound that are compared at begin, middle and end of the paced stream
LONGEST_SHIFT = 0.5  # seconds by which sound may be found out of step
WATCHED = 25  # frames after an interruption in which the mouth is looked at


def opening_seconds(avatar: Path) -> float:
    open_avatar(avatar)
    began = time.perf_counter()
    open_avatar(avatar)
    return round(time.perf_counter() - began, 3)


def make_dubber(options: "LiveBenchmarkOptions", avatar: Path) -> LiveDubber:
    return LiveDubber(avatar, device=options.device, precision=options.precision, detail=options.detail)


def pace_figures(options: "LiveBenchmarkOptions", avatar: Path, output: Path) -> dict[str, object]:
    """Speak for --minutes in step with the clock into a file. Latency: from when, by the clock, the last sample of a
    frame's window comes to when the frame is out. A frame is late against a player that began after the median one."""
    dubber, wave = make_dubber(options, avatar), read_audio(options.truth)
    count = round(options.minutes * 60 * SAMPLE_RATE / STEP)
    blocks = islice(chain.from_iterable(np.array_split(wave, -(-len(wave) // STEP)) for _ in cycle([0])), count)
    record, out = dubber.avatar.record, []
    with LiveWriter(str(output), (record.width, record.height), dubber.fps, 23, "superfast") as writer:
        began, before = time.monotonic(), taken_by_others()
        for frame in on_time(paced_frames(dubber, SoundQueue(blocks)), options.delay, float(dubber.fps)):
            out.append(time.monotonic() - began)
            writer.write(frame.image, frame.samples)
    stolen = (taken_by_others() - before) / (os.cpu_count() * (time.monotonic() - began))
    needed = [dubber.features.samples_for(k / float(dubber.fps)) / SAMPLE_RATE for k in range(len(out))]
    latency = (np.array(out) - needed)[:-WATCHED]  # the last ones come without the future that others wait for
    median, most = np.percentile(latency, [50, 99])
    return {
        "paced stream, minutes": options.minutes,
        "frames a second": round(len(latency) / (out[len(latency) - 1] - out[0] + 1 / float(dubber.fps)), 3),
        "latency, median ms": round(1e3 * median),
        "latency, 99 % ms": round(1e3 * most),
        "latency, most ms": round(1e3 * latency.max()),
        "mouths held because the machine was behind, %": round(100 * dubber.shots.num_held / len(out), 3),
        "pictures repeated because it was, %": round(100 * dubber.shots.num_repeated / len(out), 3),
        "processor time taken by other guests of the host, %": round(100 * stolen, 1),
        "frames late by over 40 ms, %": round(100 * float((latency > median + LATE).mean()), 3),
        "sound against picture in the file, most ms": round(1e3 * sound_offset(output, wave, options.minutes * 60)),
    }


def taken_by_others() -> float:
    """Seconds of processor time, of all cores, that the host gave to other guests; 0 where the system does not say."""
    return getattr(psutil.cpu_times(), "steal", 0.0)


def sound_offset(path: Path, wave: np.ndarray, seconds: float) -> float:
    """The largest shift, in seconds, of a file's sound from the repeated `wave`, near its beginning, middle and end.

    Its pictures were drawn from `wave` at their times.
    """
    made, shifts = read_audio(path), []
    for start in np.linspace(0.5, max(0.5, seconds - CHECKED - 1), 3):
        begin, length, most = (round(t * SAMPLE_RATE) for t in (start, min(CHECKED, seconds - 1.5), LONGEST_SHIFT))
        expected = np.take(wave, np.arange(begin, begin + length), mode="wrap")
        part = np.pad(made, most)[begin : begin + length + 2 * most]
        size = len(part) + length
        spectrum = np.fft.rfft(part, size) * np.conj(np.fft.rfft(expected, size))
        shifts.append(int(np.fft.irfft(spectrum, size)[: 2 * most].argmax()) - most)
    return float(np.abs(shifts).max() / SAMPLE_RATE)


def interrupt_figures(options: "LiveBenchmarkOptions", avatar: Path) -> dict[str, object]:
    """Seconds on the clock from interruptions, at random moments of speech, to the first frame with a closed mouth."""
    dubber, wave, rng, seconds = make_dubber(options, avatar), read_audio(options.truth), np.random.default_rng(0), []
    with FaceLandmarker() as landmarker:
        for _ in range(options.interruptions):
            begin = int(rng.integers(0, max(1, len(wave) - 2 * SAMPLE_RATE)))
            for k in range(begin, begin + round(rng.uniform(0.8, 1.8) * SAMPLE_RATE), STEP):
                dubber.push(wave[k : k + STEP])
            seconds.append(time_to_closed(dubber, landmarker))
    if not seconds:
        return {}
    return {
        "interruptions": len(seconds),
        "interrupt to closed mouth, median ms": whole_ms(float(np.median(seconds))),
        "interrupt to closed mouth, most ms": whole_ms(max(seconds)),
    }


def whole_ms(seconds: float) -> int | None:
    """None where it never happened."""
    return round(1e3 * seconds) if math.isfinite(seconds) else None


def time_to_closed(dubber: LiveDubber, landmarker: FaceLandmarker) -> float:
    """Interrupt, and go on in step with the clock until the mouth has been looked at for a while. Infinite: never."""
    began, idled, frames = time.monotonic(), 0, []
    dubber.interrupt()
    while len(frames) < WATCHED:
        time.sleep(max(0.0, idled / SAMPLE_RATE - (time.monotonic() - began)))
        idled += STEP
        frames += [(time.monotonic() - began, frame) for frame in dubber.idle(STEP / SAMPLE_RATE)]
    return next((when for when, frame in frames if shows_closed(frame, landmarker)), float("inf"))


def shows_closed(frame: LiveFrame, landmarker: FaceLandmarker) -> bool:
    found = landmarker.detect(np.ascontiguousarray(frame.image[..., ::-1]))
    return found is not None and bool(is_closed(upright(found[0][None]))[0])
