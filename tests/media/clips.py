"""Videos written with PyAV alone, so that media/ is not judged by what it wrote itself."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from talking_photo import photo_frame

AUDIO_RATE = 44100
CONTAINERS = {  # name of the file: codecs of picture and sound, options of the container
    "index last.mp4": ("libx264", "aac", {}),
    "index first.mp4": ("libx264", "aac", {"movflags": "+faststart"}),
    "fragments.mp4": ("libx264", "aac", {"movflags": "frag_keyframe+empty_moov"}),
    "matroska.mkv": ("libx264", "aac", {}),
    "quicktime.mov": ("libx264", "aac", {}),
    "flash.flv": ("libx264", "aac", {}),
    "old.avi": ("libx264", "mp3", {}),
    "web.webm": ("libvpx", None, {}),
}


def write_clip(path: Path, count: int, rate: int = 25, key_frames: int = 12, audio_start: float = 0.0) -> Path:
    """`count` frames that spell their numbers, and a tone whose pitch rises, as CONTAINERS says for the name."""
    codec, sound, options = CONTAINERS[path.name]
    with av.open(str(path), "w", options=options) as container:
        video = container.add_stream(codec, rate=rate, options={"g": str(key_frames), "crf": "12", "b": "2M"})
        video.width, video.height, video.pix_fmt = 240, 232, "yuv420p"
        track = container.add_stream(sound, rate=AUDIO_RATE, layout="mono") if sound else None
        samples = rising_tone(count / rate)
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(photo_frame(number), format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            container.mux(video.encode(frame))
            if track:
                for offset in range(0, len(samples), 1152):
                    if number / rate <= offset / AUDIO_RATE < (number + 1) / rate:
                        container.mux(track.encode(sound_frame(samples, offset, audio_start)))
        container.mux(video.encode(None))
        if track:
            container.mux(track.encode(None))
    return path


def rising_tone(seconds: float) -> np.ndarray:
    """int16 (n,): from 200 Hz up by 400 Hz a second."""
    time = np.arange(round(seconds * AUDIO_RATE)) / AUDIO_RATE
    return (9000 * np.sin(2 * np.pi * (200 + 200 * time) * time)).astype(np.int16)


def sound_frame(samples: np.ndarray, offset: int, start: float) -> av.AudioFrame:
    block = np.ascontiguousarray(samples[None, offset : offset + 1152])
    frame = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = (
        AUDIO_RATE,
        offset + round(start * AUDIO_RATE),
        Fraction(1, AUDIO_RATE),
    )
    return frame


def decode_directly(path: Path) -> list[np.ndarray]:
    """Every frame, BGR, as PyAV gives it."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
