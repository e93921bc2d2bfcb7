"""Make a training set from 25 fps videos and their landmarks, step by step or with --all.

Steps write beside each other in --training_data_path; what is up to date is skipped. Exit status 1 if a video failed.
"""

from collections.abc import Callable
from pathlib import Path

from config.config import DataProcessingOptions
from config.errors import InputError, run_script
from config.options import parse
from dataset.layout import TrainingSetLayout
from preprocessing.jobs import attempt, run_jobs, summarise

ROOM = 10 << 20  # bytes; with less nothing can be made


def main() -> int:
    options = parse(DataProcessingOptions, __doc__)
    steps = chosen_steps(options)
    if not steps:
        raise InputError(
            "no step given; use --all or step flags such as --extract_audio (see data_processing.py --help)"
        )
    if options.pack_crops % 32:
        raise InputError(f"--pack_crops is {options.pack_crops}; expected a multiple of 32, such as 64, 128 or 256")
    layout = TrainingSetLayout(Path(options.training_data_path).absolute())  # workers may run elsewhere
    prepare(layout)
    failures = sum(step(options, layout) for step in steps)
    return 1 if failures else 0


def prepare(layout: TrainingSetLayout) -> None:
    """Check that the set can be written and that its videos can be told apart, and sweep what dead processes left."""
    from media.files import check_outputs, sweep_below
    from preprocessing.media_steps import visible_videos

    if not layout.root.is_dir():
        raise InputError(f"--training_data_path {layout.root}: no such folder; see make_dataset.py")
    check_outputs({"--training_data_path": layout.root}, {}, ROOM, are_folders=True)
    visible_videos(layout)
    sweep_below(layout.root)


def chosen_steps(options: DataProcessingOptions) -> list[Callable[[DataProcessingOptions, TrainingSetLayout], int]]:
    """The steps asked for, in the order in which they need each other."""
    if options.extract_deep_speech:
        options.audio_feature = "deepspeech"
    frames = options.extract_video_frame or options.extract_video_frame_multithreading
    features = options.all or options.extract_audio_feature or options.extract_deep_speech
    wanted = (
        (frames, frame_step),
        (options.all or options.extract_audio, audio_step),
        (features, feature_step),
        (options.all or options.crop_face or options.crop_face_multithreading, crop_step),
        (options.pack_crops > 0, pack_step),
        (options.all or options.generate_training_json, json_step),
    )
    return [step for is_wanted, step in wanted if is_wanted]


def frame_step(options: DataProcessingOptions, layout: TrainingSetLayout) -> int:
    from preprocessing.media_steps import extract_frames, find_videos

    workers = options.num_workers if options.extract_video_frame_multithreading else 1
    jobs = [(video.stem, video, layout) for video in find_videos(layout)]
    return summarise(
        "extract_video_frame", run_jobs("extract_video_frame", extract_frames, jobs, workers, options.scheduler)
    )


def audio_step(options: DataProcessingOptions, layout: TrainingSetLayout) -> int:
    from preprocessing.media_steps import extract_audio, find_videos

    jobs = [(video.stem, video, layout) for video in find_videos(layout)]
    return summarise("extract_audio", run_jobs("extract_audio", extract_audio, jobs))


def feature_step(options: DataProcessingOptions, layout: TrainingSetLayout) -> int:
    from audio.features import get_audio_feature
    from preprocessing.feature_step import SILENCE, extract_feature, save_silence
    from preprocessing.media_steps import find_videos

    title = f"extract_audio_feature {options.audio_feature}"
    videos = find_videos(layout)
    feature = get_audio_feature(options.audio_feature, options.deepspeech_model_path, feature_device(options))
    outcomes = run_jobs(title, extract_feature, [(video.stem, video, layout, feature) for video in videos])
    silence = attempt(save_silence, (SILENCE, layout, feature))
    return summarise(title, [*outcomes, *([silence] if silence.status == "failed" else [])])


def feature_device(options: DataProcessingOptions) -> str:
    """Where an audio feature runs: only those of hf: ask PyTorch, which takes seconds to import."""
    if not options.audio_feature.startswith("hf:"):
        return "cpu"
    from models.device import choose_device

    return str(choose_device(options.device))


def crop_step(options: DataProcessingOptions, layout: TrainingSetLayout) -> int:
    from preprocessing.crop_step import crop_video, merge_landmarks
    from preprocessing.media_steps import find_videos

    workers = options.num_workers if options.all or options.crop_face_multithreading else 1
    jobs = [
        (video.stem, video, layout, options.crop, options.seed + number)
        for number, video in enumerate(find_videos(layout))
    ]
    outcomes = run_jobs("crop_face", crop_video, jobs, workers, options.scheduler)
    crops, unreadable = merge_landmarks(layout)
    failed = {outcome.name for outcome in outcomes if outcome.status == "failed"}
    failures = summarise("crop_face", outcomes + [outcome for outcome in unreadable if outcome.name not in failed])
    print(f"{layout.crop_landmarks}: {crops} crops")
    return failures


def pack_step(options: DataProcessingOptions, layout: TrainingSetLayout) -> int:
    from preprocessing.crop_step import find_crops
    from preprocessing.pack_step import pack_crops

    title = f"pack_crops {options.pack_crops}"
    jobs = [(folder.name, layout, options.pack_crops) for folder in find_crops(layout)]
    return summarise(title, run_jobs(title, pack_crops, jobs, options.num_workers, options.scheduler))


def json_step(options: DataProcessingOptions, layout: TrainingSetLayout) -> int:
    from preprocessing.json_step import generate_training_json

    failures = summarise("generate_training_json", generate_training_json(layout, options.audio_feature))
    print(f"{layout.training_json}: written")
    return failures


if __name__ == "__main__":
    run_script(main)
