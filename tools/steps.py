"""Running the project's own commands one after another."""

import shlex
import subprocess
import sys
from pathlib import Path

from config.errors import InputError

ROOT = Path(__file__).resolve().parents[1]


def run(script: str, *arguments: object) -> None:
    """Print and run one of the project's scripts, such as "tools/demo.py". Its failure is an InputError."""
    command = [sys.executable, str(ROOT / script), *map(str, arguments)]
    print(f"\n$ {shlex.join(['python', script, *command[2:]])}", flush=True)
    status = subprocess.run(command, check=False).returncode
    if status:
        raise InputError(f"{script} ended with status {status}; its message is above")
