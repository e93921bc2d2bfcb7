"""Cutting and joining sound that comes in blocks, float32 (n, channels), without holding it whole."""

from collections.abc import Iterable, Iterator

import numpy as np

WINDOW = 0.01  # seconds over which the level is taken that tells sound from silence
MARGIN = 0.03  # seconds of silence that stay, so that the softest beginning of a sound stays too


def part(blocks: Iterable[np.ndarray], start: int, stop: int | None) -> Iterator[np.ndarray]:
    """Samples `start` to `stop` - 1."""
    position = 0
    for block in blocks:
        if stop is not None and position >= stop:
            return
        chosen = block[max(0, start - position) : None if stop is None else stop - position]
        position += len(block)
        if len(chosen):
            yield chosen


def sounding_range(blocks: Iterable[np.ndarray], rate: int, level: float) -> tuple[int, int] | None:
    """First and last sample, exclusive, of what is louder than `level` dB of full scale, MARGIN around it included.

    None where nothing is.
    """
    size = max(1, round(WINDOW * rate))
    sounding = np.array([power >= 10 ** (level / 10) for power in window_powers(blocks, size)])
    if not sounding.any():
        return None
    first, last = sounding.argmax(), len(sounding) - sounding[::-1].argmax()
    margin = round(MARGIN * rate)
    return max(0, int(first) * size - margin), int(last) * size + margin


def window_powers(blocks: Iterable[np.ndarray], size: int) -> Iterator[float]:
    """Mean squares of the loudest channel over windows of `size` samples, of which the last may be shorter."""
    rest = None
    for block in blocks:
        rest = block if rest is None else np.concatenate([rest, block])
        whole = len(rest) // size * size
        for window in rest[:whole].reshape(-1, size, rest.shape[1]):
            yield float(np.square(window).mean(0).max())
        rest = rest[whole:]
    if rest is not None and len(rest):
        yield float(np.square(rest).mean(0).max())


def joined(pieces: Iterable[Iterable[np.ndarray]], fade: int) -> Iterator[np.ndarray]:
    """Pieces of one format in a row, each fading into the next over `fade` samples, or over all of a shorter one."""
    tail = None
    for piece in pieces:
        held, is_mixed = None, tail is None
        for block in piece:
            held = block if held is None else np.concatenate([held, block])
            if not is_mixed and len(held) >= len(tail):
                held, is_mixed = crossfaded(tail, held), True
            if is_mixed and len(held) > fade:
                yield held[: len(held) - fade]
                held = held[len(held) - fade :]
        if held is None:
            continue
        if not is_mixed:
            yield tail[: len(tail) - len(held)]
            held = crossfaded(tail[len(tail) - len(held) :], held)
        tail = held
    if tail is not None:
        yield tail


def crossfaded(tail: np.ndarray, piece: np.ndarray) -> np.ndarray:
    """`piece` with `tail`, which is not longer, fading out over its beginning, in half a period of a cosine."""
    count = len(tail)
    rising = (0.5 - 0.5 * np.cos(np.pi * (np.arange(count, dtype=np.float32) + 0.5) / max(1, count)))[:, None]
    return np.concatenate([tail * (1 - rising) + piece[:count] * rising, piece[count:]])


def padded(blocks: Iterable[np.ndarray], silence: int, channels: int, fade: int) -> Iterator[np.ndarray]:
    """With `silence` samples of silence before and after, the sound fading in and out over `fade` samples."""
    quiet = np.zeros((silence + fade, channels), np.float32)
    return joined(([quiet], blocks, [quiet]), fade)
