"""A stream of bytes as zstd frames, each of which is compressed by itself: the same bytes from wherever one begins."""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import zstandard

FRAME = 4 << 20  # bytes of the stream in a frame
LEVEL = 3
ENCODER = f"zstd {'.'.join(map(str, zstandard.ZSTD_VERSION))} level {LEVEL} frames of {FRAME}"


def compressed_frames(stream: Iterable[bytes]) -> Iterator[bytes]:
    """The frames of a stream, compressed on all cores, a few ahead."""
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        waiting = deque()
        for block in blocks_of(stream, FRAME):
            waiting.append(pool.submit(compress, block))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def compress(block: bytes) -> bytes:
    """One frame, with the checksum of its content."""
    return zstandard.ZstdCompressor(LEVEL, write_checksum=True).compress(block)


def largest(size: int) -> int:
    """Bytes that the frames of `size` bytes take at most."""
    return size + size // 128 + 1024


def blocks_of(stream: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in pieces of `size`, the last one as long as it comes."""
    block = bytearray()
    for data in stream:
        block += data
        while len(block) >= size:
            yield bytes(block[:size])
            del block[:size]
    if block:
        yield bytes(block)


class FrameReader:
    """Gives the bytes of frames in portions, and says where it stands.

    `frames` begin with frame number `frame`, of which `offset` bytes are passed over. `position` is the number of the
    frame that the next byte is of, and the byte's in it.
    """

    def __init__(self, frames: Iterator[bytes], frame: int, offset: int):
        self.frames, self.position = frames, (frame, offset)
        self.data = next(frames, b"")

    def take(self, limit: int) -> bytes:
        """Up to `limit` bytes, of one frame; none at the end, and none for a limit of 0."""
        frame, offset = self.position
        data = self.data[offset : offset + limit]
        self.position = frame, offset + len(data)
        if self.data and offset + len(data) == len(self.data):
            self.position = frame + 1, 0
            self.data = next(self.frames, b"")
        return data

    @property
    def is_at_end(self) -> bool:
        return not self.data
