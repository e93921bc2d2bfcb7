"""An archive on disk: its parts, and the hidden record beside them of those that are finished."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path

from config.errors import InputError
from media.files import atomic_write
from tools.archiving.frames import ENCODER, FRAME, FrameReader, compressed_frames, largest
from tools.archiving.listing import Listing
from tools.archiving.tar_stream import stream_size, tar_stream


@dataclass(frozen=True)
class Part:
    """A finished part. The next one begins at byte `offset` of frame number `frame`."""

    name: str
    size: int
    sha256: str
    frame: int
    offset: int


@dataclass
class Record:
    """`content` says of what the parts are made and how, `is_whole` whether they are all."""

    content: str
    parts: list[Part] = field(default_factory=list)
    is_whole: bool = False


class Archive:
    """The archive of a listing at `path`: one file, or parts PATH.000, PATH.001 and so on of `split` bytes each.

    The parts are pieces of one stream of zstd frames, and an archive when put together. Every finished part is in the
    record, with where the next begins, so that a part that is not there is made by itself, and as it was.
    """

    def __init__(self, path: Path, listing: Listing, split: int):
        """Raises InputError for files in the way that are not of this archive; changes nothing."""
        self.path, self.listing, self.split = path, listing, split
        self.record_path = path.with_name(f".{path.name}.json")
        self.record = self.read_record()
        self.size = stream_size(listing)
        self.digits = max(3, len(str(largest(self.size) // split))) if split else 0
        self.content = f"{listing.fingerprint()} {ENCODER} {split}"
        foreign = [file for file in self.files() if not self.owns(file)]
        if foreign:
            raise InputError(f"--output: {foreign[0]} exists; move it away, or give another --output")
        if self.record and self.record.is_whole and self.record.content != self.content:
            raise InputError(
                f"--output: {path} is an archive of other content or of another --split; move it and "
                f"{self.record_path} away, or give another --output"
            )

    def read_record(self) -> Record | None:
        try:
            content = json.loads(self.record_path.read_text(encoding="utf-8"))
            return Record(content["content"], [Part(**part) for part in content["parts"]], content["is_whole"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise InputError(f"{self.record_path} is damaged; remove it and {self.path}") from error

    def write_record(self) -> None:
        with atomic_write(self.record_path) as temporary:
            temporary.write_text(json.dumps(asdict(self.record), indent=1), encoding="utf-8")

    def files(self) -> list[Path]:
        """The file of the archive, or its parts, that are there."""
        name = re.compile(re.escape(self.path.name) + r"(\.\d{3,})?", re.DOTALL)
        folder = self.path.parent
        return sorted(path for path in folder.iterdir() if name.fullmatch(path.name)) if folder.is_dir() else []

    def owns(self, file: Path) -> bool:
        """Whether the record has a file, or a run was killed between finishing it and recording it."""
        if self.record is None or self.record.is_whole:
            return self.record is not None and any(file.name == part.name for part in self.record.parts)
        number = file.name.removeprefix(self.path.name).removeprefix(".") or "0"
        return int(number) <= len(self.record.parts)

    def part_path(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number:0{self.digits}d}") if self.split else self.path

    def is_finished(self, number: int) -> bool:
        if number >= len(self.record.parts):
            return False
        path = self.part_path(number)
        return path.is_file() and path.stat().st_size == self.record.parts[number].size

    def finished(self) -> list[Part]:
        """The parts that a run may begin after."""
        if self.record is None or self.record.content != self.content:
            return []
        return [part for number, part in enumerate(self.record.parts) if self.is_finished(number)]

    def begin_of(self, number: int) -> tuple[int, int]:
        """Frame, and byte in it, that a part begins with."""
        return (self.record.parts[number - 1].frame, self.record.parts[number - 1].offset) if number else (0, 0)

    def write(self, progress: Callable[[int], object]) -> int:
        """Write the parts that are missing; returns their number. `progress` is told how many frames are done."""
        if self.record is None or self.record.content != self.content:
            for path in self.files():  # of a run that was interrupted before the folder changed
                path.unlink()
            self.record = Record(self.content)
            self.write_record()
        written, reader = 0, None
        for number in count():
            if self.record.is_whole and number == len(self.record.parts):
                return written
            if self.is_finished(number):
                continue
            begin = self.begin_of(number)
            if reader is None or reader.position != begin:
                frames = compressed_frames(tar_stream(self.listing, begin[0] * FRAME))
                reader = FrameReader(frames, *begin)
            self.write_part(number, reader, progress)
            written += 1

    def write_part(self, number: int, reader: FrameReader, progress: Callable[[int], object]) -> None:
        """Write one part and record it. Raises InputError where one that was lost comes out otherwise than it was."""
        path, digest, size = self.part_path(number), hashlib.sha256(), 0
        with atomic_write(path) as temporary:
            with temporary.open("wb") as file:
                while data := reader.take(self.split - size if self.split else FRAME):
                    file.write(data)
                    digest.update(data)
                    size += len(data)
                    progress(reader.position[0])
            part = Part(path.name, size, digest.hexdigest(), *reader.position)
            if number < len(self.record.parts) and self.record.parts[number] != part:
                raise InputError(f"{path} comes out otherwise than it was; remove {self.record_path} and all parts")
        if number == len(self.record.parts):
            self.record.parts.append(part)
            self.record.is_whole = reader.is_at_end
            self.write_record()
