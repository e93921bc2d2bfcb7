"""Pictures and sound written as they come: to a file, or to a URL that others watch."""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from config.constants import SAMPLE_RATE
from config.errors import InputError
from media.audio import AUDIO_RATE_OUT
from media.container import local_name
from media.files import atomic_write
from media.live_input import NETWORK_TIMEOUT, is_url
from media.picture import BT709, in_planes, planes_of

FILE_FORMATS = {".mp4": "mp4", ".mkv": "matroska", ".flv": "flv", ".mov": "mov", ".ts": "mpegts"}
URL_FORMATS = {"rtmp": "flv", "rtmps": "flv", "srt": "mpegts", "udp": "mpegts", "tcp": "mpegts"}
DATAGRAM = 1316  # bytes: seven packets of a transport stream, which fit into one of a network
KEY_SECONDS = 2  # between the key frames of a stream, at which whoever joins it begins to see
WAITING = 50  # frames that may wait for the encoder
CLOSE = object()


def output_format(output: str) -> str:
    """FFmpeg's name of the container for a file or URL. Raises InputError for one that is not known."""
    known = URL_FORMATS if is_url(output) else FILE_FORMATS
    kind = output.partition("://")[0].lower() if is_url(output) else Path(output).suffix.lower()
    if kind not in known:
        raise InputError(
            f"--output: {output}: expected a file that ends in {', '.join(FILE_FORMATS)}, or a URL that "
            f"begins with {', '.join(f'{scheme}://' for scheme in URL_FORMATS)}"
        )
    return known[kind]


@contextmanager
def open_output(output: str) -> Iterator["av.container.OutputContainer"]:
    """A container to be written, which appears under its name when the block ends well, if it is a file.

    FFmpeg's complaints, also inside the block, become InputError.
    """
    kind = output_format(output)
    try:
        if is_url(output):
            is_plain_udp = output.lower().startswith("udp://") and "pkt_size" not in output
            options = {"pkt_size": str(DATAGRAM)} if is_plain_udp else {}
            with av.open(output, "w", format=kind, timeout=NETWORK_TIMEOUT, options=options) as container:
                yield container
        else:
            with atomic_write(output) as temporary, av.open(local_name(temporary), "w", format=kind) as container:
                yield container
    except av.error.ProtocolNotFoundError as error:
        scheme = output.partition("://")[0]
        raise InputError(f"--output: {output}: PyAV's FFmpeg was built without {scheme}; use rtmp or udp") from error
    except av.FFmpegError as error:
        raise InputError(f"--output: {output} cannot be written ({error}); check that it can be reached") from error


class LiveEncoder:
    """H.264 and AAC into an open container, frame by frame, each with its own sound.

    `is_live`: nothing is held back, and whoever joins sees a picture within KEY_SECONDS; else files are smaller.
    """

    def __init__(
        self,
        container: "av.container.OutputContainer",
        size: tuple[int, int],
        fps: Fraction,
        crf: int,
        preset: str,
        is_live: bool,
    ):
        self.container, self.step = container, 1 / fps
        options = {"crf": str(crf), "preset": preset}
        if is_live:
            options |= {"tune": "zerolatency", "g": str(round(KEY_SECONDS * fps))}
        self.video = container.add_stream("libx264", rate=fps, options=options)
        self.video.width, self.video.height = size
        self.video.pix_fmt = planes_of(*size)
        self.video.time_base = self.step
        context = self.video.codec_context
        context.color_primaries = context.color_trc = context.colorspace = BT709
        self.audio = container.add_stream("aac", rate=AUDIO_RATE_OUT, layout="mono")
        self.num_frames = self.num_samples = 0

    def write(self, image: np.ndarray, samples: np.ndarray) -> None:
        """Append an RGB uint8 frame (H, W, 3) and the float32 16 kHz mono sound that is heard with it."""
        frame = in_planes(av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(image), format="rgb24"))
        frame.pts, frame.time_base = self.num_frames, self.step
        self.num_frames += 1
        self.container.mux(self.video.encode(frame))
        sound = av.AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
        sound.sample_rate, sound.pts, sound.time_base = SAMPLE_RATE, self.num_samples, Fraction(1, SAMPLE_RATE)
        self.num_samples += len(samples)
        self.container.mux(self.audio.encode(sound))

    def finish(self) -> None:
        self.container.mux(self.video.encode(None))
        self.container.mux(self.audio.encode(None))


class LiveWriter:
    """Encodes in a thread of its own what `write` is given. Use as a context manager; at its end all is written.

    Raises InputError where the output cannot be written, from `write` or at the end.
    """

    def __init__(self, output: str, size: tuple[int, int], fps: Fraction, crf: int, preset: str):
        self.arguments = size, fps, crf, preset, is_url(output)
        self.opened = open_output(output)
        self.queue: queue.Queue = queue.Queue(WAITING)
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self.run)

    def __enter__(self) -> "LiveWriter":
        self.encoder = LiveEncoder(self.opened.__enter__(), *self.arguments)
        self.thread.start()
        return self

    def run(self) -> None:
        while (item := self.queue.get()) is not CLOSE:
            if self.error is None:
                try:
                    self.encoder.write(*item)
                except BaseException as error:  # raised where the next frame is given, or at the end
                    self.error = error

    def write(self, image: np.ndarray, samples: np.ndarray) -> None:
        """As LiveEncoder.write; waits where WAITING frames are not encoded yet."""
        if self.error is not None:
            raise self.error
        self.queue.put((image, samples))

    def __exit__(self, kind: type | None, value: BaseException | None, trace: object) -> None:
        self.queue.put(CLOSE)
        self.thread.join()
        try:
            if kind is None and self.error is None:
                self.encoder.finish()
        except BaseException as error:
            self.error = error
        error = value or self.error
        if not self.opened.__exit__(type(error) if error else None, error, trace) and self.error and not value:
            raise self.error
