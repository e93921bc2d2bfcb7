"""The checkpoints of a stage's folder: epoch_000010.pth and so on, and best.pth."""

from pathlib import Path

import torch

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


def save_checkpoint(folder: Path, epoch: int, content: dict, keep: int) -> Path:
    """Write a checkpoint whole and remove all but the newest `keep`."""
    path = checkpoint_path(folder, epoch)
    with atomic_write(path) as temporary:
        torch.save({"format": FORMAT, "epoch": epoch, **content}, temporary)
    for old in existing_checkpoints(folder)[:-keep]:
        old.unlink()
    return path


def save_best(folder: Path, epoch: int, content: dict) -> None:
    """Write best.pth whole."""
    with atomic_write(folder / BEST) as temporary:
        torch.save({"format": FORMAT, "epoch": epoch, **content}, temporary)


def best_checkpoint(folder: Path) -> Path | None:
    """What later stages and inference start from: best.pth, or the newest checkpoint where nothing was held out."""
    best = folder / BEST
    return best if best.is_file() else latest_checkpoint(folder)
