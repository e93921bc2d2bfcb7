"""What an archive is to hold: the files and folders below one folder, as they are when it is listed."""

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from config.errors import InputError


class Member(NamedTuple):
    """A file or a folder. `name` is relative to the folder above the archived one, `mtime` in nanoseconds."""

    name: str
    is_folder: bool
    size: int
    mode: int
    mtime: int


@dataclass(frozen=True)
class Listing:
    """The members in the order of their names; `folder` is the archived one."""

    folder: Path
    members: list[Member]

    def path(self, member: Member) -> str:
        return os.path.join(self.folder.parent, member.name)

    def fingerprint(self) -> str:
        """Hexadecimal digits that change with any name, size, time or mode."""
        digest = hashlib.sha256()
        for member in self.members:
            digest.update(repr(member).encode(errors="surrogateescape"))
        return digest.hexdigest()


def list_folder(folder: Path) -> Listing:
    """List a folder. Links are followed: they count as the files and folders that they lead to.

    Raises InputError for links that lead nowhere or in a circle, and for what is neither file nor folder.
    """
    folder = folder.resolve()
    if not folder.name:
        raise InputError(f"{folder} is the root of a file system; give a folder in it")
    return Listing(folder, list(walk(str(folder), folder.name, ())))


def walk(folder: str, name: str, above: tuple) -> Iterator[Member]:
    """A folder's members, itself the first; `above` says which folders it lies in."""
    status = os.stat(folder)
    identity = status.st_dev, status.st_ino
    if identity in above:
        raise InputError(f"{folder} is a link to a folder that it lies in; remove it")
    yield member_of(name, status)
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        try:
            status = entry.stat()
        except (FileNotFoundError, NotADirectoryError):
            raise InputError(f"{entry.path} is a link that leads nowhere; remove it") from None
        if stat.S_ISDIR(status.st_mode):
            yield from walk(entry.path, f"{name}/{entry.name}", (*above, identity))
        elif stat.S_ISREG(status.st_mode):
            yield member_of(f"{name}/{entry.name}", status)
        else:
            raise InputError(f"{entry.path} is neither a file nor a folder; remove it")


def member_of(name: str, status: os.stat_result) -> Member:
    is_folder = stat.S_ISDIR(status.st_mode)
    return Member(name, is_folder, 0 if is_folder else status.st_size, status.st_mode & 0o777, status.st_mtime_ns)
