"""What must hold of a media file that a stranger sent, before anything else opens it.

FFmpeg tells formats by content, and some of them, such as playlists, name further files, which it would open.
"""

from pathlib import Path

import av

from config.errors import InputError
from media.container import local_name
from media.whole import read_stamps

# Formats that hold their pictures and sound themselves.
SELF_CONTAINED = (
    *("mov", "matroska", "webm", "avi", "asf", "flv", "mpeg", "mpegts", "mpegvideo", "mxf", "rm", "ogg", "gif"),
    *("yuv4mpegpipe", "wav", "w64", "aiff", "au", "caf", "mp3", "aac", "flac", "amr", "ac3", "eac3", "ape", "wv"),
    *("png_pipe", "jpeg_pipe", "webp_pipe", "bmp_pipe"),
)


def check_untrusted(path: str | Path, kind: str, most_seconds: float, most_pixels: int) -> None:
    """Raise InputError unless a file holds `kind` ("video" or "sound") itself, no longer and no larger than said.

    Nothing is decoded. The messages name the file by its path.
    """
    options = {"format_whitelist": ",".join(SELF_CONTAINED)}
    try:
        with av.open(local_name(path), container_options=options) as container:
            check_streams(path, container, kind, most_pixels)
            if longest(container, most_seconds) > most_seconds:
                raise InputError(f"{path} lasts longer than {most_seconds:g} s, the most that is taken; cut it")
    except (av.FFmpegError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no {kind} file of a kind that is taken ({error}); give an MP4 or WAV") from error


def check_streams(path: str | Path, container: "av.container.InputContainer", kind: str, most_pixels: int) -> None:
    streams = container.streams.video if kind == "video" else container.streams.audio
    if not streams:
        raise InputError(f"{path} has no {kind}; give a file with {kind}")
    if kind == "video" and (pixels := streams[0].width * streams[0].height) > most_pixels:
        raise InputError(f"{path}: a frame has {pixels} pixels, {most_pixels} are the most that is taken; shrink it")


def longest(container: "av.container.InputContainer", enough: float) -> float:
    """Seconds from the first time stamp to the last; no more stamps are read once they are more than `enough`."""
    begin, end = None, 0.0
    for stamp in read_stamps(container):
        begin = stamp.begin if begin is None else min(begin, stamp.begin)
        end = max(end, stamp.end)
        if end - begin > enough:
            break
    return end - (begin or 0.0)
