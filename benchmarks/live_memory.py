"""Whether hours of live stream take more memory than minutes."""

from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks.material import write_checkpoint
from config.config import AvatarOptions
from config.constants import SAMPLE_RATE
from dubbing.avatar_making import make_avatar
from dubbing.live.dubber import LiveDubber
from dubbing.memory import keep_freed_blocks
from media.audio import read_audio

SMALLEST = (64, 4)  # mouth size and width of the generator, which memory over time does not depend on
SETTLED = 0.1  # share of the stream, and at least 2 minutes, before which memory is not looked at


def memory_figures(video: str, speech: str, hours: float, folder: Path) -> dict[str, object]:
    """Speak for hours, ten seconds of each minute of them silence, and read the memory of the process every minute.

    A second at a time: what is pushed at once is answered at once, and ten seconds of frames of 512 x 512 are 197 MB,
    which the allocator may or may not give back before memory is read.
    """
    options = AvatarOptions(video, str(write_checkpoint(folder / "smallest", *SMALLEST)))
    make_avatar(options, folder / "small avatar")
    keep_freed_blocks()
    dubber, wave = LiveDubber(folder / "small avatar", device="cpu"), read_audio(speech)
    held, position = [], 0
    minutes = tqdm(range(max(3, round(60 * hours))), "memory", unit=" minutes", dynamic_ncols=True, leave=None)
    for _ in minutes:
        for _ in range(50):
            dubber.push(np.take(wave, np.arange(position, position + SAMPLE_RATE), mode="wrap"))
            position += SAMPLE_RATE
        dubber.interrupt()
        for _ in range(10):
            dubber.idle(1.0)
        held.append(resident_now_mb())
        minutes.set_postfix(MB=round(held[-1], 1))
    settled = held[max(1, min(2, len(held) - 2), round(SETTLED * len(held))) :]
    return {
        "unpaced stream, hours": round(len(held) / 60, 2),
        "memory at its end, MB": round(held[-1]),
        "memory at most above the least once settled, MB": round(max(settled) - min(settled), 1),
        "memory, end above beginning once settled, MB": round(settled[-1] - settled[0], 1),
    }


def resident_now_mb() -> float:
    """Of this process, on Linux."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 2**10
    return float("nan")
