"""What is measured of every clip, and the limits that leave clips out."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """One number of a clip. `low` and `high` name the options (make_dataset.py) that limit it, "" where none does."""

    name: str
    unit: str
    meaning: str
    low: str = ""
    high: str = ""


MEASURES: tuple[Measure, ...] = (
    Measure("face_size", "px", "height of the face from the brows to the chin, median", low="min_face_size"),
)
