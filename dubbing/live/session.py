"""live.py's work: sound comes in, the face speaks it, pictures and sound go out."""

import math
import sys
import time
from collections.abc import Iterator

from config.config import LiveOptions
from config.constants import SAMPLE_RATE
from config.errors import InputError
from dubbing.avatar import open_avatar
from dubbing.live.dubber import LiveDubber, LiveFrame
from dubbing.live.effort import Effort
from dubbing.memory import keep_freed_blocks
from media.live_input import SoundQueue, read_sound
from media.live_output import LiveWriter
from media.prefetch import prefetch

STEP = SAMPLE_RATE // 50  # samples, 20 ms: what is pushed at a time where the clock on the wall counts
BLOCK = SAMPLE_RATE // 4  # samples pushed at a time where it does not
MOST = SAMPLE_RATE // 4  # samples pushed at a time where frames are late
PATIENCE = 0.1  # seconds by which sound may be late before silence takes its place


def run_live(options: LiveOptions) -> str:
    """Speak until the sound ends or Ctrl-C, and give a line about it; Ctrl-C before the first frame is passed on.

    Raises InputError for unusable input."""
    keep_freed_blocks()
    avatar = open_avatar(options.avatar)
    dubber = LiveDubber(avatar, device=options.device, precision=options.precision, detail=options.detail)
    record, began, count = avatar.record, time.perf_counter(), 0
    size = record.width, record.height
    with LiveWriter(options.output, size, record.rate, options.crf, options.preset) as writer:
        sound = SoundQueue(read_sound(options.input))
        frames = spoken_frames(dubber, sound, options)
        try:
            for count, frame in enumerate(frames, start=1):  # noqa: B007
                writer.write(frame.image, frame.samples)
        except KeyboardInterrupt:  # the usual end of a live stream: what was shown is kept
            if not count:
                raise
            print("\nstopped", file=sys.stderr)
        if not count:
            raise InputError(f"--input: {options.input} gave no sound; nothing was made")
    seconds = time.perf_counter() - began
    line = f"{options.output}: {count / float(record.rate):.1f} s, {count / seconds:.1f} frames/s"
    shots = dubber.shots
    if shots.num_held or shots.num_repeated:
        held = f"{shots.num_held} mouths and {shots.num_repeated} whole pictures"
        line += f"; too slow to draw them all: {held} are the ones before"
    return line


def all_frames(dubber: LiveDubber, sound: SoundQueue) -> Iterator[LiveFrame]:
    """As fast as sound comes and frames are drawn."""
    while not sound.is_empty:
        yield from dubber.push(sound.take(BLOCK))
    yield from dubber.finish()


def spoken_frames(dubber: LiveDubber, sound: SoundQueue, options: LiveOptions) -> Iterator[LiveFrame]:
    if not options.realtime:
        return all_frames(dubber, sound)
    return on_time(paced_frames(dubber, sound), options.delay, float(dubber.fps))


def on_time(frames: Iterator[LiveFrame], delay: float, fps: float) -> Iterator[LiveFrame]:
    """The same frames, each as long after the first as the clock says, or as soon as it is drawn.

    The first is kept back by `delay` seconds: those that take up to so much longer to draw are in time as well. They
    are drawn in a thread of its own meanwhile.
    """
    began = None
    for frame in prefetch(frames, depth=2 + math.ceil(delay * fps)):
        now = time.monotonic()
        began = now + delay - frame.time if began is None else began
        time.sleep(max(0.0, began + frame.time - now))
        yield frame


def paced_frames(dubber: LiveDubber, sound: SoundQueue) -> Iterator[LiveFrame]:
    """In step with the clock on the wall, however fast sound comes; where it does not come, the avatar rests."""
    began, pushed = time.monotonic(), 0
    while not sound.is_empty:
        ahead = pushed / SAMPLE_RATE - (time.monotonic() - began)
        if ahead > 0:
            time.sleep(ahead)
        late = min(MOST, round(-ahead * SAMPLE_RATE))  # what was missed is drawn together, which takes less time
        dubber.effort = Effort.when_late(-ahead)
        taken = sound.take(max(STEP, late), wait=max(0.0, PATIENCE + min(ahead, 0.0)))
        if len(taken):
            pushed += len(taken)
            yield from dubber.push(taken)
        elif not sound.is_empty:
            pushed += STEP
            yield from dubber.idle(STEP / SAMPLE_RATE)
    yield from dubber.finish()
