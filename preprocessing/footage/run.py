"""make_dataset.py from its options to its report: all raw videos of a folder, in several processes or on a cluster."""

from pathlib import Path

from config.config import MakeDatasetOptions
from config.constants import FPS
from evaluation.judges import load_judge
from face.landmarks import FaceLandmarker, find_model, warn_if_untested
from media.files import check_outputs, sweep_below
from preprocessing.footage.analysis import Analysis, AnalysisSettings, read_analysis
from preprocessing.footage.clips import Places, Prepared, prepare_video
from preprocessing.footage.decisions import ClipRules
from preprocessing.footage.measures import limits_of
from preprocessing.footage.page import write_report
from preprocessing.footage.report import ClipPictures, VideoReport
from preprocessing.jobs import Outcome, run_jobs
from preprocessing.raw_videos import find_raw_videos

ROOM = 10 << 20  # bytes; with less nothing can be made
UNCHECKED = "Nobody checked whether lips and sound are in step: give --syncnet a checkpoint to have it done."
KEPT_ALL = "--keep_all: clips that should be left out were kept all the same."
DRY_RUN = "--dry_run: no clip was written."


def make_clips(options: MakeDatasetOptions) -> int:
    """Look for clips in all raw videos, write them and the report. Returns the exit status."""
    check_landmarker(options.face_landmarker_model)
    rules = ClipRules(limits(options), options.max_offset, options.keep_all)
    root, output, placed = map(absolute, (options.root_folder, options.output_folder, options.training_data_path))
    made_folders = [folder for folder in (output, placed) if folder]
    videos = find_raw_videos(root, *made_folders)
    outputs = {"--output_folder": output, "--training_data_path": placed}
    check_outputs(outputs, {"--root_folder": root, "--syncnet": options.syncnet}, ROOM, are_folders=True)
    for folder in made_folders:
        sweep_below(folder)
    settings, places = analysis_settings(options), Places(output, placed, options.dry_run)
    jobs = [(name, path, places, settings, rules) for name, path in videos.items()]
    outcomes = run_jobs("make_dataset", prepare_video, jobs, options.num_workers, options.scheduler)
    print_table(outcomes)
    report(options, output, videos, outcomes, rules)
    return 1 if any(outcome.status == "failed" for outcome in outcomes) else 0


def absolute(path: str) -> Path | None:
    """The absolute path, for workers that may run in other folders; None where none is given."""
    return Path(path).absolute() if path else None


def check_landmarker(model: str) -> None:
    """Raise InputError before any video is read where the model is missing or cannot be loaded."""
    if model:
        warn_if_untested(model)
        with FaceLandmarker(model):
            pass
    else:
        find_model()


def limits(options: MakeDatasetOptions) -> dict[str, tuple[float | None, float | None]]:
    """The limits of all measures; that of the confidence is what suits the SyncNet unless it is given."""
    result = limits_of(options)
    if options.syncnet and not options.min_confidence:
        judge = load_judge(options.syncnet, options.deepspeech_model_path)
        result["confidence"] = (judge.least_confidence, None)
    return result


def analysis_settings(options: MakeDatasetOptions) -> AnalysisSettings:
    paths = (options.face_landmarker_model, options.syncnet, options.deepspeech_model_path)
    return AnalysisSettings(*(str(absolute(path) or "") for path in paths), round(options.max_seconds * FPS))


def print_table(outcomes: list[Outcome]) -> None:
    """One row a video: name, what happened, details."""
    names = [outcome.name.replace("\n", "\\n") for outcome in outcomes]
    words = {"done": "made", "kept": "up to date", "failed": "NOT USED"}
    for name, outcome in zip(names, outcomes, strict=True):
        print(f"{name:<{max(map(len, names))}}  {words[outcome.status]:<10}  {outcome.detail}")


def report(
    options: MakeDatasetOptions, output: Path, videos: dict[str, Path], outcomes: list[Outcome], rules: ClipRules
) -> None:
    """Write report.json, report.csv and report.html into the output folder."""
    prepared = [outcome.result for outcome in outcomes if outcome.result is not None]
    places = {name: (each.analysis, index) for each in prepared for name, index in each.candidates.items()}
    analyses: dict[Path, Analysis] = {}

    def pictures(clip: str) -> ClipPictures | None:
        folder, index = places[clip]
        if folder not in analyses:
            analyses[folder] = read_analysis(folder)
        return analyses[folder].data(index).pictures

    reports = [video_report(outcome, videos[outcome.name]) for outcome in outcomes]
    flags = {UNCHECKED: not options.syncnet, KEPT_ALL: options.keep_all, DRY_RUN: options.dry_run}
    drawn = {**rules.limits, "offset_frames": (None, options.max_offset if options.syncnet else None)}
    write_report(output, reports, drawn, pictures, [note for note, holds in flags.items() if holds])
    print(f"report: {output / 'report.html'}")


def video_report(outcome: Outcome, raw: Path) -> VideoReport:
    """What became of a video; one whose work failed before there was a report gets its reason."""
    prepared: Prepared | None = outcome.result
    return prepared.report if prepared else VideoReport(str(raw), None, None, "failed", outcome.detail)
