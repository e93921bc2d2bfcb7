"""Sound as a stream of blocks, float32 (n, channels) with 1.0 as full scale, and FFmpeg's filters for such streams."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from config.errors import InputError
from media.container import open_container

SOUND_SUFFIXES = {
    *(".wav", ".mp3", ".flac", ".m4a", ".aac", ".ogg", ".oga", ".opus", ".wma", ".aif", ".aiff", ".amr", ".ac3"),
    *(".au", ".caf", ".mka", ".mp2", ".w64"),
}

USUAL_LAYOUTS = {1: "mono", 2: "stereo"}  # of files that say nothing but the number of channels


@dataclass(frozen=True)
class SoundFormat:
    """Samples a second, and FFmpeg's name of the channels' layout, such as mono, stereo or 5.1."""

    rate: int
    layout: str

    @property
    def channels(self) -> int:
        return av.AudioLayout(self.layout).nb_channels


def probe_sound(path: str | Path) -> SoundFormat:
    """The format of a file's first audio stream. Raises InputError where it has none that can be decoded."""
    with open_container(path, "sound") as container:
        if not container.streams.audio:
            raise InputError(f"{path} has no sound; give a file with an audio stream")
        frame = next(container.decode(container.streams.audio[0]), None)
        if frame is None or not frame.samples:
            raise InputError(f"{path} holds no sound; give a file with at least one audio sample")
        layout = frame.layout
        return SoundFormat(frame.sample_rate, USUAL_LAYOUTS.get(layout.nb_channels, layout.name))


def read_blocks(path: str | Path, target: SoundFormat) -> Iterator[np.ndarray]:
    """The sound of a file from its first sample on, in the format `target`; errors as of probe_sound.

    Channels are mixed such that what did not clip before does not clip after.
    """
    convert = (
        "aresample",
        f"out_sample_rate={target.rate}:out_chlayout={target.layout}:out_sample_fmt=flt:rematrix_maxval=1",
    )
    graph, source = None, None
    with open_container(path, "sound") as container:
        for frame in container.decode(container.streams.audio[0]):
            kind = frame.sample_rate, frame.format.name, frame.layout.name
            if kind != source:  # at the first frame; some files change their format midway
                if graph:
                    yield from map(to_block, graph.flush())
                graph, source = FilterChain(*kind, [convert]), kind
            yield from map(to_block, graph.push(frame))
        if graph:
            yield from map(to_block, graph.flush())


def to_block(frame: "av.AudioFrame") -> np.ndarray:
    return frame.to_ndarray().reshape(-1, frame.layout.nb_channels)


def filtered(blocks: Iterable[np.ndarray], sound: SoundFormat, *filters: tuple[str, str]) -> Iterator["av.AudioFrame"]:
    """The frames that FFmpeg's filters, (name, arguments) each, make of blocks."""
    graph = FilterChain(sound.rate, "flt", sound.layout, filters)
    for block in blocks:
        if len(block):
            yield from graph.push(to_frame(block, sound))
    yield from graph.flush()


def to_frame(block: np.ndarray, sound: SoundFormat) -> "av.AudioFrame":
    packed = np.ascontiguousarray(block, np.float32).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=sound.layout)
    frame.sample_rate = sound.rate
    return frame


class FilterChain:
    """A graph of filters in a row, fed with frames of one format."""

    def __init__(self, rate: int, sample_format: str, layout: str, filters: Iterable[tuple[str, str]]):
        self.graph, self.position, self.rate = av.filter.Graph(), 0, rate
        source = self.graph.add_abuffer(
            sample_rate=rate, format=sample_format, layout=layout, time_base=Fraction(1, rate)
        )
        nodes = [self.graph.add(name, arguments) for name, arguments in filters]
        self.graph.link_nodes(source, *nodes, self.graph.add("abuffersink"))
        self.graph.configure()

    def push(self, frame: "av.AudioFrame") -> Iterator["av.AudioFrame"]:
        """What comes out after a frame has gone in."""
        frame.pts, frame.time_base = self.position, Fraction(1, self.rate)
        self.position += frame.samples
        self.graph.push(frame)
        yield from self.pull()

    def flush(self) -> Iterator["av.AudioFrame"]:
        """What is left inside."""
        self.graph.push(None)
        yield from self.pull()

    def pull(self) -> Iterator["av.AudioFrame"]:
        while True:
            try:
                yield self.graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return
