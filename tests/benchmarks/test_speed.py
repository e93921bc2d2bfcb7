"""speed.py from end to end, at sizes at which nothing but its own mistakes can stop it."""

import json
import math
import subprocess
import sys

from tools.steps import ROOT

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
