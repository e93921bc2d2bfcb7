"""What make_dataset.py did with every raw video and every clip: the records behind report.json, .csv and .html."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class ClipReport:
    """One stretch of one face. `start` and `end` are seconds of the raw file.

    `reasons` say why it was left out, or would have been (--keep_all). `offset_frames` is by how many frames of 25 fps
    the sound came late before it was put in step; None where no SyncNet judged it. `measures` are by the names of
    measures.MEASURES; one that could not be taken is None.
    """

    name: str
    start: float
    end: float
    kept: bool
    reasons: list[str] = field(default_factory=list)
    offset_frames: int | None = None
    measures: dict[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class VideoReport:
    """One raw file. `status`: "used" (at least one clip was kept), "left out" (none was) or "failed" (unreadable)."""

    path: str
    seconds: float | None
    fps: float | None
    status: str
    reason: str
    clips: list[ClipReport] = field(default_factory=list)


@dataclass(frozen=True)
class ClipPictures:
    """What the page shows of a clip.

    `strip`: a JPEG of six frames side by side with the face marked. `opening` (T,) is how far the lips are open, in
    face sizes, NaN where no face was found; `loudness` (T,) is the sound's level in dB of full scale; both at 25 a
    second.
    """

    strip: bytes
    opening: np.ndarray
    loudness: np.ndarray
