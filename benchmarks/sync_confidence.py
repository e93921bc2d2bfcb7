"""What confidence tells sound in step from other speech, by a SyncNet: the value for make_dataset.py --min_confidence.

    python benchmarks/sync_confidence.py --syncnet best.pth --videos FOLDER

FOLDER holds at least two videos of one talking face each, in step, that the SyncNet was not trained on; held-out
videos of the sample speaker will do. Every part of a video is judged with its own sound moved by up to 12 frames, and
with the sound of other videos. Prints both distributions, and how often the offset is found, by the parts' length.
"""

import sys
from dataclasses import dataclass
from itertools import tee
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from config.constants import FPS, SAMPLE_RATE, WINDOW_FRAMES
from config.errors import InputError, run_script
from config.options import option, parse

if TYPE_CHECKING:
    from evaluation.judges import SyncJudge
    from evaluation.windows import Seen

LENGTHS = (2, 3, 5, 8)  # seconds
MOVED = (-12, -5, -1, 0, 3, 9)  # frames by which the sound comes late
PASSING = 0.01  # share of parts with other speech that the confidence lets pass
FRAME = SAMPLE_RATE // FPS  # samples


@dataclass
class SyncConfidenceOptions:
    syncnet: str = option("", "a checkpoint of a syncnet stage, or the public syncnet_v2.model")
    videos: str = option("", "folder of videos in step, each of one face that talks")
    deepspeech_model_path: str = option("./asserts/output_graph.pb", "for a SyncNet trained on DeepSpeech features")


def main() -> None:
    options = parse(SyncConfidenceOptions, __doc__)
    from evaluation.judges import load_judge
    from media.video import VIDEO_SUFFIXES

    paths = sorted(path for path in Path(options.videos).glob("*") if path.suffix.lower() in VIDEO_SUFFIXES)
    if not options.videos or len(paths) < 2:
        raise InputError(f"--videos {options.videos!r} holds {len(paths)} videos; expected a folder of at least 2")
    judge = load_judge(options.syncnet, options.deepspeech_model_path)
    faces = [watch(path, judge) for path in paths]
    print("length | in step: 1 %, 5 %, 50 % | other speech: 50 %, 95 %, 99 %, most | offset exact, within 1 | parts")
    own, other = {}, []
    for seconds in LENGTHS:
        parts = judged_parts(judge, faces, seconds * FPS)
        if parts is not None:
            own[seconds], theirs, errors = parts
            other.append(theirs)
            print_row(seconds, own[seconds], theirs, errors)
    if not own:
        raise InputError(f"--videos {options.videos}: all are shorter than {LENGTHS[0]} s; give longer ones")
    least = float(np.quantile(np.concatenate(other), 1 - PASSING))
    kept = ", ".join(f"{(ours >= least).mean():.1%} at {seconds} s" for seconds, ours in own.items())
    print(f"{1 - PASSING:.0%} of the parts with other speech are below {least:.2f}; of those in step this keeps {kept}")
    print(f"what make_dataset.py takes for this SyncNet: {judge.least_confidence}")


def watch(path: Path, judge: "SyncJudge") -> tuple["Seen", np.ndarray]:
    """What the judge sees of a video's face, at 25 fps, and the video's sound."""
    from face.landmarks import FaceLandmarker, track_faces
    from media.audio import read_audio
    from media.video import probe, read_frames_at
    from preprocessing.footage.judging import Watcher

    times = np.arange(0, probe(path).duration - 0.5 / FPS, 1 / FPS)
    watcher = Watcher(judge)
    with FaceLandmarker() as landmarker:
        frames, again = tee(read_frames_at(path, times))
        for frame, (landmarks, _) in zip(frames, track_faces(again, landmarker), strict=True):
            watcher.add(frame, landmarks)
    return watcher.finish(), read_audio(path)


def judged_parts(judge: "SyncJudge", faces: list, frames: int) -> tuple[np.ndarray, ...] | None:
    """Confidences of parts of `frames` frames with their own and with other sound, and errors of the offset in frames.

    None where no video is long enough.
    """
    from preprocessing.footage.judging import distances, offset_and_confidence

    own, other, errors = [], [], []
    for index, (seen, wave) in enumerate(faces):
        foreign = faces[(index + 1) % len(faces)][1]
        for start in range(0, len(wave) // FRAME - frames + 1, frames):
            part = part_of(seen, start, frames)
            for late in MOVED:
                offset, confidence = offset_and_confidence(
                    judge, distances(judge, part, cut(wave, start - late, frames))
                )
                own.append(confidence)
                errors.append(abs(offset - late))
            for shift in range(0, len(foreign) // FRAME - frames + 1, frames):
                table = distances(judge, part, cut(foreign, shift, frames))
                other.append(offset_and_confidence(judge, table)[1])
    return (np.array(own), np.array(other), np.array(errors)) if own and other else None


def part_of(seen: "Seen", start: int, frames: int) -> "Seen":
    """The windows within frames start .. start + frames - 1, numbered from `start` on."""
    inside = (seen.numbers >= start) & (seen.numbers + WINDOW_FRAMES <= start + frames)
    return type(seen)(seen.numbers[inside] - start, seen.embeddings[np.flatnonzero(inside)])


def cut(wave: np.ndarray, start: int, frames: int) -> np.ndarray:
    """Sound of `frames` frames from frame `start` on, silent beyond the ends of `wave`."""
    before, after = max(0, -start) * FRAME, max(0, (start + frames) * FRAME - len(wave))
    return np.pad(wave, (before, after))[start * FRAME + before :][: frames * FRAME]


def print_row(seconds: int, own: np.ndarray, other: np.ndarray, errors: np.ndarray) -> None:
    ours = ", ".join(f"{value:.2f}" for value in np.quantile(own, (0.01, 0.05, 0.5)))
    theirs = ", ".join(f"{value:.2f}" for value in np.quantile(other, (0.5, 0.95, 0.99, 1)))
    print(
        f"{seconds} s | {ours} | {theirs} | {(errors == 0).mean():.3f}, {(errors <= 1).mean():.3f} "
        f"| {len(own)}, {len(other)}"
    )


if __name__ == "__main__":
    run_script(main)
