"""The checkpoints of a stage's folder: epoch_000010.pth and so on, and best.pth."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from config.errors import InputError
from media.files import atomic_write

FORMAT = 1
BEST = "best.pth"


def checkpoint_path(folder: Path, epoch: int) -> Path:
    return folder / f"epoch_{epoch:06d}.pth"


def existing_checkpoints(folder: Path) -> list[Path]:
    """Oldest first."""
    return sorted(folder.glob("epoch_*.pth"))


def latest_checkpoint(folder: Path) -> Path | None:
    return max(folder.glob("epoch_*.pth"), default=None)


def best_checkpoint(folder: Path) -> Path | None:
    """What later stages and inference start from: best.pth, or the newest checkpoint where nothing was held out."""
    best = folder / BEST
    return best if best.is_file() else latest_checkpoint(folder)


def best_measure(options: Mapping[str, Any]) -> str:
    """The held-out measure by whose largest value a stage's best.pth is chosen."""
    if options["stage"] == "syncnet":
        return "val/offset_within_1"
    return "val/sync" if options["stage"] == "clip" and options["lamb_sync"] else "val/mouth_psnr"


def save_checkpoint(folder: Path, epoch: int, content: dict, keep: int) -> Path:
    """Write a checkpoint whole and remove all but the newest `keep`. Raises InputError where it cannot be written."""
    path = checkpoint_path(folder, epoch)
    write(path, {"format": FORMAT, "epoch": epoch, **content})
    for old in existing_checkpoints(folder)[:-keep]:
        old.unlink()
    return path


def save_best(folder: Path, epoch: int, content: dict) -> None:
    """Write best.pth whole. Raises InputError where it cannot be written."""
    write(folder / BEST, {"format": FORMAT, "epoch": epoch, **content})


def write(path: Path, content: dict) -> None:
    try:
        with atomic_write(path) as temporary:
            torch.save(content, temporary)
    except (OSError, RuntimeError) as error:  # torch raises RuntimeError for a full disk
        raise InputError(
            f"{path} cannot be written ({str(error).splitlines()[0]}): the disk may be full or read-only; earlier "
            "checkpoints are kept, so make room and go on with --resume"
        ) from error
