"""The bytes of an uncompressed tar archive, from any place on, without a file of it."""

import os
import tarfile
from collections.abc import Iterator

from config.errors import InputError
from tools.archiving.listing import Listing, Member

READ = 1 << 20  # bytes of a file that are held at a time


def stream_size(listing: Listing) -> int:
    """Bytes of the whole archive."""
    size = sum(header_size(member) + padded(member.size) for member in listing.members)
    return end_of_archive(size)


def tar_stream(listing: Listing, start: int = 0) -> Iterator[bytes]:
    """The archive's bytes from `start` on. Files that end before it are not read.

    Names of any length and bytes, sizes beyond 8 GiB; times to the second, modes, and no owners, so that the same
    folder gives the same bytes anywhere. Raises InputError where a file is no longer as it was listed.
    """
    position = 0
    for member in listing.members:
        after_head = position + header_size(member)
        end = after_head + padded(member.size)
        if start < after_head:
            yield header(member)[max(0, start - position) :]
        if start < end:
            yield from content(listing.path(member), member, max(0, start - after_head))
        position = end
    end = end_of_archive(position)
    yield bytes(end - max(position, start))


def header_size(member: Member) -> int:
    """len(header(member)), which for names of up to 99 bytes is known without making it."""
    return tarfile.BLOCKSIZE if len(os.fsencode(member.name)) < tarfile.LENGTH_NAME else len(header(member))


def header(member: Member) -> bytes:
    info = tarfile.TarInfo(member.name)
    info.type = tarfile.DIRTYPE if member.is_folder else tarfile.REGTYPE
    info.size, info.mode, info.mtime = member.size, member.mode, member.mtime // 10**9
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def content(path: str, member: Member, start: int) -> Iterator[bytes]:
    """A file's bytes from `start` on, filled up to whole blocks."""
    if start < member.size:
        with open(path, "rb", buffering=0) as file:
            file.seek(start)
            left = member.size - start
            while left:
                data = file.read(min(READ, left))
                if not data:
                    break
                left -= len(data)
                yield data
            status = os.fstat(file.fileno())
        if left or (status.st_size, status.st_mtime_ns) != (member.size, member.mtime):
            raise InputError(f"{path} has changed while it was archived; run again when nothing writes to the folder")
    yield bytes(padded(member.size) - max(member.size, start))


def padded(size: int) -> int:
    return -(-size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE


def end_of_archive(size: int) -> int:
    """Where an archive ends whose members take `size` bytes: two empty blocks, in whole records."""
    return -(-(size + 2 * tarfile.BLOCKSIZE) // tarfile.RECORDSIZE) * tarfile.RECORDSIZE
