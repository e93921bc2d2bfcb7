"""From videos to scores: what can be had, the scores of every video, their table, and the file that was asked for."""

import json
import sys
from collections.abc import Iterable

import numpy as np
from tqdm import tqdm

from config.config import METRICS, EvaluateOptions
from config.errors import InputError
from evaluation.identity import load_recogniser
from evaluation.judges import load_judge
from evaluation.paths import WITHOUT_REFERENCE, check_paths, paired_paths, picture_folder
from evaluation.perceptual import make_meters, missing_weights, perceptual_scores
from evaluation.protocol import protocol_of
from evaluation.scorer import Scorer
from face.landmarks import FaceLandmarker, warn_if_untested
from media.files import atomic_write

PERCEPTUAL = ("lpips", "dists", "fid")


def evaluate(options: EvaluateOptions) -> dict[str, dict]:
    """Score, print a table and write what was asked for.

    Returns {"mean": scores, "videos": {name: scores}, "failed": {name: reason}, "protocol": as protocol_of says}: among
    several videos, one that cannot be scored costs the others nothing, and the mean of a score is over those that have
    it. Raises InputError where none can be scored.
    """
    paths = paired_paths(options)
    check_paths(options, paths)
    protocol = protocol_of(options.protocol, paths.values())
    metrics = chosen_metrics(options)
    warn_if_untested(options.face_landmarker_model)
    judge = load_judge(options.syncnet, options.deepspeech_model_path) if "sync" in metrics else None
    recogniser = load_recogniser(options.identity_weights) if "identity" in metrics else None
    meters = make_meters([name for name in PERCEPTUAL if name in metrics])
    pairs, videos, failed = [], {}, {}
    with FaceLandmarker(options.face_landmarker_model or None) as landmarker:
        scorer = Scorer(metrics, landmarker, judge, recogniser)
        for name, each in tqdm(paths.items(), "evaluate", unit="video", disable=len(paths) == 1):
            try:
                videos[name], pair = scorer.score(each, picture_folder(options, paths, name))
                pairs += [pair] if pair else []
            except InputError as error:
                if len(paths) == 1:
                    raise
                failed[name] = str(error)
    if not videos:
        raise InputError(f"none of the {len(failed)} pairs can be scored; the first: {next(iter(failed.values()))}")
    mean = means(videos.values()) | perceptual_scores(pairs, meters)
    result = {"mean": mean, "videos": videos, "failed": failed, "protocol": protocol}
    print_table(result)
    if options.json:
        with atomic_write(options.json) as temporary:
            temporary.write_text(
                json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8", errors="backslashreplace"
            )
    return result


def means(videos: Iterable[dict[str, float]]) -> dict[str, float]:
    """Of every score, over the videos that have it, in the order in which they first come."""
    found: dict[str, list[float]] = {}
    for scores in videos:
        for name, value in scores.items():
            found.setdefault(name, []).append(value)
    return {name: float(np.mean(values)) for name, values in found.items()}


def chosen_metrics(options: EvaluateOptions) -> list[str]:
    """The metrics of --metrics; "auto" means all that can be had, and says what the others would need."""
    if options.metrics != "auto":
        names = options.metrics.split(",")
        unknown = [name for name in names if name not in METRICS]
        if unknown:
            raise InputError(f"--metrics: {unknown[0]!r} is not known; expected auto, or some of {','.join(METRICS)}")
        needs = needed(names, options)
        if needs:
            raise InputError(f"--metrics: {next(iter(needs.values()))}")
    else:
        needs = needed(METRICS, options)
        for sentence in dict.fromkeys(needs.values()):
            print(sentence)
        names = [name for name in METRICS if name not in needs]
    if options.pictures and set(names) <= set(WITHOUT_REFERENCE):
        raise InputError("--pictures: show a result beside the truth; give --reference and a metric that compares them")
    return names


def needed(names: Iterable[str], options: EvaluateOptions) -> dict[str, str]:
    """The metrics among `names` that cannot be had, each with a sentence that says what it needs."""
    missing = {name: missing_weights(name) for name in PERCEPTUAL}
    if not options.syncnet:
        missing["sync"] = "sync left out: give --syncnet, a checkpoint of a syncnet stage or syncnet_v2.model"
    if not options.identity_weights:
        missing["identity"] = "identity left out: give --identity_weights, OpenCV's face_recognition_sface_2021dec.onnx"
    if not options.source:
        missing["leak"] = "leak left out: give --source, the video that was dubbed"
    if not options.reference:
        compared = [name for name in METRICS if name not in WITHOUT_REFERENCE]
        missing |= dict.fromkeys(compared, f"{', '.join(compared)} left out: give --reference, the true video")
    return {name: missing[name] for name in names if missing.get(name)}


def print_table(result: dict[str, dict]) -> None:
    """A row a metric: the mean, and each video beside it where there are a few. Then the videos that failed."""
    videos = result["videos"] if 1 < len(result["videos"]) <= 6 else {}
    header = ["mean" if len(result["videos"]) > 1 else "", *(name[:12] for name in videos)]
    print(f"{'protocol: ' + result['protocol']:<24}" + "".join(f"{name:>13}" for name in header))
    for key, value in result["mean"].items():
        cells = [value, *(scores.get(key, float("nan")) for scores in videos.values())]
        print(f"{key:<24}" + "".join(f"{cell:13.3f}" for cell in cells))
    for name, reason in result["failed"].items():
        print(f"{name}: FAILED, and is not in the mean: {reason}", file=sys.stderr)
