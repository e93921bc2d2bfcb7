"""What make_dataset.py costs on a video of yours: seconds of processor time a second of footage, by step, and in all.

    python benchmarks/footage_speed.py --video TALKING.mp4 [--syncnet best.pth]

By step: one pass over the first frames with every step's time taken alone. In all: make_dataset.py on four links to the
video, with one process and with two, as wall time over the footage's duration, and the most memory that it took.
"""

import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from config.constants import FPS
from config.errors import InputError, run_script
from config.options import option, parse

COPIES = 4
MEASURED = """
import resource, subprocess, sys, time
start = time.perf_counter()
status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(status, time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss)
"""


@dataclass
class FootageSpeedOptions:
    """benchmarks/footage_speed.py"""

    video: str = option("", "of people who talk")
    syncnet: str = option("", "SyncNet checkpoint that judges; without it nothing is judged")
    seconds: int = option(20, "of the video that are looked at by step", low=1, high=3600)


def main() -> int:
    options = parse(FootageSpeedOptions, __doc__)
    if not options.video:
        raise InputError("--video is missing; give a video of people who talk")
    seconds = COPIES * duration_of(options.video)
    for workers in (1, 2):
        print(f"{workers} process{'es' * (workers > 1)}: {in_all(options, workers, seconds)}", flush=True)
    for step, spent in by_step(options).items():
        print(f"{step:<28} {spent:.3f} s of processor time a second of footage", flush=True)
    return 0


def duration_of(video: str) -> float:
    from media.video import probe

    return probe(video).duration


def by_step(options: FootageSpeedOptions) -> dict[str, float]:
    """Processor seconds a second of footage."""
    from evaluation.judges import load_judge
    from face.crowd import CrowdTracker
    from face.landmarks import FaceLandmarker
    from media.video import probe, read_chosen_frames
    from preprocessing.footage.analysis import grid
    from preprocessing.footage.judging import Watcher, distances
    from preprocessing.footage.passages import TILE_EVERY, face_tile
    from preprocessing.footage.shots import ShotDetector
    from preprocessing.footage.signs import frame_signs
    from preprocessing.footage.sound import Sound

    info = probe(Path(options.video))
    numbers = grid(info)[: options.seconds * FPS].tolist()
    judge = load_judge(options.syncnet, "") if options.syncnet else None
    spent: dict[str, float] = defaultdict(float)
    detector, watchers = ShotDetector(), defaultdict(lambda: Watcher(judge))
    frames = read_chosen_frames(info, numbers)
    with ExitStack() as stack:
        with timed(spent, "sound and speech activity"):
            sound = stack.enter_context(Sound(info.path, len(numbers)))
        tracker = CrowdTracker(stack.enter_context(FaceLandmarker()))
        for index in range(len(numbers)):
            with timed(spent, "decoding"):
                frame = next(frames)
            with timed(spent, "shots"):
                list(detector.add(frame))
            with timed(spent, "faces"):
                faces = tracker.detect(frame)
            with timed(spent, "measures of frames"):
                [frame_signs(frame, points) for points in faces.values()]
            with timed(spent, "pictures for the page"):
                [face_tile(frame, points) for points in faces.values() if index % TILE_EVERY == 0]
            with timed(spent, "judging"):
                for number, points in faces.items() if judge else ():
                    watchers[number].add(frame, points)
        with timed(spent, "judging"):
            for watcher in watchers.values():
                distances(judge, watcher.finish(), sound.read(0, len(numbers)))
    return {step: seconds / (len(numbers) / FPS) for step, seconds in spent.items()}


@contextmanager
def timed(spent: dict[str, float], step: str) -> Iterator[None]:
    start = time.process_time()
    yield
    spent[step] += time.process_time() - start


def in_all(options: FootageSpeedOptions, workers: int, seconds: float) -> str:
    """make_dataset.py in processes of its own, on links to the video, which together last so many seconds."""
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw"
        raw.mkdir()
        for index in range(COPIES):
            (raw / f"copy_{index}{Path(options.video).suffix}").symlink_to(Path(options.video).absolute())
        script = Path(__file__).resolve().parents[1] / "make_dataset.py"
        judged = ["--syncnet", options.syncnet] if options.syncnet else []
        given = ["--root_folder", raw, "--output_folder", Path(folder) / "out", "--num_workers", workers, *judged]
        # A process's peak begins with that of the one that starts it, so a small one starts it and tells what it took.
        command = [sys.executable, "-c", MEASURED, sys.executable, script, *given]
        told = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True).stdout.split()
    status, wall, spent, peak = (float(value) for value in told)
    if status not in (0, 1):
        raise InputError("make_dataset.py failed; its message is above")
    return (
        f"{wall / seconds:.2f} x the footage's {seconds:.0f} s, {spent / seconds:.2f} s of processor time a second, "
        f"{peak / 1000:.0f} MB at the most in one process"
    )


if __name__ == "__main__":
    run_script(main)
