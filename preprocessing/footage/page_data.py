"""What report.html is drawn from, made compact: numbers of 6 digits, curves of 62 levels, reasons by kind."""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from preprocessing.footage.measures import MEASURES, Limits, Measure
from preprocessing.footage.report import ClipPictures, ClipReport, VideoReport
from preprocessing.footage.report_files import finite

# The page shows it like a measure, and knows it by its place, which is the first. Its limit is for either sign.
OFFSET = Measure("offset_frames", "frames", "how late the sound came before it was put in step", high="max_offset")
SYMBOLS = {"degrees": "°", "share": ""}  # that stand behind a number in place of a unit
LEVELS = np.frombuffer(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", np.uint8)
NO_LEVEL = ord("-")
CURVE_POINTS = 300
QUIETEST_DB = -60.0
WIDEST_OPENING = 0.2  # face sizes; a mouth that is wide open
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
GOLDEN = (5**0.5 - 1) / 2


def report_data(videos: Sequence[VideoReport], limits: Limits, notes: Sequence[str]) -> dict[str, Any]:
    """All of the page but the pictures."""
    clips = [(index, clip) for index, video in enumerate(videos) for clip in video.clips]
    names = list(dict.fromkeys(name for _, clip in clips for name in clip.measures))
    known = {measure.name: measure for measure in MEASURES}
    measures = [OFFSET, *(known.get(name) or Measure(name, "", "") for name in sorted_as(names, known))]
    kinds, kinds_of = reason_kinds([clip for _, clip in clips])
    return {
        "measures": [measure_data(measure, limits) for measure in measures],
        "kinds": kinds,
        "videos": [video_data(video) for video in videos],
        "clips": [
            {**clip_data(clip, measures), "video": index, "kinds": own}
            for (index, clip), own in zip(clips, kinds_of, strict=True)
        ],
        "notes": list(notes),
    }


def sorted_as(names: Sequence[str], order: Mapping[str, Any]) -> list[str]:
    """The names in the order of a mapping; those it lacks come last."""
    places = {name: place for place, name in enumerate(order)}
    return sorted(names, key=lambda name: places.get(name, len(places)))


def measure_data(measure: Measure, limits: Limits) -> dict[str, Any]:
    low, high = limits.get(measure.name, (None, None))
    if measure is OFFSET and high is not None:
        low = -high
    return {
        "label": measure.name.removesuffix("_frames").replace("_", " "),
        "unit": measure.unit,
        "symbol": SYMBOLS.get(measure.unit, measure.unit),
        "meaning": measure.meaning,
        "low": compact(low),
        "high": compact(high),
        "low_option": measure.low,
        "high_option": measure.high,
        "is_signed": measure is OFFSET,
    }


def video_data(video: VideoReport) -> dict[str, Any]:
    return {
        "path": video.path,
        "seconds": compact(video.seconds),
        "fps": compact(video.fps),
        "status": video.status,
        "reason": video.reason,
    }


def clip_data(clip: ClipReport, measures: Sequence[Measure]) -> dict[str, Any]:
    numbers = {**clip.measures, OFFSET.name: clip.offset_frames}
    return {
        "name": clip.name,
        "start": round(float(clip.start), 3),
        "end": round(float(clip.end), 3),
        "kept": bool(clip.kept),
        "reasons": list(clip.reasons),
        "values": [compact(numbers.get(measure.name)) for measure in measures],
    }


def compact(value: float | None) -> float | None:
    number = finite(value)
    return None if number is None else float(f"{number:.6g}")


def reason_kinds(clips: Sequence[ClipReport]) -> tuple[list[str], list[list[int]]]:
    """What kinds of reasons there are, and for every clip the numbers of its kinds.

    Reasons that differ in nothing but numbers are of one kind. It keeps the numbers that all of them have, such as the
    limit, and writes an ellipsis for the others.
    """
    found: dict[str, list[set[str]]] = {}
    for reason in (reason for clip in clips for reason in clip.reasons):
        numbers = NUMBER.findall(reason)
        seen = found.setdefault(NUMBER.sub("0", reason), [set() for _ in numbers])
        for values, number in zip(seen, numbers, strict=True):
            values.add(number)
    places = {kind: place for place, kind in enumerate(found)}
    kinds_of = [sorted({places[NUMBER.sub("0", reason)] for reason in clip.reasons}) for clip in clips]
    return [kind_label(kind, seen) for kind, seen in found.items()], kinds_of


def kind_label(kind: str, seen: Sequence[set[str]]) -> str:
    """The text of a kind with the numbers that were seen at each place: the only one, or an ellipsis."""
    texts = iter([next(iter(values)) if len(values) == 1 else "\N{HORIZONTAL ELLIPSIS}" for values in seen])
    return NUMBER.sub(lambda _: next(texts), kind)


def pictures_data(names: Sequence[str], pictures: Callable[[str], ClipPictures | None], room: int) -> dict[str, Any]:
    """Strip (base64), opening and loudness of every clip, None where there are none or `room` (bytes) is used up.

    Clips are taken from all over the list, so that those that are shown stand for all.
    """
    chosen: list[list[str] | None] = [None] * len(names)
    for index in scattered(len(names)):
        found = pictures(names[index])
        if found is None:
            continue
        opening = curve(found.opening / WIDEST_OPENING)
        loudness = curve(1 - found.loudness / QUIETEST_DB)
        parts = [base64.b64encode(found.strip).decode(), opening, loudness]
        room -= sum(map(len, parts))
        if room < 0:
            break
        chosen[index] = parts
    return {"of_clips": chosen, "are_all": room >= 0}


def scattered(count: int) -> list[int]:
    """0 to count - 1 in an order of which every beginning is spread evenly over all."""
    return sorted(range(count), key=lambda index: index * GOLDEN % 1)


def curve(values: np.ndarray) -> str:
    """Values (T,) from 0 to 1 as a character each, at most CURVE_POINTS of them, which are peaks; "-" for NaN."""
    values = np.asarray(values, np.float64)
    count = min(len(values), CURVE_POINTS)
    if count == 0:
        return ""
    peaks = np.fmax.reduceat(values, np.arange(count) * len(values) // count)
    missing = np.isnan(peaks)
    levels = np.rint(np.clip(np.where(missing, 0, peaks), 0, 1) * (len(LEVELS) - 1)).astype(int)
    return np.where(missing, NO_LEVEL, LEVELS[levels]).astype(np.uint8).tobytes().decode("ascii")
