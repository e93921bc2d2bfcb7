"""Files that are either whole or absent: written under a temporary name, then renamed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary path beside `path`, with the same suffix; rename it to `path` when the block ends well.

    Parent folders are made. When the block raises, the temporary file is removed and `path` stays what it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".partial-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        os.chmod(temporary, 0o666 & ~current_umask())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def folder_written_whole(path: str | os.PathLike) -> Iterator[Path]:
    """The same for a folder. An older folder at `path` is replaced only when the block ends well."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".partial-", dir=path.parent))
    try:
        yield temporary
        os.chmod(temporary, 0o777 & ~current_umask())
        if path.exists():
            shutil.rmtree(path)
        os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def current_umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask


def is_up_to_date(output: Path, *inputs: Path) -> bool:
    """Whether `output` exists and is no older than any of `inputs`."""
    if not output.exists():
        return False
    made = output.stat().st_mtime_ns
    return all(source.stat().st_mtime_ns <= made for source in inputs)
