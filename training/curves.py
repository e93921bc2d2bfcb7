"""The curves of a finished stage as one picture. Needs matplotlib, which training itself does without."""

import json
import sys
from pathlib import Path

from media.files import atomic_write

NOT_CURVES = ("step", "epoch", "train_minutes", "lr_factor", "samples_per_second", "loading_share")


def draw_curves(folder: Path) -> None:
    """Draw metrics.jsonl of a stage's folder to curves.png, a panel a number, where matplotlib is installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return
    rows = read_metrics(folder / "metrics.jsonl")
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if name not in NOT_CURVES]
    if not names:
        return
    columns = min(4, len(names))
    figure = Figure(figsize=(4 * columns, 2.6 * -(-len(names) // columns)), layout="constrained")
    for place, name in enumerate(names, 1):
        axes = figure.add_subplot(-(-len(names) // columns), columns, place, title=name, xlabel="step")
        points = [(row["step"], row[name]) for row in rows if name in row]
        axes.plot(*zip(*points, strict=True), marker="o" if len(points) < 30 else "")
        axes.grid(alpha=0.3)
    with atomic_write(folder / "curves.png") as temporary:
        figure.savefig(temporary, format="png", dpi=90)


def read_metrics(path: Path) -> list[dict[str, float]]:
    """Rows of numbers by name, `step` among them. Lines that are no such rows are passed over, with a warning.

    A process that was killed leaves a torn line, and a user may have written into the file.
    """
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    rows = [row for row in map(parse_row, lines) if row]
    if len(rows) < len(lines):
        count = f"{len(lines) - len(rows)} of {len(lines)} lines"
        print(f"warning: {path}: {count} are no JSON objects of numbers with their step; passed over", file=sys.stderr)
    return rows


def parse_row(line: str) -> dict[str, float] | None:
    try:
        row = json.loads(line, parse_int=float)
    except (ValueError, RecursionError):
        return None
    is_row = isinstance(row, dict) and "step" in row and all(isinstance(value, float) for value in row.values())
    return row if is_row else None
