"""What is done to a file's sound: read, cut, trimmed, joined, padded, brought to a loudness, written."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from audio.editing import joined, padded, part, sounding_range
from audio.sound import check_sound
from config.config import AudioOptions
from config.errors import InputError
from media.loudness import with_loudness
from media.sound_blocks import SoundFormat, probe_sound, read_blocks
from media.sound_writer import writable_format, write_sound
from preprocessing.jobs import Outcome
from tools.sound.files import Job

EDGE = 0.005  # seconds over which sound fades into the silence beside it

Blocks = Callable[[], Iterator[np.ndarray]]  # gives the stream from its beginning at every call


def process(name: str, job: Job, options: AudioOptions) -> Outcome:
    """Make one file. Raises InputError naming the file that cannot be used, and why."""
    sound = result_format(job, options)
    blocks, details = whole(job, sound, options), [f"{sound.rate} Hz, {sound.layout}"]
    stream = blocks()
    if options.loudness is not None:
        stream, reached = changed_loudness(name, blocks, sound, options.loudness)
        details.append(f"{reached:.1f} LUFS")
    seconds = write_sound(job.output, stream, sound)
    return Outcome(name, "done", ", ".join([str(job.output), f"{seconds:.2f} s", *details]))


def changed_loudness(
    name: str, blocks: Blocks, sound: SoundFormat, target: float
) -> tuple[Iterator[np.ndarray], float]:
    try:
        return with_loudness(blocks, sound, target)
    except InputError as error:
        raise InputError(f"{name} {error}") from error


def whole(job: Job, sound: SoundFormat, options: AudioOptions) -> Blocks:
    """The sound of all files of a job, with the silence that is added."""
    pieces = [cut_piece(source, sound, options) for source in job.sources]
    fade, silence, edge = (round(seconds * sound.rate) for seconds in (options.crossfade, options.pad, EDGE))

    def blocks() -> Iterator[np.ndarray]:
        stream = joined([piece() for piece in pieces], fade)
        return padded(stream, silence, sound.channels, edge) if silence else stream

    return blocks


def result_format(job: Job, options: AudioOptions) -> SoundFormat:
    """As the options say, else the highest rate of the files, and their layout, or stereo where they differ in it."""
    formats = [probe_sound(source) for source in job.sources]
    layouts = {sound.layout for sound in formats}
    layout = "mono" if options.mono else layouts.pop() if len(layouts) == 1 else "stereo"
    sound = SoundFormat(options.rate or max(sound.rate for sound in formats), layout)
    return writable_format(job.output.suffix[1:].lower(), sound)


def cut_piece(source: Path, sound: SoundFormat, options: AudioOptions) -> Blocks:
    """A file's sound between --start and --end, without the silence around it if so asked."""
    start = round(options.start * sound.rate)
    stop = None if options.end is None else round(options.end * sound.rate)

    def cut() -> Iterator[np.ndarray]:
        for block in part(read_blocks(source, sound), start, stop):
            check_sound(block)
            yield block

    if next(cut(), None) is None:
        raise InputError(f"{source} ends before --start {options.start:g} s")
    if not options.trim:
        return cut
    bounds = sounding_range(cut(), sound.rate, options.silence_level)
    if bounds is None:
        raise InputError(
            f"{source} is silence: nothing in it is louder than --silence_level {options.silence_level:g} dB"
        )
    return lambda: part(cut(), *bounds)
