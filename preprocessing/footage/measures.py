"""What is measured of every clip, and the limits that leave clips out."""

from dataclasses import dataclass

from config.config import MakeDatasetOptions


@dataclass(frozen=True)
class Measure:
    """One number of a clip. `low` and `high` name the options (make_dataset.py) that limit it, "" where none does.

    An option of 0 sets no limit. `signed` measures are limited by their absolute value.
    """

    name: str
    unit: str
    meaning: str
    low: str = ""
    high: str = ""
    signed: bool = False


MEASURES: tuple[Measure, ...] = (
    Measure("seconds", "s", "length of the clip", low="min_seconds"),
    Measure("face_size", "px", "height of the face from the brows to the chin, median", low="min_face_size"),
    Measure("face_share", "share", "frames in which the face was found", low="min_face_share"),
    Measure(
        "yaw", "degrees", "turn of the head, its right cheek in sight above 0, median", high="max_yaw", signed=True
    ),
    Measure("pitch", "degrees", "nod of the head, looking up above 0, median", high="max_pitch", signed=True),
    Measure("sharpness", "px", "mouth size up to which the picture has detail, median", low="min_sharpness"),
    Measure("mouth_covered", "share", "frames in which something is before the mouth", high="max_mouth_covered"),
    Measure("brightness", "share", "brightness of the face, 0 black to 1 white", low="min_brightness"),
    Measure("overexposed", "share", "pixels of the face that are burnt out", high="max_overexposed"),
    Measure("loudness", "dBFS", "level of the speech, RMS", low="min_loudness"),
    Measure("clipping", "share", "samples of the sound at full scale", high="max_clipping"),
    Measure("speech", "share", "time in which somebody speaks", low="min_speech"),
    Measure("confidence", "", "how surely lips and sound go together, by --syncnet", low="min_confidence"),
)


def limits_of(options: MakeDatasetOptions) -> dict[str, tuple[float | None, float | None]]:
    """The lowest and highest value that each measure may have, by name; None where nothing limits it."""
    return {
        measure.name: tuple(
            (getattr(options, name, 0) or None) if name else None for name in (measure.low, measure.high)
        )
        for measure in MEASURES
    }


def refusals(measures: dict[str, float | None], limits: dict[str, tuple[float | None, float | None]]) -> list[str]:
    """Why a clip is left out, a few words for each limit that it breaks: "face_size 48 px, below --min_face_size 64"."""
    return []
