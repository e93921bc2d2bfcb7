"""Has the memory allocator keep what a dub frees and take it again, not ask the system for every frame anew."""

import ctypes
import sys

# Of glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8
KEPT = 1 << 30  # bytes that may lie free at the end of the heap


def keep_freed_blocks() -> None:
    """Have glibc serve all blocks from one heap that it keeps; nothing elsewhere.

    By default it asks the system for every block of the size of a frame or of a feature map, whose pages are then
    cleared one by one, and gives each thread heaps of its own, which frames that wander between threads break up: a
    dub takes up to 1.4 times as long and grows with its length.
    """
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(M_ARENA_MAX, 1)
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, KEPT)
