"""Stage files: Python files whose names are options, each stating how a stage differs from the defaults.

What every stage of a folder shares stands in its file _common.py; a stage takes from there the options that it uses.
"""

import dataclasses
import runpy
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from config.config import STAGE_KINDS, STAGES, StageOptions
from config.errors import InputError
from config.options import check

COMMON = "_common.py"
LONGEST_SECONDS = 5.0  # that a stage file may run: it states values


@dataclasses.dataclass(frozen=True)
class Stage:
    """A stage by the name of its file, with its options: defaults, then _common.py, then the file, then flags."""

    name: str
    options: StageOptions


def read_stages(config_path: str, config_folder: str, flags: dict[str, Any]) -> list[Stage]:
    """The stage that --config_path names, or all of --config_folder in the order of their names.

    Raises InputError that names the file and the flag that named it, also for a flag that no stage uses.
    """
    if config_path:
        stages = [read_stage(Path(config_path), f"--config_path {config_path}", flags)]
    else:
        folder = Path(config_folder)
        files = [path for path in sorted(folder.glob("*.py")) if not path.name.startswith("_")]
        if not files:
            raise InputError(
                f"--config_folder {folder}: holds no stage files; give config/experiment or a folder like it"
            )
        stages = [read_stage(path, f"--config_folder {folder}: {path.name}", flags) for path in files]
    for name in flags:
        if not any(hasattr(stage.options, name) for stage in stages):
            raise InputError(f"--{name} is an option of {kinds_with(name)} stages, and no stage to run is one")
    return stages


def read_stage(path: Path, origin: str, flags: dict[str, Any]) -> Stage:
    """One stage; `origin` begins the messages."""
    common = run_file(path.with_name(COMMON), origin) if path.with_name(COMMON).is_file() else {}
    own = run_file(path, origin)
    kind = {"stage": "frame", **common, **own, **flags}["stage"]
    if not isinstance(kind, str) or kind not in STAGE_KINDS:
        raise InputError(f"{origin}: stage is {kind!r}; expected one of {', '.join(STAGES)}")
    names = {field.name for field in dataclasses.fields(STAGE_KINDS[kind])}
    for name in (*common, *own):
        if not kinds_with(name):
            raise InputError(f"{origin}: unknown option {name}; see train_sequence.py --help")
    for name in own:
        if name not in names:
            raise InputError(f"{origin}: {name} is an option of {kinds_with(name)} stages; a {kind} stage uses no such")
    values = {name: value for name, value in {**common, **own, **flags, "stage": kind}.items() if name in names}
    options = STAGE_KINDS[kind](**values)
    check(options, origin=f"{origin}: ")
    return Stage(path.stem, options)


def kinds_with(name: str) -> str:
    """The kinds of stage that use an option, as text; empty where none does."""
    kinds = [kind for kind, options in STAGE_KINDS.items() if name in options.__dataclass_fields__]
    return " and ".join(kinds)


def run_file(path: Path, origin: str) -> dict[str, Any]:
    """The public names that a stage file sets. Raises InputError for a file that fails, exits or does not end."""
    if not path.is_file():
        raise InputError(f"{origin}: no such file; the stage files are in config/experiment/")
    try:
        with time_limit(LONGEST_SECONDS):
            names = runpy.run_path(str(path))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too: a run must not end in silence
        raise InputError(f"{origin}: {path.name} cannot be read ({type(error).__name__}: {error})") from error
    return {name: value for name, value in names.items() if not name.startswith("_")}


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in the block after so many seconds, where the system has timers (the main thread, Unix)."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def stop(_signal: int, _frame: object) -> None:
        raise TimeoutError(f"still running after {seconds:g} s; a stage file states values")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
