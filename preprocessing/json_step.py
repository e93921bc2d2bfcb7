"""Step 5: the training JSON from crops and audio features."""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from config.constants import CLIP_FRAMES
from config.errors import InputError
from dataset.layout import TrainingSetLayout
from dataset.manifest import ClipEntry, VideoEntry, write_manifest
from face.lips import lip_opening
from face.pose import head_pose
from preprocessing.crop_step import find_crops, read_clips, read_crop_kind, read_landmarks
from preprocessing.feature_step import ANEW, SILENCE, adopt_published_text, read_rows
from preprocessing.jobs import Outcome, attempt, run_jobs
from preprocessing.origin import Origin
from preprocessing.pack_step import packed_files


@dataclass(frozen=True)
class Usable:
    """A video that can be written: its entry, the kind of its crops and the values of its audio rows."""

    entry: VideoEntry
    crop: str
    values: int


def generate_training_json(layout: TrainingSetLayout, audio_feature: str) -> list[Outcome]:
    """Write training_json.json and say what became of every video with crops, and of the row of silence.

    A clip whose crops or audio rows are not nine is left out and counted. A video whose audio rows have not as many
    values as those of most videos is refused. Raises InputError when nothing is usable.
    """
    jobs = [(folder.name, layout, audio_feature) for folder in find_crops(layout)]
    outcomes = run_jobs("generate_training_json", use_video, jobs)
    outcomes = refuse_other_values(outcomes, known_values(audio_feature))
    usable = [outcome.result for outcome in outcomes if outcome.result]
    if not usable:
        raise InputError(f"--training_data_path {layout.root}: no video is usable: {outcomes[0].detail}")
    crops = sorted({video.crop for video in usable})
    if len(crops) > 1:
        raise InputError(f"{layout.crops} mixes {' and '.join(crops)} crops; run --crop_face with one --crop")
    values = usable[0].values
    silence = attempt(use_silence, (SILENCE, layout.features(audio_feature), values))
    entries = [video.entry for video in usable]
    write_manifest(layout.training_json, audio_feature, values, crops[0], entries, silence.result)
    return [*outcomes, *([silence] if silence.status == "failed" else [])]


def use_video(name: str, layout: TrainingSetLayout, audio_feature: str) -> Outcome:
    """`result`: the video as Usable."""
    folder, features = layout.crops / name, layout.features(audio_feature)
    crops = read_clips(folder)
    last = max((int(path.stem) for paths in crops.values() for path in paths), default=-1)
    adopt_published_text(name, features, last + 1)
    path = features / f"{name}.npy"
    if not path.exists():
        raise InputError(f"{path} is missing; run --extract_audio_feature --audio_feature {audio_feature}")
    rows = read_rows(path)
    chosen = [paths for paths in crops.values() if is_complete(paths, len(rows))]
    if not chosen:
        raise InputError(f"none of {len(crops)} clips has nine crops and nine audio rows")
    clips = clip_entries(chosen, frame_measures(folder), layout)
    packed, note = current_packed(name, layout)
    left_out = len(crops) - len(chosen)
    details = [f"{len(chosen)} clips", f"{left_out} left out" if left_out else "", note]
    entry = VideoEntry(name, relative(path, layout), clips, packed)
    usable = Usable(entry, read_crop_kind(folder), rows.shape[1])
    return Outcome(name, "done", ", ".join(filter(None, details)), usable)


def use_silence(name: str, folder: Path, values: int) -> Outcome:
    """`result`: the feature's row of silence (values,), or None where it has none."""
    if not (folder / name).exists():
        return Outcome(name, "done")
    rows = read_rows(folder / name)
    if rows.shape != (1, values):
        raise InputError(f"{folder / name} holds {rows.shape[1]} values, expected {values}; {ANEW}")
    return Outcome(name, "done", result=rows[0])


def known_values(audio_feature: str) -> int | None:
    """How many values a row of a feature has; None for features of which only their model knows."""
    if audio_feature == "mel":
        from audio.mel import MelFeature

        return MelFeature.dim
    if audio_feature == "deepspeech":
        from audio.deepspeech import DeepSpeechFeature

        return DeepSpeechFeature.dim
    return None


def refuse_other_values(outcomes: list[Outcome], known: int | None) -> list[Outcome]:
    """The outcomes, those failed whose audio rows have not as many values as most; of equals, `known` decides."""
    counts = Counter(outcome.result.values for outcome in outcomes if outcome.result)
    expected = max(counts, key=lambda values: (counts[values], values == known), default=None)
    return [
        replace(
            outcome,
            status="failed",
            detail=f"{outcome.result.entry.audio_feature_path} holds {outcome.result.values} values a row, "
            f"expected {expected}; {ANEW}",
            result=None,
        )
        if outcome.result and outcome.result.values != expected
        else outcome
        for outcome in outcomes
    ]


def current_packed(name: str, layout: TrainingSetLayout) -> tuple[dict[int, str], str]:
    """Paths of the packed crops that are up to date, by mouth size, and what to say of packed crops."""
    files = packed_files(name, layout)
    origin = Origin.of(layout.root, layout.crops / name)
    current = {size: path for size, path in files.items() if origin.made(path)}
    notes = [
        f"packed at {size}" if size in current else f"packed at {size} is out of date: run --pack_crops {size} again"
        for size in files
    ]
    return {size: relative(path, layout) for size, path in current.items()}, ", ".join(notes)


def relative(path: Path, layout: TrainingSetLayout) -> str:
    return path.relative_to(layout.root).as_posix()


def clip_entries(
    clips: list[list[Path]], measures: dict[str, dict[str, float]], layout: TrainingSetLayout
) -> list[ClipEntry]:
    """Raises InputError where a crop has not been measured. `measures` as of frame_measures."""
    entries = []
    for paths in clips:
        missing = [path for path in paths if any(path.stem not in values for values in measures.values())]
        if missing:
            raise InputError(f"{missing[0]} has no landmarks; remove {missing[0].parents[1]} and run --crop_face again")
        known = {name: [values[path.stem] for path in paths] for name, values in measures.items()}
        entries.append(ClipEntry(int(paths[0].stem), [relative(path, layout) for path in paths], known))
    return entries


def frame_measures(folder: Path) -> dict[str, dict[str, float]]:
    """By name, as in a clip of the JSON, and by frame: how far the mouth is open and where the head is turned.

    Empty for crops without landmarks.
    """
    records = read_landmarks(folder)
    if records is None:
        return {}
    landmarks, stems = records["landmarks"], [Path(path).stem for path in records["path"]]
    yaw, pitch = head_pose(landmarks)
    measured = (("lip_opening", lip_opening(landmarks), 2), ("yaw", yaw, 1), ("pitch", pitch, 1))
    return {
        name: dict(zip(stems, [round(float(value), digits) for value in values], strict=True))
        for name, values, digits in measured
    }


def is_complete(crops: list[Path], rows: int) -> bool:
    """Nine consecutive crops, each with its row of audio."""
    numbers = [int(path.stem) for path in crops]
    return (
        len(numbers) == CLIP_FRAMES
        and numbers == list(range(numbers[0], numbers[0] + CLIP_FRAMES))
        and numbers[-1] < rows
    )
