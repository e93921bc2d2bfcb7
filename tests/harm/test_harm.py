"""Some of the harness's cases of every line; all of them: python tests/harm (see its README.md)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

LINES = ("1", "2", *(f"4.{number}" for number in range(1, 15)))


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory) -> list[dict]:
    results = tmp_path_factory.mktemp("harm") / "results.json"
    command = [sys.executable, Path(__file__).parent, "--quick", "--jobs", "2", "--results", results]
    done = subprocess.run(command, capture_output=True, text=True)
    assert results.exists(), done.stderr[-2000:]
    return json.loads(results.read_text())


@pytest.mark.parametrize("line", LINES)
def test_bad_inputs_and_faults_of_a_line(outcomes, line):
    mine = [outcome for outcome in outcomes if outcome["line"] == line]
    failed = [f"{outcome['name']}: {outcome['detail']}" for outcome in mine if outcome["status"] == "failed"]
    assert mine and not failed, "\n".join(failed)
