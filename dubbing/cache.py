"""What is known of a video from earlier runs, under the hash of its content: where its name lies does not matter."""

import functools
import hashlib
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor

from config.errors import InputError
from media.files import atomic_write
from models.loading import read_weights

VERSION = 2  # of what entries hold and of how it is made; another one lets old entries lie
SUFFIX = ".cache.pt"
LARGEST_BYTES = 2 * 2**30  # of the whole folder; the entries that were used least recently go first
CHEAP = "mouths_"  # entries that are large and soon made anew, and go before all others


def content_hash(path: str | Path) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=20)).hexdigest()


class Cache:
    """Dicts of tensors in a folder, by the video's content and all else they depend on: values, and files by content.

    Without a folder it remembers nothing, and reads no file. A folder that cannot be written is only warned of.
    """

    def __init__(self, folder: str, video: Path):
        self.folder = Path(folder) if folder else None
        self.video = content_hash(video) if folder else ""
        self.hash = functools.cache(content_hash)  # a checkpoint is read once, for loading and for storing

    def path(self, kind: str, *depends_on: object) -> Path:
        parts = [self.hash(part) if isinstance(part, Path) else str(part) for part in depends_on]
        key = "\n".join((str(VERSION), self.video, *parts))
        return self.folder / f"{kind}_{hashlib.blake2b(key.encode(), digest_size=20).hexdigest()}{SUFFIX}"

    def load(self, fits: Callable[[dict[str, Tensor]], bool], kind: str, *depends_on: object) -> dict | None:
        """None where there is no such entry, or, with a warning, where it holds what was not stored under its name.

        `fits` says whether tensors are such an entry's.
        """
        if not self.folder or not (path := self.path(kind, *depends_on)).is_file():
            return None
        tensors = read_entry(path)
        if tensors is None or not fits(tensors):
            print(f"warning: --cache_folder: {path} holds something else; it is made anew", file=sys.stderr)
            return None
        with suppress(OSError):
            path.touch()
        return tensors

    def store(self, tensors: dict[str, Tensor], kind: str, *depends_on: object) -> None:
        if not self.folder:
            return
        path = self.path(kind, *depends_on)
        try:
            with atomic_write(path) as temporary:
                torch.save({"name": path.name, "tensors": tensors}, temporary)
            self.prune()
        except (OSError, RuntimeError) as error:  # torch.save raises RuntimeError for a full disk
            print(f"warning: --cache_folder {self.folder}: nothing is kept ({error})", file=sys.stderr)

    def prune(self) -> None:
        entries = sorted(self.folder.glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime, reverse=True)
        entries.sort(key=lambda path: path.name.startswith(CHEAP))
        total = 0
        for path in entries:
            total += path.stat().st_size
            if total > LARGEST_BYTES:
                path.unlink(missing_ok=True)


def read_entry(path: Path) -> dict[str, Tensor] | None:
    """The tensors of an entry; None where the file is none, or was stored under another name."""
    try:
        content = read_weights(path, "--cache_folder")
    except InputError:
        return None
    if not isinstance(content, dict) or content.get("name") != path.name:
        return None
    tensors = content.get("tensors")
    if not isinstance(tensors, dict) or not all(isinstance(tensor, Tensor) for tensor in tensors.values()):
        return None
    return tensors
