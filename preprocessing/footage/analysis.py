"""The analysis of one raw video: all candidates for clips, kept in a folder so that a later run need not look again."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import parent_process
from pathlib import Path

import numpy as np
from tqdm import tqdm

from config.constants import FPS
from config.errors import InputError
from evaluation.judges import load_judge
from face.crowd import CrowdTracker
from face.landmarks import FaceLandmarker
from media.files import atomic_write_folder
from media.prefetch import prefetch
from media.video import VideoInfo, frames_on_screen, probe, read_chosen_frames
from preprocessing.footage.candidates import Candidate, CandidateData, candidates, load, save
from preprocessing.footage.passages import passages
from preprocessing.footage.sound import Sound
from preprocessing.origin import Origin, content_hash

FOLDER = ".analysis"  # below --output_folder
VERSION = "1"  # of what is measured; another one is measured anew
NUMBERS = "candidates.json"


@dataclass(frozen=True)
class AnalysisSettings:
    """What an analysis depends on beside the video. `longest`: frames of a clip at the most."""

    face_landmarker_model: str
    syncnet: str
    deepspeech_model_path: str
    longest: int

    def as_text(self) -> dict[str, str]:
        """The settings by name, files by their content."""
        files = (self.face_landmarker_model, self.syncnet)
        model, syncnet = (content_hash(Path(path)) if path else "" for path in files)
        return {"version": VERSION, "model": model, "syncnet": syncnet, "longest": str(self.longest)}


@dataclass(frozen=True)
class Analysis:
    """What is known of a raw video. `failure` says why it cannot be used, "" where it can."""

    folder: Path
    seconds: float | None
    fps: float | None
    failure: str
    candidates: list[Candidate]

    def data(self, index: int) -> CandidateData:
        return load(self.folder / f"{index:05d}.npz")


def grid(info: VideoInfo) -> np.ndarray:
    """Number (T,) of the frame shown at k / 25 s for every k; all frames in order for a video of constant 25 fps."""
    if info.is_constant_rate(FPS):
        return np.arange(info.num_frames)
    return frames_on_screen(info, np.arange(max(1, round(info.duration * FPS))) / FPS)


def analyse(name: str, raw: Path, output: Path, settings: AnalysisSettings) -> tuple[Analysis, bool]:
    """The analysis of a raw video, and whether it was made by an earlier run from the same file and settings."""
    folder = output / FOLDER / name
    origin = Origin.of(output, raw, **settings.as_text())
    known = origin.made(folder) and (folder / NUMBERS).is_file()
    if not known:
        with atomic_write_folder(folder) as temporary:
            write_analysis(temporary, raw, settings)
        origin.remember(folder)
    return read_analysis(folder), known


def write_analysis(folder: Path, raw: Path, settings: AnalysisSettings) -> None:
    """Look at the whole video; what it cannot be used for is written down as well."""
    seconds = fps = None
    found: list[Candidate] = []
    failure = ""
    try:
        info = probe(raw)
        seconds, fps = info.duration, float(info.fps)
        if not info.has_audio:
            raise InputError("has no sound, and training needs speech")
        for index, (candidate, kept) in enumerate(look(info, settings)):
            save(folder / f"{index:05d}.npz", kept)
            found.append(candidate)
    except InputError as error:
        failure, found = str(error), []
    numbers = {"seconds": seconds, "fps": fps, "failure": failure, "candidates": [each.as_json() for each in found]}
    (folder / NUMBERS).write_text(json.dumps(numbers), encoding="utf-8")


def look(info: VideoInfo, settings: AnalysisSettings) -> Iterator[tuple[Candidate, CandidateData]]:
    """Candidates and their data, in one pass over the frames."""
    judge = load_judge(settings.syncnet, settings.deepspeech_model_path) if settings.syncnet else None
    numbers = grid(info)
    frames = prefetch(read_chosen_frames(info, numbers.tolist()), depth=2)
    with Sound(info.path, len(numbers)) as sound, FaceLandmarker(settings.face_landmarker_model or None) as landmarker:
        tracker = CrowdTracker(landmarker)
        shown = with_bar(frames, info.path.name, len(numbers))
        for passage in passages(shown, sound.speech, tracker, judge, settings.longest):
            yield from candidates(passage, sound, judge)


def with_bar(frames: Iterator[np.ndarray], name: str, count: int) -> Iterator[np.ndarray]:
    """The frames, with a progress bar; without one in worker processes, whose bars would be drawn over each other."""
    in_worker = parent_process() is not None
    name = name.replace("\n", "\\n")
    return iter(tqdm(frames, name, count, leave=False, unit=" frames", dynamic_ncols=True, disable=in_worker))


def read_analysis(folder: Path) -> Analysis:
    """What write_analysis wrote."""
    held = json.loads((folder / NUMBERS).read_text(encoding="utf-8"))
    found = [Candidate(**each) for each in held["candidates"]]
    return Analysis(folder, held["seconds"], held["fps"], held["failure"], found)
