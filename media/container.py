"""Opening media files for reading: the one place where a path becomes something that FFmpeg opens."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av

from config.errors import InputError


@contextmanager
def open_container(path: str | Path, kind: str) -> Iterator["av.container.InputContainer"]:
    """Open a file as `kind`, "video" or "sound", of which the messages speak.

    FFmpeg's complaints become InputError, also those that come while the file is read inside the block; a file that
    may not be read is a PermissionError.
    """
    if not Path(path).is_file():
        raise InputError(f"{path} is not a file; give the path of a {kind} file")
    try:
        with av.open(local_name(path)) as container:
            yield container
    except (av.FFmpegError, UnicodeDecodeError) as error:
        if isinstance(error, PermissionError) and not os.access(path, os.R_OK):  # decoders raise it for damage
            raise
        raise InputError(
            f"{path} cannot be read as a {kind} file ({error}); it is damaged or no {kind} file"
        ) from error


def local_name(path: str | Path) -> str:
    """The absolute path: FFmpeg takes what stands before the colon of a relative one, 12:30.mp4, for a protocol."""
    return str(Path(path).absolute())
