"""A folder that a tool may clear: only one that it has made, and so marked, itself."""

import fcntl
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from config.errors import InputError
from media.files import check_outputs

MARKER = ".made_by_demo"
MEANING = "tools/demo.py made this folder and clears it when it works here again.\n"


@contextmanager
def cleared_folder(folder: Path, inputs: Mapping[str, Path], room: int) -> Iterator[None]:
    """Make `folder` empty and mark it, and hold it until the block ends. What an earlier run left there goes.

    `inputs` maps a name for messages to a file that the run reads; `room`: bytes that must be free. Raises InputError
    before anything is changed: for a folder that holds something and is not marked, one that an input lies in, one that
    another process holds, and one that cannot be written.
    """
    check_outputs({"--output_folder": folder}, inputs, room)
    for name, path in inputs.items():
        if folder.resolve() in path.resolve().parents:
            raise InputError(
                f"{name}: {path} lies in {folder}, which the demo clears; give another --output_folder, or move it"
            )
    marker = folder / MARKER
    if folder.is_dir() and any(folder.iterdir()) and not marker.is_file():
        raise InputError(
            f"--output_folder: {folder} holds files that the demo did not make; give another folder, or move it away"
        )
    folder.mkdir(parents=True, exist_ok=True)
    with marker.open("a") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"--output_folder: another demo works in {folder}; wait, or give another folder") from None
        clear(folder)
        marker.write_text(MEANING)
        yield


def clear(folder: Path) -> None:
    """Remove all but the marker, which stays so that a run that was interrupted here can be repeated."""
    for path in folder.iterdir():
        if path.name == MARKER:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
