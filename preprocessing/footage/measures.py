"""What is measured of every clip, and the limits that leave clips out."""

from collections.abc import Mapping
from dataclasses import dataclass

from config.config import MakeDatasetOptions


@dataclass(frozen=True)
class Measure:
    """One number of a clip. `low` and `high` name the options (make_dataset.py) that limit it, "" where none does.

    An option of 0 sets no limit. Shares are from 0 to 1.
    """

    name: str
    unit: str
    meaning: str
    low: str = ""
    high: str = ""


MEASURES: tuple[Measure, ...] = (
    Measure("seconds", "s", "length of the clip", low="min_seconds"),
    Measure("face_size", "px", "height of the face from the brows to the chin, median", low="min_face_size"),
    Measure("face_share", "", "share of frames in which the face was found", low="min_face_share"),
    Measure("yaw", "°", "turn of the head to either side, not exceeded in 9 of 10 frames", high="max_yaw"),
    Measure("pitch", "°", "rise or fall of the head, not exceeded in 9 of 10 frames", high="max_pitch"),
    Measure("sharpness", "", "of edges in the mouth region: 100 usual, 50 twice as wide; median", low="min_sharpness"),
    Measure("mouth_covered", "", "share of frames in which something is before the mouth", high="max_mouth_covered"),
    Measure("brightness", "", "of the face, 0 black, 1 white, median", low="min_brightness"),
    Measure("overexposed", "", "share of the face that is burnt out, median", high="max_overexposed"),
    Measure("loudness", "dBFS", "level of the speech, RMS", low="min_loudness"),
    Measure("clipping", "", "share of the sound's samples at full scale or nearly", high="max_clipping"),
    Measure("speech", "", "share of the time in which somebody speaks", low="min_speech"),
    Measure("confidence", "", "how surely lips and sound go together, by --syncnet", low="min_confidence"),
)


Limits = Mapping[str, tuple[float | None, float | None]]


def limits_of(options: MakeDatasetOptions) -> dict[str, tuple[float | None, float | None]]:
    """The lowest and highest value that each measure may have, by name; None where nothing limits it."""
    return {
        measure.name: tuple((getattr(options, name) or None) if name else None for name in (measure.low, measure.high))
        for measure in MEASURES
    }


def refusals(measures: Mapping[str, float | None], limits: Limits) -> list[str]:
    """Why a clip is left out, a few words for each limit that it breaks: "face size 48.2 px, below --min_face_size 64".

    What could not be measured, such as the level of sound without speech, refuses nothing.
    """
    reasons = []
    for measure in MEASURES:
        value = measures.get(measure.name)
        low, high = limits.get(measure.name, (None, None))
        if value is None:
            continue
        if low is not None and value < low:
            reasons.append(f"{told(measure, value, low)}, below --{measure.low} {low:g}")
        if high is not None and value > high:
            reasons.append(f"{told(measure, value, high)}, above --{measure.high} {high:g}")
    return reasons


def told(measure: Measure, value: float, limit: float) -> str:
    """The measure in words, with as many digits as show on which side of the limit it lies."""
    digits = max(3, len(str(abs(int(value)))))
    while float(text := f"{value:.{digits}g}") == limit:
        digits += 1
    unit = measure.unit if measure.unit in ("", "°") else f" {measure.unit}"
    return f"{measure.name.replace('_', ' ')} {text}{unit}"
