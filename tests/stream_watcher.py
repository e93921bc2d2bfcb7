"""Watches a stream, as a process of its own, for tests: python stream_watcher.py URL prints what it saw as JSON.

Of every picture its time and mean brightness, of the sound its level every millisecond, both in the stream's own clock.
"""

import json
import sys

import av
import numpy as np


def watch(url: str) -> dict:
    options = {"listen": "1"} if url.startswith("rtmp") else {}
    seen: dict = {"pictures": [], "levels": [], "begin": None, "size": None}
    with av.open(url, options=options, timeout=20) as container:
        try:
            for frame in container.decode(video=0, audio=0):
                look(frame, seen)
        except av.FFmpegError:  # the other end has closed the line
            pass
    return seen


def look(frame: "av.VideoFrame | av.AudioFrame", seen: dict) -> None:
    if isinstance(frame, av.VideoFrame):
        seen["pictures"].append((frame.time, float(frame.to_ndarray(format="gray").mean())))
        seen["size"] = (frame.width, frame.height)
        return
    samples = np.abs(frame.to_ndarray()[0])
    step = frame.sample_rate // 1000
    if seen["begin"] is None:
        seen["begin"] = frame.time
    seen["levels"] += [
        (frame.time + k / frame.sample_rate, float(samples[k : k + step].max())) for k in range(0, len(samples), step)
    ]


if __name__ == "__main__":
    print(json.dumps(watch(sys.argv[1])))
