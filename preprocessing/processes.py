"""Work in processes of this machine that end with the one that started them, each job at the cost of itself alone."""

import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Any

from config.errors import terminate

HELD = (signal.SIGINT, signal.SIGTERM)
GRACE = 3.0  # seconds in which a process cleans up behind itself before it is killed

Call = tuple[Callable, tuple]


class Worker:
    """A process that takes one call at a time.

    It is spawned: libraries used here do not survive a fork with threads running.
    """

    def __init__(self):
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs,), daemon=True)
        resource_tracker.ensure_running()  # where it starts later, it unblocks the signals that are held
        with held_interrupts():
            self.process.start()
        theirs.close()


@contextmanager
def held_interrupts() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait for the end of the block, or a process would be started by half.

    Processes that start in it never hear Ctrl-C: the parent ends them.
    """
    came: list[int] = []
    handlers = {number: signal.signal(number, lambda number, _: came.append(number)) for number in HELD}
    masks = hasattr(signal, "pthread_sigmask")
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if masks else None
    try:
        yield
    finally:
        if masks:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for number in came:
            os.kill(os.getpid(), number)


def in_processes(calls: Sequence[Call], number: int) -> Iterator[tuple[int, Any]]:
    """Run `calls`, (function, arguments), in up to `number` processes; gives index and result as each is done.

    For a call whose process died the result is ProcessDied, for one that could not be unpickled there the exception,
    and the others go on. When the iterator is closed, or ends by an exception, all processes end.
    """
    waiting = deque(enumerate(calls))
    idle: list[Worker] = []
    busy: dict[Connection, tuple[Worker, int]] = {}
    try:
        while waiting or busy:
            while waiting and len(busy) < number:
                index, call = waiting.popleft()
                worker = idle.pop() if idle else Worker()
                busy[worker.connection] = worker, index
                send(worker, call)
            for connection in multiprocessing.connection.wait(list(busy)):
                worker, index = busy[connection]
                result = receive(worker)
                del busy[connection]
                if not isinstance(result, ProcessDied):
                    idle.append(worker)
                yield index, result
    finally:
        end([*idle, *(worker for worker, _ in busy.values())])


class ProcessDied(Exception):
    """A process ended before it answered; the message says how."""


def send(worker: Worker, call: Call) -> None:
    try:
        worker.connection.send(call)
    except OSError:  # it has died; receive says how
        pass


def receive(worker: Worker) -> Any:
    try:
        return worker.connection.recv()
    except (EOFError, OSError):
        worker.process.join()
        worker.connection.close()
        code = worker.process.exitcode
        return ProcessDied(f"killed by signal {-code}" if code < 0 else f"status {code}")


def end(workers: Sequence[Worker]) -> None:
    """Ask the processes to end, and after GRACE kill them."""
    for worker in workers:
        worker.process.terminate()
    deadline = time.monotonic() + GRACE
    for worker in workers:
        worker.process.join(max(0.0, deadline - time.monotonic()))
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
        worker.connection.close()


def serve(connection: Connection) -> None:
    """The life of a worker: answer calls until the parent hangs up. SIGTERM cleans up as an exception does."""
    signal.signal(signal.SIGTERM, terminate)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer, also on systems without masks
    threading.Thread(target=end_with_parent, daemon=True).start()
    while True:
        try:
            call = connection.recv_bytes()
        except (EOFError, OSError):
            return
        try:
            function, arguments = pickle.loads(call)
        except Exception as error:  # a library that the function's module needs is missing
            answer = error
        else:
            answer = function(*arguments)
        with suppress(OSError):  # the parent has ended, and so will this process
            connection.send(answer)


def end_with_parent() -> None:
    """Wait until the parent has ended, however it ended, and end this process in the way of SIGTERM.

    It says no more: whatever SIGTERM interrupts, and an answer that nobody takes, would be a traceback.
    """
    multiprocessing.parent_process().join()
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os.kill(os.getpid(), signal.SIGKILL)
