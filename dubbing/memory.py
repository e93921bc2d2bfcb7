"""Has the memory allocator keep what a dub frees and take it again, not ask the system for every frame anew."""

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8  # of glibc's malloc.h
KEPT = 1 << 30  # bytes that may lie free at the end of the heap
# The same for a process that is yet to be started, whose threads then have no heaps of their own before.
ONE_HEAP = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(KEPT)}


def keep_freed_blocks() -> None:
    """Have glibc serve blocks from one heap that it keeps; nothing elsewhere. Heaps that threads have already stay.

    By default each thread has heaps of its own, which frames that wander between threads break up, so that a dub grows
    with its length; and blocks of over 32 MB, the feature maps of large mouths, are asked of the system each time,
    which clears their pages one by one.
    """
    if libc := glibc():
        libc.mallopt(M_ARENA_MAX, 1)
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, KEPT)


def give_back_freed_blocks() -> None:
    """Return what is free to the system, between one piece of work and the next."""
    if libc := glibc():
        libc.malloc_trim(0)


def glibc() -> ctypes.CDLL | None:
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    return libc if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim") else None
