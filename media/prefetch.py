"""Stages of work that overlap: decoding, generating and encoding at the same time."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
END = object()


def prefetch(items: Iterator[Item], depth: int = 1) -> Iterator[Item]:
    """The same items, made in a thread of its own, at most `depth` of them before they are asked for.

    An exception in `items` is raised here, in its place. Whoever stops asking waits for one item at most.
    """
    worker = ThreadPoolExecutor(1)
    try:
        pending = deque(worker.submit(next, items, END) for _ in range(depth))
        while (item := pending.popleft().result()) is not END:
            pending.append(worker.submit(next, items, END))
            yield item
    finally:
        worker.shutdown(cancel_futures=True)
