"""Score generated videos against the true ones: pixels, landmarks, lip opening, sync, LPIPS and FID.

python evaluate.py --generated dubbed.mp4 --reference true.mp4 --syncnet output/.../syncnet/best.pth --pictures out
python evaluate.py --generated results/ --reference truth/ --json scores.json
"""

import json
from pathlib import Path

import numpy as np
from tqdm import tqdm

from config.config import METRICS, EvaluateOptions
from config.errors import InputError, run_script
from config.options import parse
from evaluation.contact_sheet import write_contact_sheet
from evaluation.metrics import image_scores, landmark_scores
from evaluation.pairs import Pair, load_pair
from evaluation.perceptual import missing_weights, perceptual_scores
from evaluation.plots import plot_lip_opening, plot_sync
from evaluation.sync import SyncJudge, load_judge, sync_scores
from face.landmarks import FaceLandmarker
from media.files import atomic_write

PERCEPTUAL = ("lpips", "fid")
VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v")


def evaluate(options: EvaluateOptions) -> dict[str, dict]:
    """Score, print a table and write what was asked for.

    Returns {"mean": scores, "videos": {name: scores}}. Raises InputError for videos that do not belong together.
    """
    metrics = chosen_metrics(options)
    judge = load_judge(options.syncnet, options.deepspeech_model_path) if "sync" in metrics else None
    paths = paired_paths(options)
    pairs, videos = [], {}
    with FaceLandmarker(options.face_landmarker_model or None) as landmarker:
        for name, (generated, reference) in tqdm(paths.items(), "evaluate", unit="video", disable=len(paths) == 1):
            pair = load_pair(generated, reference, landmarker)
            landmarker.reset()
            folder = Path(options.pictures) / (name if len(paths) > 1 else "") if options.pictures else None
            videos[name] = score_video(pair, metrics, judge, folder)
            if folder:
                draw(pair, folder, options.source)
            pairs.append(pair)
    mean = {key: float(np.mean([scores[key] for scores in videos.values()])) for key in next(iter(videos.values()))}
    mean |= perceptual_scores(pairs, [name for name in PERCEPTUAL if name in metrics])
    result = {"mean": mean, "videos": videos}
    print_table(result)
    if options.json:
        with atomic_write(options.json) as temporary:
            temporary.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
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


def needed(names, options: EvaluateOptions) -> list[tuple[str, str]]:
    """The metrics among `names` that cannot be had, each with a sentence that says what it needs."""
    missing = [(name, missing_weights(name)) for name in PERCEPTUAL if name in names]
    if "sync" in names and not options.syncnet:
        missing.append(("sync", "sync left out: give --syncnet, a checkpoint of a syncnet stage or syncnet_v2.model"))
    return [(name, sentence) for name, sentence in missing if sentence]


def paired_paths(options: EvaluateOptions) -> dict[str, tuple[Path, Path]]:
    """Generated and reference paths by name. Raises InputError where one of a pair is missing."""
    for flag in ("generated", "reference"):
        if not getattr(options, flag):
            raise InputError(f"--{flag} is not set; see evaluate.py --help")
    generated, reference = Path(options.generated), Path(options.reference)
    if not generated.is_dir():
        return {generated.stem: (generated, reference)}
    if not reference.is_dir():
        raise InputError(f"--reference {reference} is not a folder, but --generated is; give two folders or two videos")
    if options.source:
        raise InputError("--source belongs to a single video, but --generated is a folder; leave it out")
    ours, theirs = ({p.stem: p for p in sorted(f.iterdir()) if p.suffix.lower() in VIDEO_SUFFIXES} for f in
                    (generated, reference))  # fmt: skip
    if not ours:
        raise InputError(f"--generated {generated} holds no video ({', '.join(VIDEO_SUFFIXES)})")
    for name in ours:
        if name not in theirs:
            raise InputError(f"--reference {reference} holds no video named {name}, which is in --generated")
    return {name: (path, theirs[name]) for name, path in ours.items()}


def score_video(pair: Pair, metrics: list[str], judge: SyncJudge | None, folder: Path | None) -> dict[str, float]:
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
    return {**scores, "frames": float(len(pair.frames))}


def draw(pair: Pair, folder: Path, source: str) -> None:
    rows = {"generated": pair.generated_path, "true": pair.reference_path}
    if source:
        rows = {"source": Path(source), **rows}
    write_contact_sheet(folder / "contact_sheet.png", rows, pair.frames, pair.matrices)
    plot_lip_opening(folder / "lip_opening.png", pair)
    print(f"pictures: {folder}")


def print_table(result: dict[str, dict]) -> None:
    """A row a metric: the mean, and each video beside it where there are a few."""
    videos = result["videos"] if 1 < len(result["videos"]) <= 6 else {}
    header = ["mean" if len(result["videos"]) > 1 else "", *(name[:12] for name in videos)]
    print(f"{'':<16}" + "".join(f"{name:>13}" for name in header))
    for key, value in result["mean"].items():
        cells = [value, *(scores.get(key, float("nan")) for scores in videos.values())]
        print(f"{key:<16}" + "".join(f"{cell:13.3f}" for cell in cells))


def main() -> None:
    evaluate(parse(EvaluateOptions, __doc__))


if __name__ == "__main__":
    run_script(main)
