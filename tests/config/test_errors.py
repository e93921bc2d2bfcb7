"""How a script ends: its status and what it says, also where a signal comes while Python itself ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from config.errors import report

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import atexit, sys, time
from pathlib import Path
from config.errors import run_script

def wait():
    Path(sys.argv[1]).touch()
    for _ in range(600):  # a signal that comes just before a long sleep is handled after it
        time.sleep(0.1)

def main():
    if sys.argv[2] == "in main":
        wait()
    atexit.register(wait)

run_script(main)
"""
ENDS = {
    ("in main", signal.SIGINT): (130, "interrupted"),
    ("in main", signal.SIGTERM): (143, ""),
    ("at exit", signal.SIGINT): (-signal.SIGINT, ""),
    ("at exit", signal.SIGTERM): (-signal.SIGTERM, ""),
}


@pytest.mark.parametrize("moment, number", ENDS)
def test_a_signal_ends_a_script_without_a_traceback_at_any_moment(tmp_path, moment, number):
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "ready"), moment]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE)
    while not (tmp_path / "ready").exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(number)
    said = process.communicate()[1].decode().strip()
    assert (process.returncode, said) == ENDS[moment, number]


def test_an_interrupt_that_whoever_starts_a_script_ignores_stays_ignored(tmp_path):
    ignoring = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"
    script = SCRIPT.replace("time.sleep(0.1)", "signal.raise_signal(signal.SIGINT)")
    command = [sys.executable, "-c", ignoring + script, str(tmp_path / "ready"), "at exit"]
    result = subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True)
    assert (tmp_path / "ready").exists() and (result.returncode, result.stderr) == (0, b"")


def test_a_full_gpu_is_one_line_that_says_what_to_lower(capsys):
    assert report(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "--batch_size" in said and "--accumulate" in said
