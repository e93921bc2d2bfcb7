"""What is known of a video from earlier runs, under the hash of its content: where its name lies does not matter."""

import hashlib
from pathlib import Path

import torch
from torch import Tensor

from media.files import written_whole

SUFFIX = ".cache.pt"
LARGEST_BYTES = 2 * 2**30  # of the whole folder; the entries that were used least recently go first


def content_hash(path: str | Path) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=20)).hexdigest()


class Cache:
    """Dicts of tensors in a folder, by everything that they depend on. Without a folder it remembers nothing."""

    def __init__(self, folder: str):
        self.folder = Path(folder) if folder else None

    def path(self, kind: str, *depends_on: object) -> Path:
        key = hashlib.blake2b("\n".join(map(str, depends_on)).encode(), digest_size=20).hexdigest()
        return self.folder / f"{kind}_{key}{SUFFIX}"

    def load(self, kind: str, *depends_on: object) -> dict[str, Tensor] | None:
        """None where there is no such entry, or not a readable one."""
        if not self.folder or not (path := self.path(kind, *depends_on)).is_file():
            return None
        try:
            entry = torch.load(path, map_location="cpu", weights_only=True)
            path.touch()
        except Exception:  # bytes that are no entry make torch.load raise almost anything; then it is made anew
            return None
        return entry

    def store(self, entry: dict[str, Tensor], kind: str, *depends_on: object) -> None:
        if self.folder:
            with written_whole(self.path(kind, *depends_on)) as temporary:
                torch.save(entry, temporary)
            self.prune()

    def prune(self) -> None:
        entries = sorted(self.folder.glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime, reverse=True)
        total = 0
        for path in entries:
            total += path.stat().st_size
            if total > LARGEST_BYTES:
                path.unlink(missing_ok=True)
