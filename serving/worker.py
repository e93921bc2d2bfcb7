"""The process that does jobs: python -m serving.worker, told of them by lines of JSON on standard input.

First comes a line of app.py's options, to which {"ready": true} or {"broken": REASON} is the answer. Then jobs:
{"id", "kind", "options", "output", "names"}. Of each, {"progress": [WORK, DONE, TOTAL]} is said any number of times,
and at its end {"state", "message", "lost"}. Where "lost" is true the process ends: its GPU does nothing more for it.
{"cancel": ID} ends a job early, the end of the input the process.
"""

import json
import os
import queue
import signal
import sys
import threading
from typing import IO, Any

from config.config import AppOptions
from config.errors import reason
from serving.job_store import CANCELLED, COMPLETED, FAILED


class Cancelled(Exception):
    """Raised where progress is told of a job that nobody wants any more."""


class Conversation:
    """Messages from and to the server. What libraries print goes to standard error."""

    def __init__(self) -> None:
        self.answers: IO[str] = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        self.cancelled: set[str] = set()
        self.waiting: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self) -> None:
        for line in sys.stdin:
            message = json.loads(line)
            if "cancel" in message:
                self.cancelled.add(message["cancel"])
            else:
                self.waiting.put(message)
        os._exit(0)  # the server is gone, whatever is being done: temporary files go when the next process sweeps

    def say(self, **message: Any) -> None:
        self.answers.write(json.dumps(message) + "\n")
        self.answers.flush()

    def progress(self, identity: str, work: str, done: int, total: int) -> None:
        if identity in self.cancelled:
            raise Cancelled
        self.say(progress=[work, done, total])


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the server too, which decides
    conversation = Conversation()
    options = AppOptions(**conversation.waiting.get())
    from dubbing.memory import give_back_freed_blocks
    from serving.work import Workshop

    try:
        workshop = Workshop(options)
    except Exception as error:
        conversation.say(broken=as_of_app(reason(error)))
        return
    conversation.say(ready=True)
    while True:
        job = conversation.waiting.get()
        state, message, lost = do(workshop, job, conversation)
        conversation.say(state=state, message=message, lost=lost)
        if lost:
            return
        give_back_freed_blocks()


def do(workshop: Any, job: dict[str, Any], conversation: Conversation) -> tuple[str, str, bool]:
    """What became of a job, a line about it in which files have the names that their senders know, and whether the GPU
    is lost to this process."""

    def listener(work: str, done: int, total: int) -> None:
        conversation.progress(job["id"], work, done, total)

    lost = False
    try:
        state, message = COMPLETED, workshop.do(job, listener)
    except Cancelled:
        state, message = CANCELLED, "cancelled"
    except Exception as error:
        state, message, lost = FAILED, reason(error), is_gpu_lost(error)
    for path, name in job["names"].items():
        message = message.replace(path, name)
    return state, as_of_app(message), lost


def is_gpu_lost(error: BaseException | None) -> bool:
    """Whether it, or what it came of, is an error after which CUDA refuses everything in this process."""
    return error is not None and (
        type(error).__name__ == "AcceleratorError" or is_gpu_lost(error.__cause__ or error.__context__)
    )


def as_of_app(message: str) -> str:
    """A message that names inference.py's flag for the checkpoint, with app.py's."""
    return message.replace("--pretrained_clip_DINet_path", "--checkpoint")


if __name__ == "__main__":
    main()
