"""Putting a file in a second place without copying it, where the file system can."""

import os
import shutil
from pathlib import Path

from media.files import atomic_write


def link_file(source: Path, target: Path) -> None:
    """A hard link at `target`, which must not exist, else a symbolic link, else a copy. Parent folders are made.

    A link shares the source's mode and times, so only a copy may go through atomic_write, which sets them.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for link in (os.link, os.symlink):
        try:
            return link(source.resolve(), target)
        except OSError:
            continue
    with atomic_write(target) as temporary:
        shutil.copyfile(source, temporary)
