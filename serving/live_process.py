"""Live workers as the server sees them: processes that are kept for the next stream, and replaced when they die."""

import subprocess
import sys
import threading
from contextlib import suppress
from http import HTTPStatus

from config.config import AppOptions
from serving.live_messages import HEAD, Message
from serving.refused import Refused
from serving.worker_process import child_environment


class LiveProcess:
    """One process, which may be asked from threads; every method blocks."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "serving.live_worker"],
            env=child_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def say(self, said: Message) -> None:
        with suppress(OSError):  # one that is dead is found out by `hear`
            self.process.stdin.write(said.packed())
            self.process.stdin.flush()

    def hear(self) -> Message | None:
        """The next message; None where the process has ended."""
        head = self.process.stdout.read(HEAD.size)
        if len(head) < HEAD.size:
            return None
        kind, length = HEAD.unpack(head)
        content = self.process.stdout.read(length)
        return Message(kind, content) if len(content) == length else None

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with suppress(OSError):
                pipe.close()


class LiveProcesses:
    """Those that wait for a stream, and how many streams there may be."""

    def __init__(self, options: AppOptions):
        self.options, self.lock = options, threading.Lock()
        self.waiting: list[LiveProcess] = []
        self.busy: set[LiveProcess] = set()

    def warm_up(self) -> None:
        """Start one, so that the first stream begins soon."""
        with self.lock:
            if self.options.live_streams and not self.waiting and not self.busy:
                self.waiting.append(LiveProcess())

    def take(self) -> LiveProcess:
        """One for a stream. Raises Refused where there are too many streams."""
        with self.lock:
            if len(self.busy) >= self.options.live_streams:
                message = f"{len(self.busy)} people speak live already, the most that is taken; try again later"
                raise Refused(message, HTTPStatus.SERVICE_UNAVAILABLE)
            alive = [process for process in self.waiting if process.is_alive]
            process = alive.pop() if alive else LiveProcess()
            self.waiting = alive
            self.busy.add(process)
            return process

    def give_back(self, process: LiveProcess, is_usable: bool) -> None:
        """Its stream has ended; `is_usable`: it said so itself."""
        with self.lock:
            self.busy.discard(process)
            if is_usable:
                self.waiting.append(process)
        if not is_usable:
            process.close()

    def close(self) -> None:
        with self.lock:
            for process in (*self.waiting, *self.busy):
                process.close()
