"""Forks a process for every program that tests/programs.py asks for, one after the other."""

import importlib
import json
import os
import socket
import sys
from pathlib import Path

from harm.launch import MARK, Missed, start
from programs import LONGEST

LIBRARIES = (
    *("numpy", "cv2", "av", "torch", "torchvision", "torch._dynamo", "torch.utils.data", "scipy.signal", "tqdm"),
    "skimage.metrics",
)


def main() -> None:
    for library in LIBRARIES:
        importlib.import_module(library)
    importlib.import_module("torch").set_num_threads(1)
    with socket.socket(fileno=int(sys.argv[1])) as connection, connection.makefile("rw") as lines:
        for line in lines:
            lines.write(json.dumps(answer(json.loads(line))) + "\n")
            lines.flush()


def answer(request: dict) -> dict[str, object]:
    """The exit status of the program, and what it left running; nothing where it took too long and was ended."""
    script, cwd, logs = (Path(request[name]) for name in ("script", "cwd", "logs"))
    environment = request["environment"]

    def forget_variables() -> None:
        for name in os.environ.keys() - environment.keys() - {MARK}:
            del os.environ[name]

    running = start(script, request["arguments"], cwd, logs, environment, forget_variables)
    try:
        result = running.wait(LONGEST)
    except Missed:
        return {}
    return {"status": result.status, "left": result.left}


if __name__ == "__main__":
    main()
