"""What server and live worker say to each other over pipes, and how a frame goes to a client.

A message is one letter, the length of what follows as uint32, little-endian as all numbers here, and the rest.
"""

import json
import struct
from typing import Any, NamedTuple

HEAD = struct.Struct("<cI")
OPEN, SOUND, COMMAND = b"O", b"S", b"C"  # to the worker: JSON, PCM16, JSON
FRAME, NOTE = b"F", b"N"  # from it: a frame as frame_bytes makes it, JSON
FRAME_HEAD = struct.Struct("<IdII")  # index, time in seconds, bytes of the picture, samples of the sound


class Message(NamedTuple):
    kind: bytes
    content: bytes

    def packed(self) -> bytes:
        return HEAD.pack(self.kind, len(self.content)) + self.content

    @property
    def values(self) -> dict[str, Any]:
        return json.loads(self.content)


def message(kind: bytes, **values: Any) -> Message:
    return Message(kind, json.dumps(values).encode())


def frame_bytes(index: int, time: float, picture: bytes, sound: bytes) -> bytes:
    """`picture`: a JPEG; `sound`: PCM16, 16 kHz mono, that is heard from `time` on."""
    return FRAME_HEAD.pack(index, time, len(picture), len(sound) // 2) + picture + sound


def read_frame(content: bytes) -> tuple[int, float, bytes, bytes]:
    """What frame_bytes was given."""
    index, time, picture, samples = FRAME_HEAD.unpack_from(content)
    begin = FRAME_HEAD.size
    return index, time, content[begin : begin + picture], content[begin + picture : begin + picture + 2 * samples]
