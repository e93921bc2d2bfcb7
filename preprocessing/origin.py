"""What a made file or folder was made from, so that it is made anew when that has changed, whatever its times say.

The inputs are remembered by size and content in ROOT/.made_from/, below the same path as the output below ROOT. Files
of earlier versions of this project, of which nothing is remembered, are judged by their times.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from media.files import atomic_write

MEMORY = ".made_from"  # folder of the memories of a training set, or of make_dataset.py's results
BLOCK, BLOCKS = 1 << 16, 64  # bytes, and how many blocks of a large file are read


@dataclass(frozen=True)
class Origin:
    """The inputs of a step as they are now. Make it before the work begins: what changes meanwhile counts as new.

    `root` is the folder that outputs lie in; `inputs` are made or given files or folders; `settings` say how outputs
    are made from them.
    """

    root: Path
    inputs: tuple[Path, ...]
    record: dict

    @classmethod
    def of(cls, root: Path, *inputs: Path, **settings: str) -> "Origin":
        prints = [fingerprint(path, root) for path in inputs]
        return cls(root, inputs, {"inputs": prints, "settings": settings})

    def made(self, output: Path) -> bool:
        """Whether `output` exists and was made from these inputs."""
        if not output.exists():
            return False
        known = recall(output, self.root)
        if known is not None:
            return known == self.record
        if not is_newer(output, *self.inputs):
            return False
        self.write(output, is_ours=False)
        return True

    def remember(self, output: Path) -> None:
        """Say that `output`, which is whole and in its place, was made from these inputs by this program."""
        self.write(output, is_ours=True)

    def write(self, output: Path, is_ours: bool) -> None:
        memory = memory_of(output, self.root)
        text = json.dumps({**self.record, "ours": is_ours})
        if not memory.is_file() or memory.read_text(encoding="utf-8", errors="replace") != text:
            with atomic_write(memory) as temporary:
                temporary.write_text(text, encoding="utf-8")


def memory_of(output: Path, root: Path) -> Path:
    return root / MEMORY / output.relative_to(root)


def recall(output: Path, root: Path) -> dict | None:
    """What an output was made from, {"inputs", "settings"}; None where nothing is remembered, or it is damaged."""
    known = read_memory(output, root)
    return None if known is None else {"inputs": known["inputs"], "settings": known["settings"]}


def is_ours(output: Path, root: Path) -> bool:
    """Whether this program made an output, and did not just find it there."""
    known = read_memory(output, root)
    return known is not None and known["ours"]


def read_memory(output: Path, root: Path) -> dict | None:
    try:
        known = json.loads(memory_of(output, root).read_text(encoding="utf-8"))
        return {"inputs": list(known["inputs"]), "settings": dict(known["settings"]), "ours": bool(known["ours"])}
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError, RecursionError):
        return None


def is_newer(output: Path, *inputs: Path) -> bool:
    """Whether `output` is no older than any of `inputs`."""
    made = output.stat().st_mtime_ns
    return all(source.stat().st_mtime_ns <= made for source in inputs)


def fingerprint(path: Path, root: Path) -> str:
    """What tells an input from others: size and content of a file, and of a folder what it was itself made from.

    Of a file larger than BLOCKS * BLOCK bytes that many are hashed, spread evenly from its first to its last: a video
    that was coded anew differs everywhere. A folder of which nothing is remembered has its time instead.
    """
    if path.is_dir():
        memory = memory_of(path, root)
        return content_hash(memory) if memory.is_file() else f"time {path.stat().st_mtime_ns}"
    return f"{path.stat().st_size} {content_hash(path)}"


def content_hash(path: Path) -> str:
    size = path.stat().st_size
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        if size <= BLOCK * BLOCKS:
            digest.update(file.read())
        else:
            for number in range(BLOCKS):
                file.seek((size - BLOCK) * number // (BLOCKS - 1), os.SEEK_SET)
                digest.update(file.read(BLOCK))
    return digest.hexdigest()
