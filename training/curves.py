"""The curves of a finished stage as one picture. Needs matplotlib, which training itself does without."""

import json
from pathlib import Path

from media.files import atomic_write

NOT_CURVES = ("step", "epoch", "train_minutes", "lr_factor", "samples_per_second")


def draw_curves(folder: Path) -> None:
    """Draw metrics.jsonl of a stage's folder to curves.png, a panel a number, where matplotlib is installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
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
