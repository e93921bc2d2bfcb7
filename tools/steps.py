"""Running the project's own commands one after another."""

import shlex
import subprocess
import sys
from pathlib import Path

from config.errors import InputError

ROOT = Path(__file__).resolve().parents[1]
BAD_INPUT = 2  # exit status of a script that has said in one line what is wrong
PATIENCE = 5  # seconds in which a command that is told to end may clean up


def run(script: str, *arguments: object) -> None:
    """Print and run one of the project's scripts, such as "tools/demo.py".

    Ends the program with status 2 where the script has said what is wrong; any other failure is an InputError. When
    this program is told to end, so is the script.
    """
    command = [sys.executable, str(ROOT / script), *map(str, arguments)]
    print(f"\n$ {shlex.join(['python', script, *command[2:]])}", flush=True)
    process = subprocess.Popen(command)
    try:
        status = process.wait()
    except BaseException:
        end(process)
        raise
    if status == BAD_INPUT:
        raise SystemExit(BAD_INPUT)
    if status:
        raise InputError(f"{script} ended with status {status}; its message is above")


def end(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
