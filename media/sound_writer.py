"""Writes streams of blocks into sound files."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from config.errors import InputError
from media.container import local_name
from media.files import atomic_write
from media.sound_blocks import SoundFormat, to_frame

CONTAINERS = {  # by suffix: container, codec, options of the container
    "wav": ("wav", "pcm_s16le", {"rf64": "auto"}),
    "mp3": ("mp3", "libmp3lame", {}),
    "flac": ("flac", "flac", {}),
    "m4a": ("ipod", "aac", {"movflags": "+faststart"}),
}
TWO_CHANNELS = ("mp3", "m4a")  # formats that are written with at most two
BIT_RATES = {32000: 96000, 0: 64000}  # a channel of mp3 and m4a, by the sampling rate from which they apply


def writable_rates(suffix: str) -> list[int]:
    """The sampling rates that a format can hold, rising; none where it holds any."""
    return sorted(av.Codec(CONTAINERS[suffix][1], "w").audio_rates or [])


def writable_format(suffix: str, sound: SoundFormat) -> SoundFormat:
    """The nearest format to `sound` that files of this suffix hold, of no lower rate if there is one."""
    rates = writable_rates(suffix)
    rate = next((rate for rate in rates if rate >= sound.rate), rates[-1]) if rates else sound.rate
    layout = "stereo" if suffix in TWO_CHANNELS and sound.channels > 2 else sound.layout
    return SoundFormat(rate, layout)


def write_sound(path: Path, blocks: Iterable[np.ndarray], sound: SoundFormat) -> float:
    """Write a file whole, 16-bit where it is without loss, as its suffix says. Returns seconds.

    Raises InputError where `blocks` hold no samples.
    """
    suffix = path.suffix[1:].lower()
    container_format, codec, options = CONTAINERS[suffix]
    samples = 0
    with atomic_write(path) as temporary:
        with av.open(local_name(temporary), "w", format=container_format, options=options) as container:
            stream = container.add_stream(codec, rate=sound.rate, layout=sound.layout)
            if writable_rates(suffix):
                per_channel = next(bits for rate, bits in BIT_RATES.items() if sound.rate >= rate)
                stream.bit_rate = per_channel * sound.channels
            for block in blocks:
                if len(block):
                    frame = to_frame(block, sound)
                    frame.pts, frame.time_base = samples, Fraction(1, sound.rate)
                    samples += len(block)
                    container.mux(stream.encode(frame))
            if not samples:
                raise InputError("nothing is left of the sound")
            container.mux(stream.encode(None))
    return samples / sound.rate
