"""From pairs of videos to scores: all metrics of one pair, a table of all, and the files that were asked for."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from tqdm import tqdm

from config.config import METRICS, EvaluateOptions
from config.errors import InputError
from evaluation.contact_sheet import write_contact_sheet
from evaluation.judges import SyncJudge, load_judge
from evaluation.metrics import image_scores, landmark_scores
from evaluation.pairs import Pair, load_pair
from evaluation.paths import check_paths, paired_paths, picture_folder
from evaluation.perceptual import make_meters, missing_weights, perceptual_scores
from evaluation.plots import plot_lip_opening, plot_sync
from evaluation.sync import sync_scores
from face.landmarks import FaceLandmarker, warn_if_untested
from media.files import atomic_write

PERCEPTUAL = ("lpips", "fid")


def evaluate(options: EvaluateOptions) -> dict[str, dict]:
    """Score, print a table and write what was asked for.

    Returns {"mean": scores, "videos": {name: scores}, "failed": {name: reason}}: among several pairs, one that cannot
    be scored costs the others nothing. Raises InputError where none can.
    """
    paths = paired_paths(options)
    check_paths(options, paths)
    metrics = chosen_metrics(options)
    warn_if_untested(options.face_landmarker_model)
    judge = load_judge(options.syncnet, options.deepspeech_model_path) if "sync" in metrics else None
    meters = make_meters([name for name in PERCEPTUAL if name in metrics])
    pairs, videos, failed = [], {}, {}
    with FaceLandmarker(options.face_landmarker_model or None) as landmarker:
        for name, both in tqdm(paths.items(), "evaluate", unit="video", disable=len(paths) == 1):
            try:
                pair = load_pair(*both, landmarker)
                videos[name] = score_video(pair, metrics, judge, picture_folder(options, paths, name), options.source)
                pairs.append(pair)
            except InputError as error:
                if len(paths) == 1:
                    raise
                failed[name] = str(error)
    if not videos:
        raise InputError(f"none of the {len(failed)} pairs can be scored; the first: {next(iter(failed.values()))}")
    mean = {key: float(np.mean([scores[key] for scores in videos.values()])) for key in next(iter(videos.values()))}
    result = {"mean": mean | perceptual_scores(pairs, meters), "videos": videos, "failed": failed}
    print_table(result)
    if options.json:
        with atomic_write(options.json) as temporary:
            temporary.write_text(
                json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8", errors="backslashreplace"
            )
    return result


def chosen_metrics(options: EvaluateOptions) -> list[str]:
    """The metrics of --metrics; "auto" means all whose weights are at hand, and says what the others would need."""
    if options.metrics != "auto":
        names = options.metrics.split(",")
        unknown = [name for name in names if name not in METRICS]
        if unknown:
            raise InputError(f"--metrics: {unknown[0]!r} is not known; expected auto, or some of {','.join(METRICS)}")
        needs = needed(names, options)
        if needs:
            raise InputError(f"--metrics: {needs[0][1]}")
        return names
    needs = dict(needed(METRICS, options))
    for sentence in needs.values():
        print(sentence)
    return [name for name in METRICS if name not in needs]


def needed(names: Iterable[str], options: EvaluateOptions) -> list[tuple[str, str]]:
    """The metrics among `names` that cannot be had, each with a sentence that says what it needs."""
    missing = [(name, missing_weights(name)) for name in PERCEPTUAL if name in names]
    if "sync" in names and not options.syncnet:
        missing.append(("sync", "sync left out: give --syncnet, a checkpoint of a syncnet stage or syncnet_v2.model"))
    return [(name, sentence) for name, sentence in missing if sentence]


def score_video(
    pair: Pair, metrics: list[str], judge: SyncJudge | None, folder: Path | None, source: str
) -> dict[str, float]:
    """All scores of a pair, and its pictures in `folder` if there is one."""
    scores: dict[str, float] = {}
    if "image" in metrics:
        scores |= image_scores(pair)
    if "landmarks" in metrics:
        scores |= landmark_scores(pair)
    if judge:
        values, distances = sync_scores(pair, judge)
        scores |= values
        if folder:
            plot_sync(folder / "sync.png", distances)
    if folder:
        draw(pair, folder, source)
    return {**scores, "frames": float(len(pair.frames))}


def draw(pair: Pair, folder: Path, source: str) -> None:
    rows = {"generated": pair.generated_path, "true": pair.reference_path}
    if source:
        rows = {"source": Path(source), **rows}
    write_contact_sheet(folder / "contact_sheet.png", rows, pair.frames, pair.matrices)
    plot_lip_opening(folder / "lip_opening.png", pair)
    print(f"pictures: {folder}")


def print_table(result: dict[str, dict]) -> None:
    """A row a metric: the mean, and each video beside it where there are a few. Then the videos that failed."""
    videos = result["videos"] if 1 < len(result["videos"]) <= 6 else {}
    header = ["mean" if len(result["videos"]) > 1 else "", *(name[:12] for name in videos)]
    print(f"{'':<16}" + "".join(f"{name:>13}" for name in header))
    for key, value in result["mean"].items():
        cells = [value, *(scores.get(key, float("nan")) for scores in videos.values())]
        print(f"{key:<16}" + "".join(f"{cell:13.3f}" for cell in cells))
    for name, reason in result["failed"].items():
        print(f"{name}: FAILED, and is not in the mean: {reason}", file=sys.stderr)
