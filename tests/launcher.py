"""Forks a process for every program that tests/programs.py asks for, one after the other."""

import importlib
import json
import socket
import sys
from pathlib import Path

from harm.launch import Missed, start
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


def answer(request: dict) -> dict[str, int]:
    """The exit status of the program; nothing where it took too long and was ended."""
    script, cwd, logs = (Path(request[name]) for name in ("script", "cwd", "logs"))
    running = start(script, request["arguments"], cwd, logs, request["environment"])
    try:
        return {"status": running.wait(LONGEST).status}
    except Missed:
        return {}


if __name__ == "__main__":
    main()
