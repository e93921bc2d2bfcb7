"""An archive that was written, read back from the disk."""

import hashlib
import io
import tarfile
from collections.abc import Callable
from itertools import zip_longest

import zstandard

from config.errors import InputError
from tools.archiving.archive import Archive
from tools.archiving.listing import Member
from tools.archiving.tar_stream import READ


def check_archive(archive: Archive, progress: Callable[[int], object]) -> None:
    """Read all parts as one archive: their checksums, those of the content in every frame, and names and sizes.

    `progress` is told how many bytes of the tar stream are read. Raises InputError naming the part that is damaged.
    """
    parts = PartsReader(archive)
    try:
        with zstandard.ZstdDecompressor().stream_reader(parts, read_size=READ, read_across_frames=True) as stream:
            with tarfile.open(fileobj=stream, mode="r|", bufsize=READ, encoding="utf-8") as tar:
                for found, member in zip_longest(tar, archive.listing.members):
                    compare(archive, found, member)
                    progress(found.offset_data + found.size)
            while stream.read(READ):
                pass
    except (zstandard.ZstdError, tarfile.TarError, EOFError) as error:
        raise InputError(f"{parts.path} cannot be read back ({error}); remove it and run again") from error
    parts.finish()
    progress(archive.size)


def compare(archive: Archive, found: tarfile.TarInfo | None, member: Member | None) -> None:
    here = f"{found.name} of {found.size} bytes" if found else "its end"
    expected = f"{member.name} of {member.size} bytes" if member else "its end"
    if here != expected:
        raise InputError(f"{archive.path} has {here} where {expected} should be; remove it and run again")


class PartsReader(io.RawIOBase):
    """The bytes of an archive's parts one after another, each compared with its recorded checksum."""

    def __init__(self, archive: Archive):
        self.parts = [(archive.part_path(number), part) for number, part in enumerate(archive.record.parts)]
        self.number, self.digest = 0, hashlib.sha256()
        self.file = self.path.open("rb", buffering=0)

    @property
    def path(self):
        return self.parts[self.number][0]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        size = self.file.readinto(buffer)
        self.digest.update(memoryview(buffer)[:size])
        if not size and self.number + 1 < len(self.parts):
            self.compare()
            self.number, self.digest = self.number + 1, hashlib.sha256()
            self.file = self.path.open("rb", buffering=0)
            return self.readinto(buffer)
        return size

    def compare(self) -> None:
        self.file.close()
        if self.digest.hexdigest() != self.parts[self.number][1].sha256:
            raise InputError(f"{self.path} is not what was written; the disk may be failing: remove it and run again")

    def finish(self) -> None:
        """Compare the last part too."""
        while self.readinto(bytearray(READ)):
            pass
        self.compare()
