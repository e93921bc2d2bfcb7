"""Runs cases, each in a process forked from this one, which has imported the large libraries once for all of them."""

import importlib
import json
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from registry import Case

LIBRARIES = ("numpy", "cv2", "av", "torch", "torchvision", "tqdm", "skimage.data", "torch.utils.data")
LONGEST_CASE = 400  # seconds


@dataclass
class Outcome:
    line: str
    name: str
    fault: bool
    status: str  # passed, failed, skipped
    detail: str
    seconds: float


def run_cases(cases: list[Case], folder: Path, jobs: int, report: Callable[[Outcome], None]) -> list[Outcome]:
    """Run every case in a sandbox of its own below `folder`, `jobs` at a time; `report` gets each as it ends."""
    for library in LIBRARIES:
        importlib.import_module(library)
    importlib.import_module("torch").set_num_threads(1)
    from materials import make_materials

    make_materials(folder / "materials")
    waiting = list(enumerate(cases))
    running: dict[int, tuple[int, float]] = {}
    outcomes: dict[int, Outcome] = {}
    while waiting or running:
        while waiting and len(running) < jobs:
            number, case = waiting.pop(0)
            running[fork_case(case, folder / f"case {number}", folder / "materials")] = (number, time.monotonic())
        process = next_to_end(running)
        number, began = running.pop(process)
        result = folder / f"case {number}.json"
        status, detail = json.loads(result.read_text()) if result.exists() else ("failed", "the case itself died")
        case = cases[number]
        outcomes[number] = Outcome(case.line, case.name, case.fault, status, detail, time.monotonic() - began)
        report(outcomes[number])
    return [outcomes[number] for number in range(len(cases))]


def next_to_end(processes: Iterable[int]) -> int:
    """Wait for the next case to end and give its process. Where the harness is ended, its cases are ended first."""
    try:
        return os.waitpid(-1, 0)[0]
    except BaseException:
        for process in processes:
            os.kill(process, signal.SIGTERM)
        for process in processes:
            os.waitpid(process, 0)
        raise


def fork_case(case: Case, folder: Path, materials: Path) -> int:
    process = os.fork()
    if process:
        return process
    try:
        signal.alarm(LONGEST_CASE)
        result = outcome_of(case, folder, materials)
        folder.with_name(f"{folder.name}.json").write_text(json.dumps(result))
    finally:
        os._exit(0)


def outcome_of(case: Case, folder: Path, materials: Path) -> tuple[str, str]:
    from sandbox import Missed, Sandbox, Skipped

    box = Sandbox(folder, materials)
    try:
        case.run(box, *case.arguments)
        box.check_untouched()
    except Skipped as reason:
        return "skipped", str(reason)
    except Missed as reason:
        return "failed", " ".join(str(reason).split())
    except Exception as error:
        where = traceback.format_exc().splitlines()[-3].strip()
        return "failed", f"{type(error).__name__} in the case: {error} {where}"
    finally:
        box.remove()
    return "passed", ""
