"""Writes the clips of raw videos, each with its landmarks, and places them in a training set."""

import glob
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from config.constants import FPS
from config.errors import InputError
from dataset.layout import TrainingSetLayout
from face.openface_csv import FaceTrack, write_openface_csv
from media.video import VideoInfo, VideoWriter, probe, read_chosen_frames
from preprocessing.footage.analysis import Analysis, AnalysisSettings, analyse, grid
from preprocessing.footage.candidates import SHORTEST
from preprocessing.footage.decisions import ClipRules, Decision, decide
from preprocessing.footage.report import VideoReport
from preprocessing.jobs import Outcome
from preprocessing.origin import MEMORY, Origin, is_ours, recall
from preprocessing.placing import place_pair, refuse_foreign, withdraw

CRF = 14  # of clips that have to be written anew


@dataclass(frozen=True)
class Places:
    """Where clips go: `output` and the training set at `training_set`, None where there is none. `dry_run`: nowhere."""

    output: Path
    training_set: Path | None
    dry_run: bool


@dataclass(frozen=True)
class Prepared:
    """What became of a raw video: its report, and where the data of each clip's candidate lie, by the clip's name."""

    report: VideoReport
    analysis: Path
    candidates: dict[str, int]


def prepare_video(name: str, raw: Path, places: Places, settings: AnalysisSettings, rules: ClipRules) -> Outcome:
    """Look for clips in a raw video, and write and place those that are fit. `result`: Prepared."""
    analysis, known = analyse(name, raw, places.output, settings)
    if analysis.failure:
        report = VideoReport(str(raw), analysis.seconds, analysis.fps, "failed", analysis.failure)
        return Outcome(name, "failed", analysis.failure, Prepared(report, analysis.folder, {}))
    info = probe(raw)
    decisions = decide(name, len(grid(info)), analysis, rules)
    kept = [decision for decision in decisions if decision.report.kept]
    made = [] if places.dry_run else [make_clip(name, info, places, analysis, decision) for decision in kept]
    if not places.dry_run:
        withdraw_others(name, raw, {decision.name for decision in kept}, places)
    reason = "" if kept else why_none(decisions, info)
    clips = [decision.report for decision in decisions]
    report = VideoReport(str(raw), analysis.seconds, analysis.fps, "used" if kept else "left out", reason, clips)
    prepared = Prepared(report, analysis.folder, {decision.name: decision.index for decision in decisions})
    if not kept:
        return Outcome(name, "failed", reason, prepared)
    return Outcome(name, "done" if any(made) or not known else "kept", story(info, kept, decisions), prepared)


def why_none(decisions: list[Decision], info: VideoInfo) -> str:
    """Why no clip of a video was kept: the commonest reason."""
    if info.duration * FPS < SHORTEST:
        return f"lasts {info.num_frames} frames; a clip has at least {SHORTEST}"
    if not decisions:
        return "shows no face for half a second or more"
    reasons = ["; ".join(decision.report.reasons) for decision in decisions]
    commonest = max(sorted(set(reasons)), key=reasons.count)
    return commonest if len(set(reasons)) == 1 else f"{commonest} ({len(reasons)} stretches, all left out)"


def story(info: VideoInfo, kept: list[Decision], decisions: list[Decision]) -> str:
    """A few words on what was made of a video."""
    frames = sum(decision.stop - decision.start for decision in kept)
    if kept[0].is_whole:
        source = "25 fps as it was" if stays(info, kept[0]) else written_because(info, kept[0])
        share = kept[0].report.measures.get("face_share") or 0.0
        return f"{source}, {frames} frames, {frames / FPS:.1f} s, face in {share:.0%}"
    return f"{len(kept)} of {len(decisions)} clips, {frames / FPS:.1f} of {info.duration:.1f} s"


def written_because(info: VideoInfo, decision: Decision) -> str:
    if decision.shift:
        return f"sound moved by {decision.shift:+d} frames"
    return "deinterlaced" if info.is_interlaced else f"resampled from {float(info.fps):.3f} fps"


def stays(info: VideoInfo, decision: Decision) -> bool:
    """Whether a clip needs no change, so that the raw file itself is used."""
    return decision.is_whole and not decision.shift and info.is_constant_rate(FPS) and not info.is_interlaced


def make_clip(video: str, info: VideoInfo, places: Places, analysis: Analysis, decision: Decision) -> bool:
    """Write a clip and its CSV where they are missing or of other settings, and place them. Whether any was written."""
    target, table = (places.output / f"{decision.name}{suffix}" for suffix in (".mp4", ".csv"))
    settings = {"clip_of": video, "frames": f"{decision.start}-{decision.stop}", "shift": str(decision.shift)}
    origin, clip, written = Origin.of(places.output, info.path, analysis.folder, **settings), info.path, False
    if not stays(info, decision):
        clip, written = target, write_video(info, target, decision, Origin.of(places.output, info.path, **settings))
    if not origin.made(table):
        refuse_foreign(table, clip)
        track = analysis.data(decision.index).track
        before = analysis.candidates[decision.index].start - decision.start
        write_openface_csv(table, padded(track, before, decision.stop - decision.start))
        origin.remember(table)
        written = True
    if places.training_set is not None:
        place_pair(decision.name, clip, table, TrainingSetLayout(places.training_set))
    return written


def write_video(info: VideoInfo, target: Path, decision: Decision, origin: Origin) -> bool:
    """Write a clip at 25 fps with its sound in step, unless it is there already. Whether it was written."""
    if origin.made(target):
        return False
    if target.exists() and not is_ours(target, target.parent):
        raise InputError(f"{target} was not made by make_dataset.py and is in the way; move it away to use {info.path}")
    numbers = grid(info)[decision.start : decision.stop]
    begin = (decision.start + decision.shift) / FPS
    with VideoWriter(target, info.width, info.height, FPS, info.path, crf=CRF, audio_start=begin) as writer:
        for frame in read_chosen_frames(info, numbers.tolist()):
            writer.write(frame)
    origin.remember(target)
    return True


def padded(track: FaceTrack, before: int, length: int) -> FaceTrack:
    """A track with `before` frames without a face before it, and as many after as make it `length` frames long."""
    around = (before, length - before - len(track.success))
    landmarks = np.pad(track.landmarks, (around, (0, 0), (0, 0)))
    confidence, success = np.pad(track.confidence, around), np.pad(track.success, around)
    return replace(track, landmarks=landmarks, confidence=confidence, success=success)


def withdraw_others(video: str, raw: Path, names: set[str], places: Places) -> None:
    """Take away what earlier runs made of a video under other names than these: clips that are now left out."""
    for memory in (places.output / MEMORY).glob(f"{glob.escape(video)}*.csv"):
        known = recall(places.output / memory.name, places.output)
        if memory.stem not in names and known is not None and known["settings"].get("clip_of") == video:
            withdraw(memory.stem, raw, places.output, places.training_set)
