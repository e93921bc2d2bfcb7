"""Footage divided into passages, in one pass over its frames: shots, faces and what is measured of both.

A passage is a shot, or, where a shot is too long for a clip, a part of it that ends in a pause of the speech.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from config.constants import FPS, NUM_LANDMARKS
from evaluation.judges import SyncJudge
from evaluation.windows import Seen
from face.crowd import CrowdTracker
from preprocessing.footage.judging import Watcher
from preprocessing.footage.shots import CUT_DELAY, ShotDetector
from preprocessing.footage.signs import FrameSigns, frame_signs

PAUSE_FROM = 0.75  # share of the greatest length from which a passage ends at the next pause
PAUSE = FPS // 5  # frames without speech, before and after, that make one
THUMBNAIL_EVERY, THUMBNAIL_HEIGHT = 10, 90  # frames, pixels
THUMBNAIL_QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 80]


@dataclass(frozen=True)
class PassageFace:
    """One face of a passage of T frames: landmarks (T, 68, 2) float32 in video pixels, NaN where it is not seen, signs
    (T) of the same frames, and what a judge saw of it, if there is one."""

    landmarks: np.ndarray
    signs: list[FrameSigns | None]
    seen: Seen | None

    @property
    def found(self) -> np.ndarray:
        """(T,) bool."""
        return ~np.isnan(self.landmarks[:, 0, 0])


@dataclass(frozen=True)
class Passage:
    """Frames start .. stop - 1 of the video at 25 fps, its faces, and JPEG pictures of some frames by their number in
    the passage. `height`: rows of the video's pictures."""

    start: int
    stop: int
    height: int
    faces: list[PassageFace]
    thumbnails: dict[int, bytes]


class PassageDraft:
    """A passage that is being watched."""

    def __init__(self, start: int, judge: SyncJudge | None):
        self.start, self.judge, self.length, self.height = start, judge, 0, 0
        self.rows: dict[int, list[tuple[np.ndarray, FrameSigns] | None]] = {}
        self.watchers: dict[int, Watcher] = {}
        self.thumbnails: dict[int, bytes] = {}

    def add(self, frame: np.ndarray, faces: dict[int, np.ndarray]) -> None:
        """The next frame (H, W, 3) BGR and the landmarks (68, 2) of its faces by their numbers."""
        self.height = len(frame)
        if self.length % THUMBNAIL_EVERY == 0:
            self.thumbnails[self.length] = thumbnail(frame)
        for number in faces.keys() - self.rows.keys():
            self.rows[number] = [None] * self.length
            if self.judge is not None:
                self.watchers[number] = Watcher(self.judge)
                for _ in range(self.length):
                    self.watchers[number].add(frame, None)
        for number, rows in self.rows.items():
            points = faces.get(number)
            rows.append(None if points is None else (points, frame_signs(frame, points)))
            if number in self.watchers:
                self.watchers[number].add(frame, points)
        self.length += 1

    def close(self, stop: int | None = None) -> Passage:
        """The passage up to frame `stop` of the video, or with all frames."""
        length = self.length if stop is None else stop - self.start
        faces = []
        for number, rows in self.rows.items():
            if any(rows[:length]):
                landmarks = np.full((length, NUM_LANDMARKS, 2), np.nan, np.float32)
                for index, row in enumerate(rows[:length]):
                    if row is not None:
                        landmarks[index] = row[0]
                signs = [row and row[1] for row in rows[:length]]
                seen = self.watchers[number].finish() if number in self.watchers else None
                faces.append(PassageFace(landmarks, signs, seen))
        shown = {number: jpeg for number, jpeg in self.thumbnails.items() if number < length}
        return Passage(self.start, self.start + length, self.height, faces, shown)


def passages(
    frames: Iterator[np.ndarray], speech: np.ndarray, tracker: CrowdTracker, judge: SyncJudge | None, longest: int
) -> Iterator[Passage]:
    """The passages of a video in order; black pictures between two shots belong to none.

    frames: BGR uint8 (H, W, 3) at 25 fps; speech (T,) bool: speech activity, by which a shot of more than `longest`
    frames is divided.
    """
    draft = PassageDraft(0, judge)
    for number, frame, cut in with_cuts(frames):
        full = draft.length >= longest or (draft.length >= PAUSE_FROM * longest and is_pause(speech, number))
        if cut is not None or full:
            if draft.length and (cut is None or cut > draft.start):
                yield draft.close(cut)
            draft = PassageDraft(number, judge)
        if cut is not None:
            tracker.cut()
        draft.add(frame, tracker.detect(frame))
    if draft.length:
        yield draft.close()


def with_cuts(frames: Iterator[np.ndarray]) -> Iterator[tuple[int, np.ndarray, int | None]]:
    """Number and frame, and, with the first frame after the end of a shot is known, the number it ends before."""
    detector, held, cuts = ShotDetector(), deque(), []
    for number, frame in enumerate(frames):
        held.append((number, frame))
        cuts += detector.add(frame)
        if len(held) > CUT_DELAY:
            yield (*held.popleft(), take_cut(cuts, number - CUT_DELAY))
    while held:
        number, frame = held.popleft()
        yield number, frame, take_cut(cuts, number)


def take_cut(cuts: list[int], number: int) -> int | None:
    """The first of the cuts up to a frame, all of which are removed; None where there is none."""
    due = [cut for cut in cuts if cut <= number]
    cuts[:] = [cut for cut in cuts if cut > number]
    return min(due, default=None)


def is_pause(speech: np.ndarray, number: int) -> bool:
    return not speech[max(0, number - PAUSE) : number + PAUSE].any()


def thumbnail(frame: np.ndarray) -> bytes:
    """The frame as a JPEG of THUMBNAIL_HEIGHT rows."""
    height, width = frame.shape[:2]
    size = (max(1, round(width * THUMBNAIL_HEIGHT / height)), THUMBNAIL_HEIGHT)
    return cv2.imencode(".jpg", cv2.resize(frame, size, interpolation=cv2.INTER_AREA), THUMBNAIL_QUALITY)[1].tobytes()
