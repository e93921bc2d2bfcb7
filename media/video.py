"""Reading and writing video through PyAV, whose wheels carry FFmpeg: no system package is needed.

Frames are BGR uint8 arrays (H, W, 3), or Pictures in the decoder's planes; both upright. Frame times are seconds from
the first frame.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av.filter import Graph as FilterGraph

from config.errors import InputError
from media.audio import AUDIO_RATE_OUT, decode_pcm
from media.container import local_name, open_container
from media.files import atomic_write
from media.picture import EXACT, Picture, as_new, copy_colour, in_planes, like, quarter_turns
from media.whole import check_whole, read_stamps

VIDEO_SUFFIXES = {
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".wmv", ".flv", ".f4v", ".mpg", ".mpeg", ".m2v", ".ts", ".mts"),
    *(".m2ts", ".vob", ".3gp", ".3g2", ".ogv", ".ogm", ".mxf", ".asf", ".rm", ".rmvb", ".divx", ".y4m", ".gif"),
}
# Seconds before its time from which a frame counts as on screen, so that rounded time stamps do no harm.
TIME_TOLERANCE = 5e-4
BACKWARDS_BYTES = 256 << 20  # of decoded pictures that reading backwards may hold
BACKWARDS_FRAMES = 24  # decoded at once at the least when reading backwards: opening a file costs time too


@dataclass(frozen=True)
class VideoInfo:
    """What a container says of its first video stream.

    `times` (T,) are seconds of every frame from the first one; `start` is the first frame's own time in the container.
    `key_frames` (K,) are the numbers, in order of presentation, of the frames that decoding can begin with.
    `is_interlaced`: the first frame holds two fields of different times; such videos are read deinterlaced.
    """

    path: Path
    width: int
    height: int
    fps: Fraction
    times: np.ndarray
    start: float
    has_audio: bool
    key_frames: np.ndarray
    is_interlaced: bool = False

    @property
    def num_frames(self) -> int:
        return len(self.times)

    @property
    def duration(self) -> float:
        """Seconds on screen, the last frame included."""
        return float(self.times[-1] + 1 / self.fps)

    @property
    def screen_times(self) -> np.ndarray:
        """Seconds (T,) from which each frame counts as on screen: k / fps where the rate is constant, else `times`.

        So stamps that tremble around a constant rate show no frame twice and skip none.
        """
        rate = float(self.fps)
        return np.arange(self.num_frames) / rate if self.is_constant_rate(rate) else self.times

    def key_before(self, number: int) -> int:
        """The last key frame at or before a frame."""
        return int(self.key_frames[self.key_frames <= number].max(initial=0))

    def is_constant_rate(self, fps: float) -> bool:
        """Whether every frame k is within a tenth of a frame of k / fps."""
        ideal = np.arange(self.num_frames) / fps
        return bool(np.abs(self.times - ideal).max() < 0.1 / fps)


@contextmanager
def open_video(path: str | Path) -> Iterator[tuple["av.container.InputContainer", "av.VideoStream"]]:
    """Open a file for reading and give its first video stream; errors as of open_container."""
    with open_container(path, "video") as container:
        if not container.streams.video:
            raise InputError(f"{path} has no video stream; give a video file")
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        yield container, stream


def probe(path: str | Path) -> VideoInfo:
    """Read the frame times and properties of a video without decoding it, save for one frame that proves it can be.

    Raises InputError when the file is missing, damaged, cut short or has no video frames.
    """
    with open_video(path) as (container, stream):
        first = next(container.decode(stream), None)
    if first is None:
        raise InputError(f"{path} holds no frame that can be decoded; the file is damaged")
    with open_video(path) as (container, stream):
        packets = list(read_stamps(container))
        check_whole(path, container, stream, packets)
        shown = [(packet.pts, packet.is_key) for packet in packets if packet.stream == stream.index and packet.is_shown]
        if not shown:
            raise InputError(f"{path} holds no frame times; convert it to MP4 or MKV first")
        stamps, is_key = np.array(sorted(shown)).T
        sideways = first.rotation % 180 != 0
        times = (stamps - stamps[0]).astype(np.float64) * float(stream.time_base)
        return VideoInfo(
            Path(path),
            first.height if sideways else first.width,
            first.width if sideways else first.height,
            fps=frame_rate(times, stream),
            times=times,
            start=float(stamps[0] * stream.time_base),
            has_audio=bool(container.streams.audio),
            key_frames=np.flatnonzero(is_key),
            is_interlaced=bool(first.interlaced_frame),
        )


def read_comment(path: str | Path) -> str:
    """The tag `comment` of a file, which VideoWriter writes; empty where it has none, or is no video."""
    try:
        with open_container(path, "video") as container:
            return container.metadata.get("comment", "")
    except InputError:
        return ""


def frame_rate(times: np.ndarray, stream: "av.VideoStream") -> Fraction:
    """The mean rate of the frames; the container's own fraction where it agrees with them to 0.1 %."""
    declared = stream.average_rate
    if len(times) < 2:
        return declared or Fraction(25)
    measured = (len(times) - 1) / times[-1]
    if declared and abs(float(declared) - measured) < 1e-3 * measured:
        return declared
    return Fraction(measured).limit_denominator(1001)


def upright(frame: "av.VideoFrame") -> np.ndarray:
    """The picture (H, W, 3) BGR uint8 as it is meant to be seen, of whatever depth and chroma it is decoded."""
    image = frame.to_ndarray(format="bgr24", interpolation=EXACT)
    turns = quarter_turns(frame)
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image


def decode_from(info: VideoInfo, start: int) -> Iterator[tuple[int, "av.VideoFrame"]]:
    """Decoded frames in order with their numbers, beginning at a key frame at or before frame `start`."""
    frames = decode_fields_from(info, start)
    return deinterlaced(frames) if info.is_interlaced else frames


def deinterlaced(frames: Iterator[tuple[int, "av.VideoFrame"]]) -> Iterator[tuple[int, "av.VideoFrame"]]:
    """One picture of each frame that holds two fields, by FFmpeg's bwdif; frames that are whole pass as they are.

    The filter needs the frame after the one it works on, so numbers wait for their pictures.
    """
    graph, numbers = None, deque()
    for number, frame in frames:
        if graph is None:
            graph = FilterGraph()
            source = graph.add_buffer(
                width=frame.width,
                height=frame.height,
                format=frame.format,
                time_base=frame.time_base or Fraction(1, 25),
            )
            work = graph.add("bwdif", "mode=send_frame:deint=interlaced")
            source.link_to(work)
            work.link_to(graph.add("buffersink"))
            graph.configure()
        numbers.append(number)
        graph.push(frame)
        yield from ready(graph, numbers)
    if graph is not None:
        graph.push(None)
        yield from ready(graph, numbers)


def ready(graph: FilterGraph, numbers: deque[int]) -> Iterator[tuple[int, "av.VideoFrame"]]:
    """The pictures that a graph has finished, with their numbers."""
    while numbers:
        try:
            picture = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        yield numbers.popleft(), picture


def decode_fields_from(info: VideoInfo, start: int) -> Iterator[tuple[int, "av.VideoFrame"]]:
    """What decode_from gives, before deinterlacing."""
    key = info.key_before(start)
    if key:
        with open_video(info.path) as (container, stream):
            container.seek(int((info.start + info.times[key]) / stream.time_base), stream=stream)
            frames = container.decode(stream)
            first = next(frames, None)
            number = frame_number(info, first)
            if number is not None and number <= start:
                yield from enumerate(chain([first], frames), number)
                return
    # From the beginning; also where a container without an index, such as a transport stream, was sought in vain.
    with open_video(info.path) as (container, stream):
        yield from enumerate(container.decode(stream))


def frame_number(info: VideoInfo, frame: "av.VideoFrame | None") -> int | None:
    """The number of a frame by its time; None for no frame or one without a time."""
    if frame is None or frame.time is None:
        return None
    return int(np.abs(info.times - (frame.time - info.start)).argmin())


def read_frames(
    path: str | Path, start: int = 0, stop: int | None = None, info: VideoInfo | None = None
) -> Iterator[np.ndarray]:
    """Frames `start` to `stop` - 1 in order of presentation, holding one at a time.

    A start beyond 0 seeks to the key frame before it; `info`, what `probe` said of the file, saves asking it again.
    Raises InputError where the file cannot be decoded.
    """
    yield from map(upright, decoded(info or probe(path), start, stop))


def read_part(info: VideoInfo, part: range) -> Iterator[np.ndarray]:
    """As read_frames. Raises InputError also where frames of the part are missing and later ones would replace them."""
    for number, frame in decode_from(info, part.start):
        if number >= part.stop:
            if (frame_number(info, frame) or 0) > number:
                raise InputError(f"{info.path}: frames before {part.stop} cannot be decoded; the file is damaged")
            return
        if number >= part.start:
            yield upright(frame)


def read_pictures(info: VideoInfo, start: int, stop: int) -> Iterator[Picture]:
    """As read_frames, in the planes that the decoder gives."""
    yield from map(Picture, decoded(info, start, stop))


def decoded(info: VideoInfo, start: int, stop: int | None) -> Iterator["av.VideoFrame"]:
    for number, frame in decode_from(info, start):
        if stop is not None and number >= stop:
            return
        if number >= start:
            yield frame


def read_pictures_backwards(info: VideoInfo, start: int, stop: int) -> Iterator[Picture]:
    """Pictures `stop` - 1 down to `start`, holding at most BACKWARDS_BYTES of decoded pictures.

    A video can only be decoded forwards from a key frame. So runs of frames are decoded and given in reverse; where
    key frames are further apart than a run, the frames between are decoded more than once.
    """
    while stop > start:
        held = last_frames(info, start, stop)
        if not held:
            raise InputError(f"{info.path}: frame {stop - 1} cannot be decoded; the file is damaged")
        stop -= len(held)
        while held:
            yield Picture(held.pop())


def last_frames(info: VideoInfo, start: int, stop: int) -> deque["av.VideoFrame"]:
    """As many of the frames before `stop` as fit in BACKWARDS_BYTES, none before `start`, none before the key frame."""
    held = deque()
    for number, frame in decode_from(info, max(start, stop - BACKWARDS_FRAMES)):
        if number >= stop:
            break
        if held.maxlen is None:
            held = deque(maxlen=max(1, BACKWARDS_BYTES // sum(plane.buffer_size for plane in frame.planes)))
        if number >= start:
            held.append(frame)
    return held


def read_chosen_frames(info: VideoInfo, numbers: Iterable[int]) -> Iterator[np.ndarray]:
    """The frames of these numbers, which never decrease, decoding only from the nearest key frame."""
    position, frames, image = -1, iter(()), None
    for wanted in numbers:
        if wanted == position and image is not None:
            yield image
            continue
        if info.key_before(wanted) > position + 1 or position < 0:
            frames = decode_from(info, wanted)
        for position, frame in frames:
            if position == wanted:
                break
        else:
            raise InputError(f"{info.path}: frame {wanted} cannot be decoded; the file is damaged")
        image = upright(frame)
        yield image


def frames_on_screen(info: VideoInfo, times: Sequence[float] | np.ndarray) -> np.ndarray:
    """Number (T,) of the frame on screen at each of `times`, seconds from the first frame.

    A frame counts as on screen from TIME_TOLERANCE before its time.
    """
    return np.searchsorted(info.screen_times, np.asarray(times) + TIME_TOLERANCE, side="right").clip(1) - 1


def read_frames_at(path: str | Path, times: Sequence[float]) -> Iterator[np.ndarray]:
    """The frame on screen at each of `times` (seconds from the first frame, never decreasing).

    Resampling by time: a frame is repeated where the video is slower than `times`, left out where it is faster.
    """
    info = probe(path)
    yield from read_chosen_frames(info, frames_on_screen(info, times).tolist())


def kind_of(frame: "av.VideoFrame") -> tuple[str, int, int]:
    return frame.format.name, frame.colorspace, frame.color_range


class VideoWriter:
    """Writes H.264 and AAC into an MP4 that appears under its name only when it is whole.

    Use as a context manager and call `write` with BGR uint8 frames (height, width, 3), which become BT.709, or with
    Pictures, whose planes and tags of colour stay as they are; all have those of the first. The sound of `audio_path`
    from `audio_start` (seconds) on is cut or padded with silence to `audio_duration` seconds, or to the length of the
    pictures.
    `crf`: 0 (lossless) to 51; `preset`: an x264 speed preset; `comment`: a tag of the file, see read_comment.
    """

    def __init__(
        self,
        path: str | Path,
        width: int,
        height: int,
        fps: Fraction | int,
        audio_path: str | Path | None = None,
        audio_duration: float | None = None,
        crf: int = 18,
        preset: str = "veryfast",
        audio_start: float = 0.0,
        comment: str = "",
    ):
        self.path, self.fps = Path(path), Fraction(fps)
        self.width, self.height, self.num_frames = width, height, 0
        self.audio_path, self.audio_duration, self.audio_start = audio_path, audio_duration, audio_start
        self.crf, self.preset, self.comment = crf, preset, comment

    def __enter__(self) -> "VideoWriter":
        self.pending = atomic_write(self.path)
        temporary = self.pending.__enter__()
        self.container = av.open(local_name(temporary), "w", format="mp4", options={"movflags": "+faststart"})
        if self.comment:
            self.container.metadata["comment"] = self.comment
        # Captions that a decoder found are of other speech.
        options = {"crf": str(self.crf), "preset": self.preset, "a53cc": "0"}
        self.video = self.container.add_stream("libx264", rate=self.fps, options=options)
        self.video.width, self.video.height = self.width, self.height
        self.video.time_base = 1 / self.fps
        if self.audio_path is not None:
            self.audio = self.container.add_stream("aac", rate=AUDIO_RATE_OUT, layout="stereo")
        return self

    def write(self, image: np.ndarray | Picture) -> None:
        """Append one frame, BGR uint8 (height, width, 3) or a Picture of this size."""
        if image.shape != (self.height, self.width, 3):
            raise ValueError(f"frame of shape {image.shape}; expected {(self.height, self.width, 3)}")
        if isinstance(image, Picture):
            frame = as_new(image.frame)
        else:  # not copied
            frame = in_planes(av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(image), format="bgr24"))
        frame = self.like_the_first(frame)
        frame.pts, frame.time_base = self.num_frames, 1 / self.fps
        self.container.mux(self.video.encode(frame))
        self.num_frames += 1

    def like_the_first(self, frame: "av.VideoFrame") -> "av.VideoFrame":
        """The frame, converted where its planes or its colours are of another kind than those the file began with."""
        if not self.num_frames:
            self.first = frame
            self.video.pix_fmt = frame.format.name
            copy_colour(frame, self.video.codec_context)
        return frame if kind_of(frame) == kind_of(self.first) else like(frame, self.first)

    def __exit__(self, kind, value, trace) -> None:
        try:
            if kind is None:
                self.finish()
            self.container.close()
        except BaseException as error:
            self.pending.__exit__(type(error), error, error.__traceback__)
            raise
        self.pending.__exit__(kind, value, trace)

    def finish(self) -> None:
        self.container.mux(self.video.encode(None))
        if self.audio_path is None:
            return
        duration = self.audio_duration or float(self.num_frames / self.fps)
        position = 0
        for block in decode_pcm(self.audio_path, AUDIO_RATE_OUT, "stereo", self.audio_start, duration):
            frame = av.AudioFrame.from_ndarray(block.reshape(1, -1), format="s16", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = AUDIO_RATE_OUT, position, Fraction(1, AUDIO_RATE_OUT)
            position += frame.samples
            self.container.mux(self.audio.encode(frame))
        self.container.mux(self.audio.encode(None))
