"""Which candidates become clips, under which name, and why the others do not."""

from collections.abc import Mapping
from dataclasses import dataclass

from config.constants import FPS
from face.smoothing import MAX_GAP
from preprocessing.footage.analysis import Analysis
from preprocessing.footage.candidates import Candidate
from preprocessing.footage.measures import refusals
from preprocessing.footage.report import ClipReport
from preprocessing.raw_videos import CLIP_DIGITS


@dataclass(frozen=True)
class ClipRules:
    """What a clip must be. `limits`: of measures, see measures.limits_of; `max_offset`: frames by which sound may
    be out of step and is put right. `keep_all`: clips that break them are kept all the same."""

    limits: Mapping[str, tuple[float | None, float | None]]
    max_offset: int
    keep_all: bool


@dataclass(frozen=True)
class Decision:
    """A candidate by its index in the analysis, and what becomes of it.

    `start` and `stop` are frames of the video at 25 fps; `shift`: frames by which its sound is moved forward, 0 for one
    that should have been left out.
    `is_whole`: the clip is the whole video.
    """

    index: int
    name: str
    start: int
    stop: int
    shift: int
    is_whole: bool
    report: ClipReport


def decide(video: str, num_frames: int, analysis: Analysis, rules: ClipRules) -> list[Decision]:
    """One decision for each candidate of the video of that name, which has `num_frames` frames at 25 fps.

    Where one candidate is the whole video, save a few frames without a face at its ends, the clip has the video's name
    and all its frames.
    """
    whole = len(analysis.candidates) == 1 and is_whole(analysis.candidates[0], num_frames)
    decisions = []
    for index, candidate in enumerate(analysis.candidates):
        name = video if whole else f"{video}_{index:0{CLIP_DIGITS}d}"
        start, stop = (0, num_frames) if whole else (candidate.start, candidate.stop)
        reasons = reasons_against(candidate, rules)
        kept = rules.keep_all or not reasons
        report = ClipReport(name, start / FPS, stop / FPS, kept, reasons, candidate.offset, candidate.measures)
        decisions.append(Decision(index, name, start, stop, 0 if reasons else candidate.offset or 0, whole, report))
    return decisions


def is_whole(candidate: Candidate, num_frames: int) -> bool:
    return candidate.start <= MAX_GAP and candidate.stop >= num_frames - MAX_GAP


def reasons_against(candidate: Candidate, rules: ClipRules) -> list[str]:
    """Why a candidate should be left out; nothing for one that is fit."""
    if candidate.reason:
        return [candidate.reason]
    reasons = refusals(candidate.measures, rules.limits)
    if candidate.offset is not None and abs(candidate.offset) > rules.max_offset:
        side = "late" if candidate.offset > 0 else "early"
        reasons.append(f"sound {abs(candidate.offset)} frames {side}, beyond --max_offset {rules.max_offset}")
    return reasons
