"""speed.py from end to end, at sizes at which nothing but its own mistakes can stop it."""

import json
import math
import subprocess
import sys

from benchmarks import operators
from tools.steps import ROOT

WORKS = ["DINet, mouth 32", "LawDNet, mouth 32", "training step, frame_32"]
FIRST_WORDS = (
    "DINet, mouth",
    "LawDNet, mouth",
    "DINet, mouth 32, without",
    "DINet training step",
    "frame sample",
    "syncnet sample",
    "inference, mouth",
    "host side alone",
    "inference.py, start",
    "raw 1080x1920",
    "JSON of",
)


def test_everything_that_is_measured_can_be(tmp_path):
    path = tmp_path / "speed.json"
    command = [sys.executable, ROOT / "benchmarks" / "speed.py", "--toy", "--device", "cpu", "--json", path]
    done = subprocess.run([*command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    record = json.loads(path.read_text())
    names = [row["name"] for row in record["rows"]]
    assert [words for words in FIRST_WORDS if not any(name.startswith(words) for name in names)] == []
    assert all(math.isfinite(row["seconds"]) and row["seconds"] > 0 for row in record["rows"])
    assert "--toy" in record["command"] and all(row["name"] in done.stdout for row in record["rows"])


def test_every_operator_has_its_share(tmp_path, monkeypatch, capsys):
    path = tmp_path / "operators.json"
    monkeypatch.setattr("sys.argv", ["operators.py", "--toy", "--device", "cpu", "--json", str(path)])
    operators.main()
    rows = json.loads(path.read_text())["rows"]
    assert [row["work"] for row in rows] == WORKS
    for row in rows:
        assert math.isclose(sum(row["operators"].values()), 1) and min(row["operators"].values()) >= 0
    assert "convolution" in capsys.readouterr().out
