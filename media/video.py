"""Reading and writing video through PyAV, whose wheels carry FFmpeg: no system package is needed.

Frames are BGR uint8 arrays (H, W, 3), upright. Frame times are seconds from the first frame.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import Colorspace, Interpolation

from config.errors import InputError
from media.audio import AUDIO_RATE_OUT, decode_pcm
from media.files import written_whole

BT709 = 1  # ITU-T H.273 code point of primaries, transfer and matrix: what players assume for untagged HD video
# FFmpeg's fast converter darkens every picture by 2 levels of 255 a round trip; these flags bring that to 0.0.
EXACT = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT


@dataclass(frozen=True)
class VideoInfo:
    """What a container says of its first video stream.

    `times` (T,) are seconds of every frame from the first one; `start` is the first frame's own time in the container.
    """

    path: Path
    width: int
    height: int
    fps: Fraction
    times: np.ndarray
    start: float
    has_audio: bool

    @property
    def num_frames(self) -> int:
        return len(self.times)

    @property
    def duration(self) -> float:
        """Seconds on screen, the last frame included."""
        return float(self.times[-1] + 1 / self.fps)

    def is_constant_rate(self, fps: float) -> bool:
        """Whether every frame k is within a tenth of a frame of k / fps."""
        ideal = np.arange(self.num_frames) / fps
        return bool(np.abs(self.times - ideal).max() < 0.1 / fps)


@contextmanager
def open_video(path: str | Path) -> Iterator[tuple["av.container.InputContainer", "av.VideoStream"]]:
    """Open a file for reading and give its first video stream. FFmpeg's complaints become InputError."""
    if not Path(path).is_file():
        raise InputError(f"{path} is not a file; give the path of a video")
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise InputError(f"{path} has no video stream; give a video file")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            yield container, stream
    except (av.FFmpegError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as a video ({error}); the file is damaged or not a video") from error


def probe(path: str | Path) -> VideoInfo:
    """Read the frame times and properties of a video without decoding it, save for one frame that proves it can be.

    Raises InputError when the file is missing, damaged or has no video frames.
    """
    with open_video(path) as (container, stream):
        stamps = sorted(p.pts for p in container.demux(stream) if p.pts is not None and not p.is_discard)
        if not stamps:
            raise InputError(f"{path} holds no video frames; the file is damaged or empty")
        container.seek(stamps[0], stream=stream)
        first = next(container.decode(stream), None)
        if first is None:
            raise InputError(f"{path} holds no frame that can be decoded; the file is damaged")
        width, height = (first.height, first.width) if first.rotation % 180 else (first.width, first.height)
        times = (np.asarray(stamps, dtype=np.float64) - stamps[0]) * float(stream.time_base)
        return VideoInfo(
            path=Path(path),
            width=width,
            height=height,
            fps=frame_rate(times, stream),
            times=times,
            start=float(stamps[0] * stream.time_base),
            has_audio=bool(container.streams.audio),
        )


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
    """The picture as it is meant to be seen: phones store a rotation beside it (degrees, counter-clockwise)."""
    image = frame.to_ndarray(format="bgr24", interpolation=EXACT)
    turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image


def read_frames(path: str | Path, start: int = 0, stop: int | None = None) -> Iterator[np.ndarray]:
    """Frames `start` to `stop` - 1 in order of presentation, holding one at a time.

    A start beyond 0 seeks to the key frame before it. Raises InputError where the file cannot be decoded.
    """
    begin = probe(path).times[start] if start else 0.0
    with open_video(path) as (container, stream):
        if start:
            first = stream.start_time or 0
            container.seek(first + int(begin / stream.time_base), stream=stream)
        index = start
        for frame in container.decode(stream):
            if start and index == start and too_early(frame, begin, stream):
                continue
            if stop is not None and index >= stop:
                return
            yield upright(frame)
            index += 1


def too_early(frame: "av.VideoFrame", begin: float, stream: "av.VideoStream") -> bool:
    """Whether a frame decoded after a seek lies before the wanted time."""
    seconds = float((frame.pts - (stream.start_time or 0)) * stream.time_base)
    return seconds < begin - 1e-6


def read_frames_at(path: str | Path, times: Sequence[float]) -> Iterator[np.ndarray]:
    """The frame on screen at each of `times` (seconds from the first frame, never decreasing).

    Resampling by time: a frame is repeated where the video is slower than `times`, left out where it is faster.
    A frame counts as on screen from half a millisecond before its time, so that rounded time stamps do no harm.
    """
    frames = zip(probe(path).times, read_frames(path), strict=False)
    current_time, current = next(frames)
    following = next(frames, None)
    for time in times:
        while following is not None and following[0] <= time + 5e-4:
            current_time, current = following
            following = next(frames, None)
        yield current


class VideoWriter:
    """Writes H.264 and AAC into an MP4 that appears under its name only when it is whole.

    Use as a context manager and call `write` with BGR uint8 frames (height, width, 3). The sound of `audio_path` is
    cut or padded with silence to `audio_duration` seconds, or to the length of the pictures.
    `crf`: 0 (lossless) to 51; `preset`: an x264 speed preset.
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
    ):
        self.path, self.fps = Path(path), Fraction(fps)
        self.width, self.height = width, height
        self.audio_path, self.audio_duration = audio_path, audio_duration
        self.crf, self.preset = crf, preset
        self.num_frames = 0

    def __enter__(self) -> "VideoWriter":
        self.pending = written_whole(self.path)
        temporary = self.pending.__enter__()
        self.container = av.open(str(temporary), "w", format="mp4", options={"movflags": "+faststart"})
        self.video = self.container.add_stream(
            "libx264", rate=self.fps, options={"crf": str(self.crf), "preset": self.preset}
        )
        self.video.width, self.video.height = self.width, self.height
        # Chroma is stored at half size, which odd sizes do not allow.
        self.video.pix_fmt = "yuv444p" if self.width % 2 or self.height % 2 else "yuv420p"
        self.video.time_base = 1 / self.fps
        context = self.video.codec_context
        context.color_primaries = context.color_trc = context.colorspace = BT709
        if self.audio_path is not None:
            self.audio = self.container.add_stream("aac", rate=AUDIO_RATE_OUT, layout="stereo")
        return self

    def write(self, image: np.ndarray) -> None:
        """Append one BGR uint8 frame (height, width, 3)."""
        if image.shape != (self.height, self.width, 3):
            raise ValueError(f"frame of shape {image.shape}; expected {(self.height, self.width, 3)}")
        frame = av.VideoFrame.from_ndarray(image, format="bgr24")
        frame = frame.reformat(format=self.video.pix_fmt, dst_colorspace=Colorspace.ITU709, interpolation=EXACT)
        frame.pts, frame.time_base = self.num_frames, 1 / self.fps
        self.container.mux(self.video.encode(frame))
        self.num_frames += 1

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
        blocks = decode_pcm(self.audio_path, AUDIO_RATE_OUT, "stereo", duration=duration)
        position = 0
        for block in blocks:
            frame = av.AudioFrame.from_ndarray(block.reshape(1, -1), format="s16", layout="stereo")
            frame.sample_rate, frame.pts = AUDIO_RATE_OUT, position
            frame.time_base = Fraction(1, AUDIO_RATE_OUT)
            position += frame.samples
            self.container.mux(self.audio.encode(frame))
        self.container.mux(self.audio.encode(None))
