"""Step 5: the training JSON from crops and audio features."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from config.constants import CLIP_FRAMES
from config.errors import InputError
from dataset.layout import TrainingSetLayout
from dataset.manifest import ClipEntry, VideoEntry, write_manifest
from face.lips import lip_opening
from media.files import is_up_to_date
from preprocessing.crop_step import LANDMARKS, find_crops, read_report
from preprocessing.feature_step import SILENCE, adopt_published_text
from preprocessing.jobs import Outcome
from preprocessing.pack_step import packed_files


def generate_training_json(layout: TrainingSetLayout, audio_feature: str) -> list[Outcome]:
    """Write training_json.json and say what became of every video with crops.

    A clip whose crops or audio rows are not nine is left out and counted. Raises InputError when nothing is usable.
    """
    folders = find_crops(layout)
    crops = {read_report(folder)["crop"] for folder in folders}
    if len(crops) > 1:
        raise InputError(f"{layout.crops} mixes {' and '.join(sorted(crops))} crops; run --crop_face with one --crop")
    outcomes: list[Outcome] = []
    entries = list(video_entries(layout, folders, audio_feature, outcomes))
    if not entries:
        raise InputError(f"--training_data_path {layout.root}: no video is usable: {outcomes[0].detail}")
    channels = np.load(layout.root / entries[0].audio_feature_path, mmap_mode="r", allow_pickle=False).shape[1]
    silence = layout.features(audio_feature) / SILENCE
    write_manifest(
        layout.training_json,
        audio_feature,
        channels,
        crops.pop(),
        entries,
        np.load(silence, allow_pickle=False)[0] if silence.exists() else None,
    )
    return outcomes


def video_entries(
    layout: TrainingSetLayout, folders: list[Path], audio_feature: str, outcomes: list[Outcome]
) -> Iterator[VideoEntry]:
    features = layout.features(audio_feature)
    for folder in tqdm(folders, desc="generate_training_json", unit="video"):
        name = folder.name
        try:
            clips = sorted(path for path in folder.iterdir() if path.is_dir())
            crops = {clip.name: sorted(clip.glob("*.jpg")) for clip in clips}
            last = max((int(path.stem) for paths in crops.values() for path in paths), default=-1)
            adopt_published_text(name, features, last + 1)
            rows = feature_rows(features / f"{name}.npy", audio_feature)
        except InputError as error:
            outcomes.append(Outcome(name, "failed", str(error)))
            continue
        chosen = [paths for paths in crops.values() if is_complete(paths, rows)]
        left_out = len(crops) - len(chosen)
        if not chosen:
            outcomes.append(Outcome(name, "failed", f"none of {len(crops)} clips has nine crops and nine audio rows"))
            continue
        packed, note = current_packed(name, layout)
        details = [f"{len(chosen)} clips", f"{left_out} left out" if left_out else "", note]
        outcomes.append(Outcome(name, "done", ", ".join(filter(None, details))))
        openings = lip_openings(folder)
        entries = [
            ClipEntry(
                int(paths[0].stem),
                [relative(path, layout) for path in paths],
                [openings[path.stem] for path in paths] if openings else None,
            )
            for paths in chosen
        ]
        yield VideoEntry(name, relative(features / f"{name}.npy", layout), entries, packed)


def current_packed(name: str, layout: TrainingSetLayout) -> tuple[dict[int, str], str]:
    """Paths of the packed crops that are up to date, by mouth size, and what to say of packed crops."""
    files = packed_files(name, layout)
    current = {size: path for size, path in files.items() if is_up_to_date(path, layout.crops / name)}
    notes = [
        f"packed at {size}" if size in current else f"packed at {size} is out of date: run --pack_crops {size} again"
        for size in files
    ]
    return {size: relative(path, layout) for size, path in current.items()}, ", ".join(notes)


def relative(path: Path, layout: TrainingSetLayout) -> str:
    return path.relative_to(layout.root).as_posix()


def lip_openings(folder: Path) -> dict[str, float] | None:
    """By frame: how far the mouth is open, in pixels of the stored crop. None for crops without landmarks."""
    if not (folder / LANDMARKS).exists():
        return None
    records = np.load(folder / LANDMARKS, allow_pickle=False)
    openings = lip_opening(records["landmarks"])
    return {Path(path).stem: round(float(value), 2) for path, value in zip(records["path"], openings, strict=True)}


def feature_rows(path: Path, audio_feature: str) -> int:
    """How many rows an audio feature file has. Raises InputError when it is missing or not finite numbers."""
    if not path.exists():
        raise InputError(f"{path} is missing; run --extract_audio_feature --audio_feature {audio_feature}")
    try:
        rows = np.load(path, allow_pickle=False)
    except ValueError as error:
        raise InputError(f"{path} is not a NumPy array ({error}); extract the feature again") from error
    if rows.ndim != 2 or not np.isfinite(rows).all():
        raise InputError(f"{path} does not hold finite rows of values; extract the feature again")
    return len(rows)


def is_complete(crops: list[Path], rows: int) -> bool:
    """Nine consecutive crops, each with its row of audio."""
    numbers = [int(path.stem) for path in crops]
    return (
        len(numbers) == CLIP_FRAMES
        and numbers == list(range(numbers[0], numbers[0] + CLIP_FRAMES))
        and numbers[-1] < rows
    )
