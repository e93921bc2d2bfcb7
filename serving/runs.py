"""What training has written so far: stages of runs, their curves, pictures and options."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from media.files import PARTIAL
from training.curves import NOT_CURVES, read_metrics

METRICS, OPTIONS, SAMPLES = "metrics.jsonl", "options.json", "samples"
DEEPEST = 5  # folders below the folder of runs
PICTURES, VIDEOS = (".png", ".jpg"), (".mp4",)


@dataclass(frozen=True)
class Stage:
    """A stage of a run; `name` is its folder's path below the folder of runs."""

    name: str
    folder: Path

    def options(self) -> dict[str, Any]:
        try:
            options = json.loads((self.folder / OPTIONS).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        return options if isinstance(options, dict) else {}

    def samples(self, most: int) -> list[str]:
        """The newest held-out pictures and videos, newest first, by their paths below the folder of runs."""
        found = [
            (path.stat().st_mtime, path.name)
            for path in (self.folder / SAMPLES).glob("*")
            if path.suffix in PICTURES + VIDEOS and not path.name.startswith(PARTIAL)
        ]
        return [f"{self.name}/{SAMPLES}/{name}" for _, name in sorted(found, reverse=True)[:most]]


def find_stages(root: Path) -> list[Stage]:
    """All stages that have measured something, the one that did so last first."""
    found = [path for depth in range(1, DEEPEST + 1) for path in root.glob("*/" * depth + METRICS)]
    found.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    return [Stage(path.parent.relative_to(root).as_posix(), path.parent) for path in found]


def curves(stages: list[Stage]) -> dict[str, list[tuple[float, float, str]]]:
    """Of each measure (step, value, name of the stage), held-out measures first."""
    found: dict[str, list[tuple[float, float, str]]] = {}
    for stage in stages:
        for row in read_metrics(stage.folder / METRICS):
            for name in row.keys() - set(NOT_CURVES):
                found.setdefault(name, []).append((row["step"], row[name], stage.name))
    return dict(sorted(found.items(), key=lambda item: (not item[0].startswith("val/"), item[0])))
