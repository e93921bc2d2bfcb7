"""report.json and report.csv: what was done with raw footage, for programs and spreadsheets."""

import csv
import json
import math
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from media.files import atomic_write
from preprocessing.footage.report import ClipReport, VideoReport

VIDEO_COLUMNS = {"path": "path", "seconds": "video_seconds", "fps": "fps", "status": "status", "reason": "reason"}
CLIP_COLUMNS = ("name", "start", "end", "kept", "reasons", "offset_frames")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # spreadsheets run cells that begin with one of these


def finite(value: float | None) -> float | None:
    """A plain number, None for what JSON has no number for."""
    return None if value is None or not math.isfinite(value) else float(value)


def clip_record(clip: ClipReport) -> dict[str, Any]:
    return {
        "name": clip.name,
        "start": finite(clip.start),
        "end": finite(clip.end),
        "kept": bool(clip.kept),
        "reasons": list(clip.reasons),
        "offset_frames": None if clip.offset_frames is None else int(clip.offset_frames),
        "measures": {name: finite(value) for name, value in clip.measures.items()},
    }


def video_record(video: VideoReport) -> dict[str, Any]:
    return {
        "path": video.path,
        "seconds": finite(video.seconds),
        "fps": finite(video.fps),
        "status": video.status,
        "reason": video.reason,
        "clips": [clip_record(clip) for clip in video.clips],
    }


def write_json(path: Path, videos: Sequence[VideoReport]) -> None:
    """Write report.json, which names things as the records do. What has no number is null."""
    report = {"videos": [video_record(video) for video in videos]}
    write_text(path, json.dumps(report, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def write_csv(path: Path, videos: Sequence[VideoReport]) -> None:
    """Write report.csv: one row a clip, or a video without clips; one column a measure."""
    measured = list(dict.fromkeys(name for video in videos for clip in video.clips for name in clip.measures))
    table = StringIO()
    rows = csv.writer(table)
    rows.writerow(map(cell, [*VIDEO_COLUMNS.values(), *CLIP_COLUMNS, *measured]))
    for video in map(video_record, videos):
        for clip in video["clips"] or [None]:
            rows.writerow(map(cell, [*(video[column] for column in VIDEO_COLUMNS), *clip_cells(clip, measured)]))
    write_text(path, table.getvalue())


def clip_cells(clip: dict[str, Any] | None, measured: list[str]) -> list[Any]:
    if clip is None:
        return [None] * (len(CLIP_COLUMNS) + len(measured))
    own = {**clip, "kept": "yes" if clip["kept"] else "no", "reasons": "; ".join(clip["reasons"])}
    return [*(own[column] for column in CLIP_COLUMNS), *(clip["measures"].get(name) for name in measured)]


def cell(value: Any) -> Any:
    """Text that a spreadsheet would take for a formula gets an apostrophe before it; numbers stay."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


def write_text(path: Path, text: str) -> None:
    r"""Write UTF-8 whole. Lone surrogates, of file names that are no UTF-8, become \udcXX: JSON's own escape."""
    with atomic_write(path) as temporary:
        temporary.write_bytes(text.encode("utf-8", "backslashreplace"))
