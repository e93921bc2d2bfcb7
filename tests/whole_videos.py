"""Puts single videos into a training set as make_dataset.py --keep_all does, for tests of what comes after."""

from pathlib import Path

from preprocessing.footage.analysis import AnalysisSettings
from preprocessing.footage.clips import Places, prepare_video
from preprocessing.footage.decisions import ClipRules

LONGEST = 1500  # frames of a clip


def place_whole_video(name: str, raw: Path, output: Path, training_set: Path) -> None:
    places, rules = Places(output, training_set, dry_run=False), ClipRules({}, max_offset=0, keep_all=True)
    outcome = prepare_video(name, raw, places, AnalysisSettings("", "", "", LONGEST), rules)
    assert outcome.status != "failed" and outcome.result.report.clips[0].name == name, outcome.detail
