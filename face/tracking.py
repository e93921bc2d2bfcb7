"""Follows one face through a whole video, in several parts of it at a time."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from itertools import pairwise

import numpy as np

from config.constants import NUM_LANDMARKS
from config.errors import InputError
from face.landmarks import SEARCH_INTERVAL, FaceLandmarker
from face.openface_csv import FaceTrack
from media.prefetch import prefetch
from media.progress import Listener, progress_bar
from media.video import VideoInfo, read_part

SHORTEST_PART = 50  # frames; a part begins with a search, which costs as much as some of them
SAME = 0.1  # pixels between landmarks that were found from the same face before


def track_video(
    info: VideoInfo,
    landmarkers: Sequence[FaceLandmarker],
    num_frames: int | None = None,
    progress: bool = False,
    listener: Listener | None = None,
    parts: Sequence[range] | None = None,
) -> FaceTrack:
    """Landmarks of the first `num_frames` frames of a video, or of all, as they are found: not smoothed.

    Frames without a face have landmarks of NaN and confidence 0, and are no success. Each of `landmarkers`, which may
    have seen other videos before, follows the face through one of `parts`, by default those of `parts_of`, in a thread;
    then the beginning of every part is done again from the face at the end of the one before, as far as that changes
    anything. `progress` shows a bar, `listener` hears of it instead. Raises InputError when a frame cannot be decoded.
    """
    expected = info.num_frames if num_frames is None else num_frames
    parts = parts or parts_of(info, expected, len(landmarkers))
    with progress_bar("landmarks", expected, listener, progress) as advance:
        search = Search(info, expected, advance)
        with ThreadPoolExecutor(len(parts)) as threads:
            done = [threads.submit(search.start, *each) for each in zip(landmarkers, parts, strict=False)]
            try:
                wait(done, return_when=FIRST_EXCEPTION)
            finally:  # by an error or Ctrl-C
                search.is_stopped = not all(each.done() for each in done)
        for each in done:
            each.result()
        knowing = landmarkers[0]
        for landmarker, part in zip(landmarkers[1:], parts[1:], strict=False):
            knowing = search.join(knowing, landmarker, part)
    return FaceTrack(search.landmarks, search.confidence, search.confidence > 0)


def parts_of(info: VideoInfo, num_frames: int, number: int) -> list[range]:
    """At most `number` parts of the first `num_frames` frames, as equal as key frames and SHORTEST_PART allow."""
    starts, keys = [0], np.union1d(0, info.key_frames)
    for index in range(1, number):
        start = int(keys[np.abs(keys - num_frames * index / number).argmin()])
        if min(start - starts[-1], num_frames - start) >= SHORTEST_PART:
            starts.append(start)
    return [range(*ends) for ends in pairwise([*starts, num_frames])]


class Search:
    """What is found so far in a video: landmarks (T, 68, 2), NaN where there is no face, and confidence (T,)."""

    def __init__(self, info: VideoInfo, num_frames: int, advance: Callable[[int], None]):
        self.info, self.advance, self.expected = info, advance, num_frames
        self.landmarks = np.full((num_frames, NUM_LANDMARKS, 2), np.nan, np.float32)
        self.confidence = np.zeros(num_frames, np.float32)
        self.lock, self.is_stopped = threading.Lock(), False

    def start(self, landmarker: FaceLandmarker, part: range) -> None:
        """Search a part as if nothing were before it."""
        landmarker.reset()
        self.follow(landmarker, part, self.tell)

    def tell(self, count: int) -> None:
        with self.lock:
            self.advance(count)

    def follow(self, landmarker: FaceLandmarker, part: range, advance: Callable[[int], None]) -> None:
        """Go on through a part from the face that the landmarker knows, until the end or until all is stopped."""
        number = part.start
        for frame in prefetch(read_part(self.info, part), depth=2):
            if self.is_stopped:
                return
            self.keep(number, landmarker.detect(frame))
            number += 1
            advance(1)
        if number < part.stop:
            raise InputError(
                f"{self.info.path}: frame {number} of {self.expected} cannot be decoded; the file is damaged"
            )

    def keep(self, number: int, found: tuple[np.ndarray, float] | None) -> None:
        """A face of which no point lies in the picture is none."""
        self.landmarks[number], self.confidence[number] = found if found and found[1] > 0 else (np.nan, 0)

    def join(self, before: FaceLandmarker, after: FaceLandmarker, part: range) -> FaceLandmarker:
        """Go on from the face at the end of the part before `part` until what is found is what is known already.

        Not before SEARCH_INTERVAL frames: until then a lost face is looked for less thoroughly where a search has just
        been. Returns the landmarker that knows the face at the end of `part`.
        """
        if before.last is None:
            return after
        for number, frame in zip(part, read_part(self.info, part), strict=True):
            self.advance(0)  # whoever listens may end this
            known = self.landmarks[number].copy()
            self.keep(number, before.detect(frame))
            same = np.abs(self.landmarks[number] - known).max() < SAME
            if same and number - part.start >= SEARCH_INTERVAL:
                return after
        return before
