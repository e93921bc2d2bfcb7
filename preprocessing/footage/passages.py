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
# A face that is seen in fewer frames, and in a smaller share of the passage, walks by or is a find by chance.
FLEETING, FLEETING_SHARE = FPS, 0.25
TILE_EVERY, TILE, TILE_FACES = 10, 96, 2.5  # frames, pixels, face sizes
TILE_QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 80]
GREY, MARK = (110, 110, 110), (80, 220, 80)  # BGR: around the frame, the box around the face


@dataclass(frozen=True)
class PassageFace:
    """One face of a passage of T frames: landmarks (T, 68, 2) float32 in video pixels, NaN where it is not seen, signs
    (T) of the same frames, JPEG tiles of some by their number in the passage, and what a judge saw, if there is one."""

    landmarks: np.ndarray
    signs: list[FrameSigns | None]
    tiles: dict[int, bytes]
    seen: Seen | None

    @property
    def found(self) -> np.ndarray:
        """(T,) bool."""
        return ~np.isnan(self.landmarks[:, 0, 0])


@dataclass(frozen=True)
class Passage:
    """Frames start .. stop - 1 of the video at 25 fps, and the faces in them."""

    start: int
    stop: int
    faces: list[PassageFace]


class PassageDraft:
    """A passage that is being watched."""

    def __init__(self, start: int, judge: SyncJudge | None):
        self.start, self.judge, self.length = start, judge, 0
        self.rows: dict[int, list[tuple[np.ndarray, FrameSigns] | None]] = {}
        self.watchers: dict[int, Watcher] = {}
        self.tiles: dict[int, dict[int, bytes]] = {}

    def add(self, frame: np.ndarray, faces: dict[int, np.ndarray]) -> None:
        """The next frame (H, W, 3) BGR and the landmarks (68, 2) of its faces by their numbers."""
        for number in faces.keys() - self.rows.keys():
            self.rows[number], self.tiles[number] = [None] * self.length, {}
            if self.judge is not None:
                self.watchers[number] = Watcher(self.judge)
                for _ in range(self.length):
                    self.watchers[number].add(frame, None)
        for number, rows in self.rows.items():
            points = faces.get(number)
            rows.append(None if points is None else (points, frame_signs(frame, points)))
            if points is not None and self.length % TILE_EVERY == 0:
                self.tiles[number][self.length] = face_tile(frame, points)
            if number in self.watchers:
                self.watchers[number].add(frame, points)
        self.length += 1

    def close(self, stop: int | None = None) -> Passage:
        """The passage up to frame `stop` of the video, or with all frames."""
        length = self.length if stop is None else stop - self.start
        faces = []
        for number, rows in self.rows.items():
            if sum(row is not None for row in rows[:length]) >= min(FLEETING, FLEETING_SHARE * length):
                landmarks = np.full((length, NUM_LANDMARKS, 2), np.nan, np.float32)
                for index, row in enumerate(rows[:length]):
                    if row is not None:
                        landmarks[index] = row[0]
                signs = [row and row[1] for row in rows[:length]]
                tiles = {index: tile for index, tile in self.tiles[number].items() if index < length}
                seen = self.watchers[number].finish() if number in self.watchers else None
                faces.append(PassageFace(landmarks, signs, tiles, seen))
        return Passage(self.start, self.start + length, faces)


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


def face_tile(frame: np.ndarray, landmarks: np.ndarray) -> bytes:
    """A JPEG of TILE pixels square of the frame around a face, in TILE_FACES times its size, the face in a box."""
    low, high = landmarks.min(0), landmarks.max(0)
    scale = TILE / (TILE_FACES * max(1.0, float((high - low).max())))
    shift = TILE / 2 - scale * (low + high) / 2
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    if scale < 0.5:  # reduced first, so that the picture does not alias
        factor = 2 * scale
        left, top = (max(0, int(edge)) for edge in -shift / scale)
        right, bottom = (int(edge) + 1 for edge in (TILE - shift) / scale)
        part = frame[top:bottom, left:right]
        size = (max(1, round(part.shape[1] * factor)), max(1, round(part.shape[0] * factor)))
        frame = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
        matrix = np.array([[0.5, 0, shift[0] + scale * left], [0, 0.5, shift[1] + scale * top]])
    tile = cv2.warpAffine(frame, matrix, (TILE, TILE), borderValue=GREY)
    corners = (landmarks.min(0) * scale + shift, landmarks.max(0) * scale + shift)
    cv2.rectangle(tile, *(np.round(corner).astype(int).tolist() for corner in corners), MARK, 1)
    return cv2.imencode(".jpg", tile, TILE_QUALITY)[1].tobytes()
