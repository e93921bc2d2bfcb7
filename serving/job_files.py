"""Where a job's files lie: a folder of its own, which appears whole and goes with the job."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

from config.errors import NO_ROOM
from media.files import atomic_write_folder, sweep
from serving.refused import Refused

RESULTS = {"dub": "result.mp4", "preview": "preview.jpg", "avatar": "avatar.png"}
SOURCE = "source.mp4"  # the source of a dub as it is played beside the result
LONGEST_SHOWN = 80  # characters of a name that somebody gave
LONGEST_SUFFIX = 6


@dataclass(frozen=True)
class Upload:
    """A file that somebody sent: what they call it, and its content, which is read once."""

    name: str
    content: BinaryIO


class JobFiles:
    """The folders of all jobs, in `root`."""

    def __init__(self, root: Path):
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        sweep(root)

    def folder(self, identity: str) -> Path:
        return self.root / identity

    def result(self, identity: str, kind: str) -> Path:
        return self.folder(identity) / RESULTS[kind]

    def store(self, identity: str, uploads: Mapping[str, Upload]) -> dict[str, Path]:
        """Write the files of a new job; their paths. Raises Refused where the disk is full."""
        names = {role: f"{role}{plain_suffix(upload.name)}" for role, upload in uploads.items()}
        try:
            with atomic_write_folder(self.folder(identity)) as folder:
                for role, upload in uploads.items():
                    with (folder / names[role]).open("wb") as file:
                        shutil.copyfileobj(upload.content, file, 1 << 20)
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            message = "the server's disk is full; try again when it has been cleared"
            raise Refused(message, HTTPStatus.INSUFFICIENT_STORAGE) from error
        return {role: self.folder(identity) / name for role, name in names.items()}

    def remove(self, identity: str) -> None:
        shutil.rmtree(self.folder(identity), ignore_errors=True)

    def remove_all_but(self, known: set[str]) -> None:
        """Remove what a killed server left: folders of jobs that were never entered."""
        for folder in self.root.iterdir():
            if folder.name not in known:
                self.remove(folder.name)


def shown_name(name: str) -> str:
    """A name that somebody gave, as it may be shown: without folders and control characters, not too long."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(filter(str.isprintable, last))[-LONGEST_SHOWN:] or "file"


def plain_suffix(name: str) -> str:
    """The suffix of a name, which helps FFmpeg with some formats; nothing where it is no plain one."""
    suffix = Path(shown_name(name)).suffix.lower()
    return suffix if suffix[1:].isalnum() and suffix.isascii() and len(suffix) <= LONGEST_SUFFIX else ""
