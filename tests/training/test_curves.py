"""Rows of numbers beside what a killed process, or a user, left in their file."""

import json

import pytest

from training.curves import draw_curves, read_metrics
from training.tracking import METRICS, Tracker

ROWS = [{"step": step, "lr": 1e-4, "perception": 1 / step} for step in (1, 2)]
WRITTEN = "".join(json.dumps(row) + "\n" for row in ROWS).encode()


@pytest.mark.parametrize(
    "before, others",
    [
        (b"", 0),
        (WRITTEN, 0),
        (WRITTEN.rstrip(), 0),
        (WRITTEN + b'{"step": 3, "perc', 1),
        (WRITTEN[5:], 1),
        (WRITTEN + b"hello\n\n", 2),
        (WRITTEN + bytes(range(128, 256)), 1),
        (WRITTEN + b'3\n[1]\n{"lr": 1}\n{"step": 4, "lr": "high"}\n{"step": null}\n' + b"[" * 100_000, 6),
        (WRITTEN + b'{"step": 3, "lr": ' + b"9" * 10_000 + b"}\n", 0),
    ],
    ids=["empty", "whole", "no line break", "torn end", "torn start", "text", "bytes", "other JSON", "huge"],
)
def test_what_is_no_row_stays_in_the_file_and_out_of_the_curves(tmp_path, capsys, before, others):
    path = tmp_path / METRICS
    path.write_bytes(before)
    with Tracker(tmp_path, "disabled", "project", "name", {}) as tracker:
        tracker.log(5, {"lr": 1e-4, "perception": 0.2})
    assert path.read_bytes().startswith(before)
    assert read_metrics(path)[-1] == {"step": 5, "lr": 1e-4, "perception": 0.2}
    capsys.readouterr()
    draw_curves(tmp_path)
    warnings = capsys.readouterr().err.splitlines()
    assert (tmp_path / "curves.png").stat().st_size > 5000
    assert len(warnings) == bool(others)
    if others:
        assert warnings[0].startswith(f"warning: {path}: {others} of ")
