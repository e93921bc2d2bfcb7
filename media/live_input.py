"""Sound that is still coming: raw samples on standard input, or any file or URL that FFmpeg reads."""

import queue
import sys
import threading
from collections.abc import Iterator
from typing import BinaryIO

import av
import numpy as np

from config.constants import SAMPLE_RATE
from config.errors import InputError
from media.audio import decode_pcm

STANDARD_INPUT = "-"
READ_BYTES = 2 * SAMPLE_RATE // 50  # 20 ms of 16-bit samples
AHEAD = 64  # blocks that are read before they are asked for
NETWORK_TIMEOUT = 10.0  # seconds without an answer or a packet after which a URL is given up
END = object()


def is_url(path: str) -> bool:
    return "://" in path


def read_sound(source: str) -> Iterator[np.ndarray]:
    """Blocks (n,) float32 of 16 kHz mono in [-1, 1] as they come.

    `source`: "-" for raw PCM16 of 16 kHz mono on standard input, a file or a URL. Raises InputError where it has no
    sound, cannot be read, or ends in the middle of a sample.
    """
    if source == STANDARD_INPUT:
        return read_raw(sys.stdin.buffer)
    return (
        read_url(source)
        if is_url(source)
        else to_float(block[:, 0] for block in decode_pcm(source, SAMPLE_RATE, "mono"))
    )


def to_float(blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    for block in blocks:
        yield block.astype(np.float32) / 32768


def read_raw(file: BinaryIO) -> Iterator[np.ndarray]:
    """Samples as soon as they arrive; a sample may come in two halves."""
    rest = b""
    while data := file.read1(READ_BYTES):
        data = rest + data
        whole = len(data) // 2 * 2
        rest = data[whole:]
        yield np.frombuffer(data[:whole], "<i2").astype(np.float32) / 32768
    if rest:
        raise InputError("--input -: half a sample at the end; expected raw 16-bit samples, 16 kHz, mono")


def read_url(url: str) -> Iterator[np.ndarray]:
    """The first audio stream of what a URL gives, from its first sample on."""
    try:
        with av.open(url, timeout=NETWORK_TIMEOUT) as container:
            if not container.streams.audio:
                raise InputError(f"--input: {url} has no sound; give a source with an audio stream")
            resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
            for frame in container.decode(container.streams.audio[0]):
                frame.pts = None  # gaps in what a network gave are no gaps in the sound
                yield from to_float(piece.to_ndarray()[0] for piece in resampler.resample(frame))
    except (av.FFmpegError, ValueError) as error:
        raise InputError(f"--input: {url} cannot be read ({error}); check that something is sent there") from error


class SoundQueue:
    """Reads sound in a thread of its own, and gives as much of it as is wanted and there."""

    def __init__(self, blocks: Iterator[np.ndarray]):
        self.queue: queue.Queue = queue.Queue(AHEAD)
        self.rest, self.has_ended = np.zeros(0, np.float32), False
        threading.Thread(target=self.fill, args=(blocks,), daemon=True).start()

    def fill(self, blocks: Iterator[np.ndarray]) -> None:
        try:
            for block in blocks:
                self.queue.put(block)
            self.queue.put(END)
        except BaseException as error:  # raised where the sound is taken
            self.queue.put(error)

    def take(self, most: int, wait: float | None = None) -> np.ndarray:
        """Up to `most` samples; none where none come within `wait` seconds, or the sound has ended.

        Without `wait` it waits until there are `most`, or the end. Raises what reading raised.
        """
        while len(self.rest) < most and not self.has_ended:
            try:
                item = self.queue.get(timeout=None if wait is None else 0 if len(self.rest) else wait)
            except queue.Empty:
                break
            if isinstance(item, BaseException):
                raise item
            self.has_ended = item is END
            if not self.has_ended:
                self.rest = np.concatenate((self.rest, item))
        taken, self.rest = self.rest[:most], self.rest[most:]
        return taken

    @property
    def is_empty(self) -> bool:
        """Whether all of it was taken."""
        return self.has_ended and not len(self.rest)
