"""How well make_dataset.py finds shots, speakers and offsets, on raw footage of the sample speaker, of known truth.

Turns: two people in a picture who speak one after the other, lips closed while the other speaks. Rivals: both move
their lips all the time and one is heard. Shots: three takes cut together. Steps: sound 1 to 12 frames late or early.
Give a SyncNet that was trained on other seeds (demo.sh leaves one); without it only turns and shots can be right.
"""

import json
import sys
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from config.config import MakeDatasetOptions
from config.constants import FPS
from config.errors import run_script
from config.options import option, parse

if TYPE_CHECKING:
    from sample_speaker.footage import Take

SEED = 7000  # of the footage; the sample speakers of demo.sh and benchmarks/learning.py have small ones
LATENESS = (1, 2, 3, 4, 5, 6, 7, 9, 11, 12)  # frames that sound comes late, and in every second video early
TOLERANCE = 0.5  # seconds by which a turn's border may be beside the truth


@dataclass
class FootageOptions:
    """benchmarks/footage.py"""

    syncnet: str = option("", "SyncNet checkpoint that judges")
    number: int = option(20, "videos of each kind, even", low=2, high=1000)
    size: int = option(384, "side of one person's picture in pixels, even", low=128, high=1024)
    seconds: float = option(6.0, "speech of every take, at least", low=3, high=60)
    folder: str = option("", "folder that footage and results are kept in; a temporary one without it")
    num_workers: int = option(2, "processes", low=1, high=64)


def main() -> int:
    options = parse(FootageOptions, __doc__)
    if options.folder:
        return measure(options, Path(options.folder))
    with tempfile.TemporaryDirectory() as folder:
        return measure(options, Path(folder))


def measure(options: FootageOptions, folder: Path) -> int:
    """Make the footage that is not there yet, run make_dataset.py on it, print what is right."""
    from preprocessing.footage.run import make_clips

    raw = folder / "raw"
    truth = make_footage(options, raw)
    out = folder / "out"
    given = MakeDatasetOptions(str(raw), str(out), syncnet=options.syncnet, num_workers=options.num_workers)
    make_clips(given)
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    clips = {Path(video["path"]).stem: with_sides(video["clips"], out, options.size) for video in report["videos"]}
    kinds = {"turns": right_turns, "rivals": right_rivals, "shots": right_shots, "steps": right_steps}
    for kind, is_right in kinds.items():
        names = [name for name in truth if name.startswith(kind)]
        wrong = [name for name in names if not is_right(clips[name], truth[name])]
        print(f"{kind:<7} right {len(names) - len(wrong)} of {len(names)}", *wrong)
    return 0


def with_sides(clips: list[dict], out: Path, middle: int) -> list[dict]:
    """Clips as report.json has them, and of each that was kept on which side of a column its face is."""
    from face.openface_csv import read_openface_csv

    for clip in clips:
        if clip["kept"]:
            track = read_openface_csv(out / f"{clip['name']}.csv")
            clip["side"] = "left" if track.landmarks[track.success][..., 0].mean() < middle else "right"
    return clips


def make_footage(options: FootageOptions, raw: Path) -> dict[str, list]:
    """Write the videos that are missing. By name: what is true of each."""
    from sample_speaker.footage import cut_together, side_by_side, takes, write_take

    known = raw.parent / "truth.json"
    if known.is_file():
        return json.loads(known.read_text(encoding="utf-8"))
    raw.mkdir(parents=True, exist_ok=True)
    truth: dict[str, list] = {}
    for index in range(options.number):
        seed = SEED + 10 * index
        first, second, third = takes(3, options.seconds, options.size, seed)
        late = LATENESS[index // 2 % len(LATENESS)] * (-1) ** index
        write_take(raw / f"steps_{index:02d}.mp4", first, late)
        truth[f"steps_{index:02d}"] = [late]
        shots = [take.part(0, 60 + 7 * index % 30 + 10 * place) for place, take in enumerate((third, first, second))]
        write_take(raw / f"shots_{index:02d}.mp4", cut_together(shots))
        truth[f"shots_{index:02d}"] = [len(shot.frames) for shot in shots]
        if index % 2:
            continue
        heard = ("left", "right")[index // 2 % 2]
        write_take(raw / f"rivals_{index:02d}.mp4", side_by_side(second, third, heard))
        truth[f"rivals_{index:02d}"] = [heard]
        (left,) = takes(1, options.seconds / 2, options.size, seed + 1, [-options.seconds])
        listens = len(left.frames) / FPS - options.seconds  # until the left one has said all
        (right,) = takes(1, options.seconds / 2, options.size, seed + 2, [listens])
        write_take(raw / f"turns_{index:02d}.mp4", side_by_side(left, right, "both"))
        truth[f"turns_{index:02d}"] = spans(left, right)
    known.write_text(json.dumps(truth), encoding="utf-8")
    return truth


def spans(left: "Take", right: "Take") -> list[list[float]]:
    """Begin and end, in seconds, of what the left and the right one says."""
    import numpy as np

    from config.constants import SAMPLE_RATE

    loud = [np.flatnonzero(np.abs(take.wave) > 0.02) / SAMPLE_RATE for take in (left, right)]
    return [[float(times[0]), float(times[-1])] for times in loud]


def kept_of(clips: list[dict]) -> list[dict]:
    return [clip for clip in clips if clip["kept"]]


def right_turns(clips: list[dict], truth: list) -> bool:
    """Both speech spans are kept, each by its own clip, and neither clip reaches into the other's speech."""
    (first, second), kept = truth, sorted(kept_of(clips), key=lambda clip: clip["start"])
    if [clip["side"] for clip in kept] != ["left", "right"]:
        return False
    inner = kept[0]["end"] <= second[0] + TOLERANCE and kept[1]["start"] >= first[1] - TOLERANCE
    return inner and kept[0]["end"] >= first[1] - TOLERANCE and kept[1]["start"] <= second[0] + TOLERANCE


def right_rivals(clips: list[dict], truth: list) -> bool:
    """Something is kept, and only of the one who is heard."""
    kept = kept_of(clips)
    return bool(kept) and all(clip["side"] == truth[0] for clip in kept)


def right_shots(clips: list[dict], truth: list) -> bool:
    """No clip, kept or not, spans a cut, and every shot begins with a clip that begins on its very frame or later."""
    borders = [0, *(sum(truth[: index + 1]) for index in range(len(truth)))]
    stretches = [(round(clip["start"] * FPS), round(clip["end"] * FPS)) for clip in clips]
    inside = [any(low <= start and stop <= high for low, high in pairwise(borders)) for start, stop in stretches]
    return all(inside) and all(any(low <= start < high for start, _ in stretches) for low, high in pairwise(borders))


def right_steps(clips: list[dict], truth: list) -> bool:
    """The offset is exact, and the clip kept exactly if it can be put in step."""
    kept = kept_of(clips)
    exact = all(clip["offset_frames"] == truth[0] for clip in clips)
    return exact and bool(kept) == (abs(truth[0]) <= MakeDatasetOptions.max_offset)


if __name__ == "__main__":
    run_script(main)
