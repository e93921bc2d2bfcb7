"""Files that are either whole or absent, and what must be known of a place before work that ends there begins."""

import functools
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from config.errors import InputError

PARTIAL = ".partial-"  # temporary names start with it, then the machine and the process that writes them
LONGEST_NAME, LONGEST_PATH = 255, 4095 - 2 * 255  # bytes, of Linux; names of results and temporary ones follow
LONGEST_SUFFIX = 16  # characters of a suffix that temporary names carry: libraries tell formats by them


@contextmanager
def atomic_write(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary path beside `path`, with the same suffix; rename it to `path` when the block ends well.

    Parent folders are made. When the block raises, the temporary file is removed and `path` stays what it was.
    """
    path = Path(path)
    suffix = path.suffix[:LONGEST_SUFFIX]
    handle, name = tempfile.mkstemp(prefix=partial_prefix(), suffix=suffix, dir=swept_parent(path))
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        os.chmod(temporary, 0o666 & ~current_umask())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_write_folder(path: str | os.PathLike) -> Iterator[Path]:
    """The same for a folder. An older folder at `path` is replaced only when the block ends well."""
    path = Path(path)
    temporary = Path(tempfile.mkdtemp(prefix=partial_prefix(), dir=swept_parent(path)))
    older = temporary.with_name(f"{temporary.name}-older")
    try:
        yield temporary
        os.chmod(temporary, 0o777 & ~current_umask())
        if path.exists():
            os.replace(path, older)
        os.replace(temporary, path)
    finally:
        if older.exists() and not path.exists():
            os.replace(older, path)
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(older, ignore_errors=True)


def current_umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask


def partial_prefix() -> str:
    return f"{PARTIAL}{socket.gethostname()}-{os.getpid()}-"


def swept_parent(path: Path) -> Path:
    """The folder of `path`, made if need be, without what a process that was killed left there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path.parent)
    return path.parent


def sweep_below(root: Path) -> None:
    """Sweep a folder and its subfolders, hidden ones with theirs: all in which steps write files or folders whole."""
    for folder in (root, *root.glob("*/"), *root.glob(".*/*/")):
        sweep(folder)


@functools.cache  # once a process: a folder of many files is not listed for every file
def sweep(folder: Path) -> None:
    """Remove the temporary files and folders of dead processes of this machine; those of living ones stay."""
    own = f"{PARTIAL}{socket.gethostname()}-"
    for leftover in folder.glob(f"{own}*"):
        process = leftover.name.removeprefix(own).partition("-")[0]
        if process.isdigit() and not is_alive(int(process)):
            remove(leftover)


def remove(leftover: Path) -> None:
    """Remove a file or folder; one that somebody else's process left may refuse, and stays."""
    if leftover.is_dir():
        shutil.rmtree(leftover, ignore_errors=True)
    else:
        with suppress(OSError):
            leftover.unlink()


def is_alive(process: int) -> bool:
    """Whether a process of this number runs, whoever's it is."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def save_array(path: str | os.PathLike, array: np.ndarray) -> None:
    """Write a .npy file whole. Unlike np.save's, the error of a full disk says that it is full."""
    array = np.ascontiguousarray(array)
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        file.write(array.data)


def load_array(path: Path, advice: str) -> np.ndarray:
    """The array of a .npy file. Raises InputError, which ends in `advice`, where it is damaged or something else."""
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # damaged headers raise many kinds
        raise InputError(f"{path} is damaged or no NumPy array ({error}); {advice}") from error
    if not isinstance(array, np.ndarray):
        raise InputError(f"{path} is an archive, not a NumPy array; {advice}")
    return array


def check_outputs(
    outputs: Mapping[str, str | Path], inputs: Mapping[str, str | Path], room: int = 0, are_folders: bool = False
) -> None:
    """Raise InputError where a result could not be written, or would replace what it is made from.

    Both map a flag, such as "--output", to the path it names; empty paths are passed over. `room`: bytes that must be
    free where each result goes. Call it before work begins. Nothing is written.
    """
    for flag, output in outputs.items():
        if not output:
            continue
        output = Path(output)
        for name, path in inputs.items():
            if path and is_same(output, Path(path)):
                raise InputError(f"{flag}: {output} is {name} itself, which would be lost; give another path")
        check_writable(flag, output, room, are_folders)


def is_same(one: Path, other: Path) -> bool:
    """Whether both are the same existing file or folder, whatever they are called."""
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def check_writable(flag: str, output: str | Path, room: int = 0, is_folder: bool = False) -> None:
    """Raise InputError unless `output`, which need not exist yet, can be written with `room` bytes.

    `is_folder`: it is to be a folder, so that no file may be there.
    """
    output = Path(output)
    for part in output.parts:
        if len(os.fsencode(part)) > LONGEST_NAME:
            raise InputError(f"{flag}: the name {part[:40]}... is longer than {LONGEST_NAME} bytes; shorten it")
    place = output.absolute()
    if len(os.fsencode(place)) > LONGEST_PATH:
        raise InputError(f"{flag}: the path {str(output)[:40]}... is longer than {LONGEST_PATH} bytes; shorten it")
    while not os.path.lexists(place):
        place = place.parent
    folder = place if place.is_dir() else place.parent
    if (is_folder or place != output.absolute()) and not place.is_dir():
        raise InputError(f"{flag}: {place} is not a folder; results cannot be written below it")
    if not os.access(folder, os.W_OK | os.X_OK) or (place.is_file() and not os.access(place, os.W_OK)):
        raise InputError(f"{flag}: no permission to write {output}; give a folder that you may write to")
    free = shutil.disk_usage(folder).free
    if free <= room:
        raise InputError(f"{flag}: {folder} has {free / 1e6:.0f} MB free, {room / 1e6:.0f} MB are needed; make room")
