"""Whether a media file is whole: what its container promises is compared with what it holds."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import av

from config.errors import InputError

# Containers that state their length; FFmpeg reckons that of others from what they hold, or from their bit rate.
STATING_LENGTH = {"mov", "mp4", "matroska", "webm", "flv", "avi", "mxf"}
ID_BYTES = 4  # of the identifiers of an EBML header and of a segment
SLACK = 0.05  # seconds by which the stated length may exceed the last packet: blocks of sound are padded
SLACK_FRAMES = 1.5  # the same in frames, where that is more


class Stamp(NamedTuple):
    """What is kept of a packet: the number of its stream, its time in that stream's units, begin and end in seconds."""

    stream: int
    pts: int
    begin: float
    end: float
    is_key: bool
    is_shown: bool
    is_torn: bool


def read_stamps(container: "av.container.InputContainer") -> Iterator[Stamp]:
    """The stamps of all packets of all streams, in the order of the file; packets without a time are left out."""
    for packet in container.demux():
        if packet.pts is not None:
            begin = float(packet.pts * packet.time_base)
            end = begin + float((packet.duration or 0) * packet.time_base)
            is_shown = not packet.is_discard
            yield Stamp(packet.stream_index, packet.pts, begin, end, packet.is_keyframe, is_shown, packet.is_corrupt)


def check_whole(
    path: str | Path, container: "av.container.InputContainer", stream: "av.VideoStream", stamps: Sequence[Stamp]
) -> None:
    """Raise InputError where the end of a file is missing. `stamps` are those of all its packets."""
    if "matroska" in container.format.name and matroska_end(path) > container.size:
        raise InputError(f"{path} is cut short: it states a size beyond its end; copy or record it again")
    if any(entry.pos + entry.size > container.size for entry in stream.index_entries):
        raise InputError(f"{path} is cut short: its index names frames beyond its end; copy or record it again")
    if STATING_LENGTH.isdisjoint(container.format.name.split(",")):
        return
    if stamps and stamps[-1].is_torn:
        raise InputError(f"{path} is cut short: its last packet is torn; copy or record it again")
    stated, held = stated_length(container, stream), held_length(stream, stamps)
    slack = max(SLACK, SLACK_FRAMES / float(stream.average_rate or 25))
    if held < stated - slack:
        raise InputError(
            f"{path} is cut short: its container states {stated:.2f} s and holds {held:.2f} s; copy or record it again"
        )


def matroska_end(path: str | Path) -> int:
    """Where a Matroska or WebM file says that its segment ends, in bytes; 0 where it does not (RFC 8794, 9559)."""
    with open(path, "rb") as file:
        for element in ("header", "segment"):
            file.seek(ID_BYTES, os.SEEK_CUR)
            size, is_unknown = read_size(file)
            if is_unknown:
                return 0
            end = file.tell() + size
            if element == "header":
                file.seek(end)
    return end


def read_size(file: BinaryIO) -> tuple[int, bool]:
    """An EBML element's size, and whether it says "unknown": all bits one."""
    first = file.read(1)
    if not first or not first[0]:
        return 0, True
    length = 9 - first[0].bit_length()
    bits = (1 << 7 * length) - 1
    size = int.from_bytes(first + file.read(length - 1), "big") & bits
    return size, size == bits


def stated_length(container: "av.container.InputContainer", stream: "av.VideoStream") -> float:
    """Seconds, of the video where its own length is stated, else of the whole file."""
    if "avi" in container.format.name:  # FFmpeg corrects its length by the size of the file, the number of frames stays
        return float(stream.frames * stream.time_base)
    if stream.duration:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / av.time_base


def held_length(stream: "av.VideoStream", stamps: Sequence[Stamp]) -> float:
    """Seconds that the packets fill, to be compared with stated_length."""
    if not stream.duration:
        return max((stamp.end for stamp in stamps), default=0.0)
    own = [stamp for stamp in stamps if stamp.stream == stream.index]
    return max((stamp.end for stamp in own), default=0.0) - min((stamp.begin for stamp in own), default=0.0)
