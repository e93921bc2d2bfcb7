"""What a SyncNet learns from footage of which half is out of step: as it is, put in step by make_dataset.py, and clean.

    python benchmarks/out_of_step.py --syncnet best.pth

Films the sample speaker in many voices, once in step and once with the sound of every second clip 2 to 10 frames late
or early. Makes three training sets: of the clean clips, of the mixed ones with --keep_all, and of the mixed ones with
--syncnet. Trains the demo's SyncNet on each, for equally long, and scores all on the same other clips, which are clean.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from config.constants import FPS, MAX_OFFSET
from config.errors import InputError, run_script
from config.options import option, parse

if TYPE_CHECKING:
    from sample_speaker.footage import Take

SEED, HELD_OUT_SEED = 20000, 40000  # none of the demo's or of other benchmarks'
HELD_OUT = 10  # clips that score
TOGETHER = 4  # takes that are made in one go
SIZE = 256  # side of the picture in pixels
LATENESS = tuple(range(2, 11))  # frames


@dataclass
class OutOfStepOptions:
    """benchmarks/out_of_step.py"""

    syncnet: str = option("", "SyncNet checkpoint that puts clips in step, trained on other data")
    number: int = option(60, "clips in every set", low=4, high=10000)
    seconds: float = option(6.0, "speech of every clip, at least", low=3, high=60)
    minutes: float = option(4.0, "of training on each set", low=0.01)
    folder: str = option("", "folder that all is kept in; a temporary one without it")
    num_workers: int = option(2, "processes", low=1, high=64)


def main() -> int:
    options = parse(OutOfStepOptions, __doc__)
    if not Path(options.syncnet).is_file():
        raise InputError(f"--syncnet {options.syncnet!r} is no file; give a SyncNet checkpoint, such as demo.sh makes")
    if options.folder:
        return compare(options, Path(options.folder))
    with tempfile.TemporaryDirectory() as folder:
        return compare(options, Path(folder))


def compare(options: OutOfStepOptions, folder: Path) -> int:
    """Make the footage and the sets, train, print the table."""
    check_folder(folder, options)
    film(folder / "clean", folder / "mixed", options)
    film_held_out(folder / "held out", options)
    print("training set | clips | one window: exact, within 1 | one second: exact, within 1")
    for name, source, flags in (
        ("clean", "clean", ["--keep_all"]),
        ("half out of step", "mixed", ["--keep_all"]),
        ("the same, put in step", "mixed", ["--syncnet", options.syncnet]),
    ):
        checkpoint, clips = learn(folder / source, folder / name.replace(" ", "_"), flags, options)
        single, second = accuracy(checkpoint, folder / "held out")
        print(f"{name} | {clips} | {single[0]:.3f}, {single[1]:.3f} | {second[0]:.3f}, {second[1]:.3f}", flush=True)
    return 0


def check_folder(folder: Path, options: OutOfStepOptions) -> None:
    """Raise InputError for a folder that is of other settings."""
    from preprocessing.origin import content_hash

    settings = {"syncnet": content_hash(Path(options.syncnet)), "number": options.number}
    settings |= {"seconds": options.seconds, "minutes": options.minutes}
    held = folder / "settings.json"
    folder.mkdir(parents=True, exist_ok=True)
    if held.is_file() and json.loads(held.read_text(encoding="utf-8")) != settings:
        raise InputError(f"--folder {folder} is of another --syncnet, --number, --seconds or --minutes; give a new one")
    held.write_text(json.dumps(settings), encoding="utf-8")


def film(clean: Path, mixed: Path, options: OutOfStepOptions) -> None:
    """Every take into both folders, in one of them every second with its sound moved."""
    if len(list(mixed.glob("*.mp4"))) == options.number:
        return
    for index, take in enumerate(all_takes(options.number, options.seconds, SEED)):
        late = 0 if index % 2 else LATENESS[index // 2 % len(LATENESS)] * (-1) ** (index // 2)
        write(clean, index, take, 0)
        write(mixed, index, take, late)


def film_held_out(place: Path, options: OutOfStepOptions) -> None:
    if len(list(place.glob("*.mp4"))) < HELD_OUT:
        for index, take in enumerate(all_takes(HELD_OUT, options.seconds, HELD_OUT_SEED)):
            write(place, index, take, 0)


def all_takes(number: int, seconds: float, seed: int) -> Iterator["Take"]:
    """A few at a time, since each holds all its pictures."""
    from sample_speaker.footage import takes

    for start in range(0, number, TOGETHER):
        yield from takes(min(TOGETHER, number - start), seconds, SIZE, seed + start)


def write(place: Path, index: int, take: "Take", late: int) -> None:
    from sample_speaker.footage import write_take

    place.mkdir(parents=True, exist_ok=True)
    write_take(place / f"take_{index:03d}.mp4", take, late)


def learn(raw: Path, folder: Path, flags: list[str], options: OutOfStepOptions) -> tuple[Path, int]:
    """Make a training set with these flags of make_dataset.py and train on it. The checkpoint, and how many clips."""
    from tools.steps import ROOT, run
    from training.checkpoints import best_checkpoint

    data, workers = folder / "set", ["--num_workers", options.num_workers]
    if not (data / "training_json.json").is_file():
        make_set(raw, folder / "clips", data, [*flags, *workers])
        run("data_processing.py", "--all", "--training_data_path", data, *workers)
    config, train_data = ROOT / "config" / "experiment" / "demo" / "syncnet.py", data / "training_json.json"
    run("train_sequence.py", "--config_path", config, "--name", "run", "--resume", "--result_path", folder,
        "--train_data", train_data, "--max_minutes", options.minutes, "--max_steps", 0,
        "--wandb", "disabled")  # fmt: skip
    return best_checkpoint(folder / "run" / "syncnet"), len(list((data / "split_video_25fps").iterdir()))


def make_set(raw: Path, clips: Path, data: Path, flags: list[object]) -> None:
    """Run make_dataset.py, whose status is 1 where it leaves something out."""
    from tools.steps import ROOT

    places = ["--root_folder", raw, "--output_folder", clips, "--training_data_path", data]
    command = [sys.executable, ROOT / "make_dataset.py", *places, *flags]
    if subprocess.run(list(map(str, command))).returncode not in (0, 1):
        raise InputError("make_dataset.py failed; its message is above")


def accuracy(checkpoint: Path, held_out: Path) -> np.ndarray:
    """(2, 2): shares of single windows and of seconds whose offset is found exactly, and within a frame."""
    from benchmarks.sync_confidence import watch
    from evaluation.confidence import relative_distances
    from evaluation.judges import load_judge
    from preprocessing.footage.judging import distances

    judge = load_judge(str(checkpoint), "")
    single, second = [], []
    for path in sorted(held_out.glob("*.mp4")):
        seen, wave = watch(path, judge)
        far = relative_distances(distances(judge, seen, wave))
        known = far[np.isfinite(far).all(1)]
        single += list(known)
        second += [known[start : start + FPS].mean(0) for start in range(0, len(known) - FPS + 1, FPS)]
    errors = [np.abs(np.array(rows).argmin(1) - MAX_OFFSET) for rows in (single, second)]
    return np.array([[(each == 0).mean(), (each <= 1).mean()] for each in errors])


if __name__ == "__main__":
    run_script(main)
