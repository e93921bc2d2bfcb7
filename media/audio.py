"""Reading and writing sound through PyAV: any container, codec, rate and channel layout FFmpeg knows."""

import wave
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from config.constants import SAMPLE_RATE
from config.errors import InputError
from media.container import open_container
from media.files import atomic_write

AUDIO_RATE_OUT = 48000  # Hz, of the sound track of a result
BLOCK_SAMPLES = 1024  # one AAC frame
# Containers whose packets have exact times, and by how many seconds a seek goes before what is wanted: decoders need
# some sound before their first right sample.
EXACT_SEEKING, SEEK_MARGIN = {"mov", "matroska"}, 2.0
CHANNELS = {"mono": 1, "stereo": 2}


def decode_pcm(
    path: str | Path, rate: int, layout: str, start: float = 0.0, duration: float | None = None
) -> Iterator[np.ndarray]:
    """Decode the first audio stream to int16 blocks (n, channels), holding one block at a time.

    Time 0 is the first video frame where the file has video, else the first sample. Sound that begins later is
    preceded by silence, and with `duration` (seconds) the blocks add up to exactly that length, padded with silence.
    Raises InputError when the file is missing, damaged or has no sound, or float samples that are not finite.
    """
    limit = None if duration is None else round(duration * rate)
    given = 0
    for block in shifted_to_zero(path, rate, layout, start):
        if limit is not None:
            block = block[: limit - given]
        for offset in range(0, len(block), BLOCK_SAMPLES):
            yield block[offset : offset + BLOCK_SAMPLES]
        given += len(block)
        if given == limit:
            return
    while limit is not None and given < limit:
        count = min(BLOCK_SAMPLES, limit - given)
        yield np.zeros((count, CHANNELS[layout]), np.int16)
        given += count


def shifted_to_zero(path: str | Path, rate: int, layout: str, start: float) -> Iterator[np.ndarray]:
    """Resampled blocks whose first sample is at `start` seconds after the file's time 0."""
    with open_container(path, "sound") as container:
        if not container.streams.audio:
            raise InputError(f"{path} has no sound; give a file with an audio stream")
        resampler = av.AudioResampler(format="s16", layout=layout, rate=rate)
        stream, skip = container.streams.audio[0], None
        if start > SEEK_MARGIN and EXACT_SEEKING & set(container.format.name.split(",")):
            container.seek(int((time_zero(path, 0.0) + start - SEEK_MARGIN) / stream.time_base), stream=stream)
        for frame in container.decode(stream):
            check_finite(frame, path)
            if skip is None:
                begin = frame.time or 0.0
                skip = round((time_zero(path, begin) + start - begin) * rate)
                if skip < 0:
                    yield np.zeros((-skip, CHANNELS[layout]), np.int16)
                    skip = 0
            for block in resample(resampler, frame, layout):
                yield block[skip:]
                skip = max(0, skip - len(block))
        for block in resample(resampler, None, layout):
            yield block[skip or 0 :]


def check_finite(frame: "av.AudioFrame", path: str | Path) -> None:
    """Raise InputError for samples that would become noise as integers."""
    if frame.format.name.startswith(("flt", "dbl")) and not np.isfinite(frame.to_ndarray()).all():
        raise InputError(f"{path}: the sound holds values that are not finite; export it again")


def resample(resampler: "av.AudioResampler", frame: "av.AudioFrame | None", layout: str) -> Iterator[np.ndarray]:
    for piece in resampler.resample(frame):
        yield piece.to_ndarray().reshape(-1, CHANNELS[layout])


def time_zero(path: str | Path, audio_begin: float) -> float:
    """Seconds in the container's clock of the first video frame, or of the first sample where there is no video."""
    with open_container(path, "sound") as container:
        if not container.streams.video:
            return audio_begin
        stream = container.streams.video[0]
        stamps = [p.pts for p, _ in zip(container.demux(stream), range(32), strict=False) if p.pts is not None]
        return float(min(stamps) * stream.time_base) if stamps else audio_begin


def read_audio(
    path: str | Path, rate: int = SAMPLE_RATE, start: float = 0.0, duration: float | None = None
) -> np.ndarray:
    """The sound of a file as float32 mono (n,) in [-1, 1] at `rate` Hz; see decode_pcm for times and errors."""
    blocks = list(decode_pcm(path, rate, "mono", start, duration))
    if not blocks:
        raise InputError(f"{path} holds no sound; give a file with at least one audio sample")
    return np.concatenate(blocks)[:, 0].astype(np.float32) / 32768


def to_pcm16(samples: np.ndarray) -> np.ndarray:
    """Float samples in [-1, 1] as int16 of the same shape, rounded; what lies outside is clipped."""
    return np.clip(np.round(samples * 32768), -32768, 32767).astype(np.int16)


def write_wav(path: str | Path, samples: np.ndarray, rate: int = SAMPLE_RATE) -> None:
    """Write float32 mono samples (n,) in [-1, 1] as 16-bit PCM."""
    pcm = to_pcm16(samples).astype("<i2")
    with atomic_write(path) as temporary, wave.open(str(temporary), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm.tobytes())
