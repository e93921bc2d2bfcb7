"""Follows every face of a shot at once, and keeps them apart."""

from dataclasses import dataclass, field

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

from config.constants import CROP_HEIGHT, CROP_WIDTH
from face.alignment import align_frame
from face.landmarks import CROP_FACTOR, MESH_TO_IBUG, SEARCH_INTERVAL, Face, FaceLandmarker, Square, search_tiles

MAX_FACES = 6  # followed at a time; the largest
MAX_LOST = 12  # frames after which a face that is not seen is given up
NEW_FACE_TILES = (1.0, 1.5)  # sizes of tiles (see FaceLandmarker) in which further faces are looked for
SAME_PLACE = 0.35  # face sizes; two finds that are nearer to each other are one face
# A find belongs to a face whose expected place is at most REACH face sizes away, and REACH_LOST more for every frame
# since it was seen, and whose size is within a factor of SIZE_CHANGE. The looks must have a correlation of at least
# LEAST_LIKENESS (of two people it is -0.01 to 0.62), unless the face was there a frame ago and has hardly moved.
REACH, REACH_LOST, SIZE_CHANGE = 0.5, 0.05, 1.6
LEAST_LIKENESS, HARDLY = 0.5, 0.15
IMPOSSIBLE = 1e6  # cost of a find that belongs to somebody else
LOOK_SCALE = 0.1  # of the look's picture to the stored crop


@dataclass
class KnownFace:
    """A face that is followed. `look` is its aligned picture when it was last seen, normalised."""

    number: int
    last: Face
    look: np.ndarray
    velocity: np.ndarray = field(default_factory=lambda: np.zeros(2))
    lost: int = 0

    @property
    def expected(self) -> np.ndarray:
        """Where the centre should be in the next frame."""
        return self.last.centre + self.velocity * min(self.lost + 1, 5)

    def seen(self, face: Face, look: np.ndarray) -> None:
        moved = (face.centre - self.last.centre) / (self.lost + 1)
        self.velocity = 0.5 * self.velocity + 0.5 * moved
        self.last, self.look, self.lost = face, look, 0


class CrowdTracker:
    """Landmarks of all faces, frame by frame, each under a number of its own that no other face ever gets.

    A face that is hidden for up to MAX_LOST frames keeps its number if it comes back where it is expected and looks the
    same; else it gets a new one. Call `cut` where a new shot begins.
    """

    def __init__(self, landmarker: FaceLandmarker):
        self.landmarker, self.known, self.next_number = landmarker, [], 0
        self.cut()

    def cut(self) -> None:
        """Give up all faces; the next frame is searched thoroughly."""
        self.known: list[KnownFace] = []
        self.since_search = SEARCH_INTERVAL
        self.landmarker.reset()

    def detect(self, bgr: np.ndarray) -> dict[int, np.ndarray]:
        """Landmarks (68, 2) float32 in pixels of the frame (H, W, 3) BGR uint8, by the number of the face."""
        self.since_search += 1
        finds = self.near_known(bgr)
        if self.since_search >= SEARCH_INTERVAL or not finds:
            finds = distinct([*finds, *self.elsewhere(bgr, finds)])
        looks = [look_of(bgr, face) for face in finds]
        claimed = self.assign(finds, looks)
        for index, face in enumerate(finds):
            if index not in claimed and len(self.known) < MAX_FACES:
                self.known.append(KnownFace(self.next_number, face, looks[index]))
                self.next_number += 1
        self.known = [face for face in self.known if face.lost <= MAX_LOST]
        return {face.number: face.last.mesh[MESH_TO_IBUG] for face in self.known if not face.lost}

    def near_known(self, bgr: np.ndarray) -> list[Face]:
        """What is found in the squares around the expected places."""
        finds = []
        for face in self.known:
            side = max(16, round(CROP_FACTOR * face.last.size))
            left, top = np.round(face.expected - side / 2).astype(int)
            finds += self.landmarker.faces_in(bgr, Square(int(left), int(top), side))
        return distinct(finds)

    def elsewhere(self, bgr: np.ndarray, finds: list[Face]) -> list[Face]:
        """Faces that tiles over the whole frame show beside `finds`, seen again close up, the largest first."""
        if not finds:
            face = self.landmarker.search(bgr)  # its own rule says how thoroughly
            finds = [face] if face is not None else []
            if self.since_search < SEARCH_INTERVAL or not finds:
                return finds
        self.since_search = 0
        tiles = [tile for divisor in NEW_FACE_TILES for tile in search_tiles(*bgr.shape[:2], divisor)]
        coarse = distinct([*finds, *(face for tile in tiles for face in self.landmarker.faces_in(bgr, tile))])
        new = sorted(coarse[len(finds) :], key=lambda face: face.size, reverse=True)
        close = [self.landmarker.follow(bgr, face) for face in new[:MAX_FACES]]
        return [*finds, *(face for face in close if face is not None)]

    def assign(self, finds: list[Face], looks: list[np.ndarray]) -> set[int]:
        """Give finds to the faces they belong to; all others are lost for this frame. The indices that were given."""
        pairs = list(zip(finds, looks, strict=True))
        costs = np.array([[cost(face, *pair) for pair in pairs] for face in self.known]).reshape(
            len(self.known), len(finds)
        )
        rows, columns = linear_sum_assignment(np.minimum(costs, IMPOSSIBLE))
        owners = {row: column for row, column in zip(rows, columns, strict=True) if costs[row, column] < IMPOSSIBLE}
        given = set()
        for row, face in enumerate(self.known):
            if row in owners:
                face.seen(finds[owners[row]], looks[owners[row]])
                given.add(owners[row])
            else:
                face.lost += 1
        return given


def cost(known: KnownFace, find: Face, look: np.ndarray) -> float:
    """How ill a find fits a known face: distance in face sizes and difference of looks, or IMPOSSIBLE."""
    distance = np.linalg.norm(find.centre - known.expected) / known.last.size
    change = max(find.size / known.last.size, known.last.size / find.size)
    likeness = float((known.look * look).sum())
    if distance > REACH + REACH_LOST * known.lost or change > SIZE_CHANGE:
        return IMPOSSIBLE
    if likeness < LEAST_LIKENESS and (known.lost or distance > HARDLY):
        return IMPOSSIBLE
    return distance + 2 * (1 - likeness)


def distinct(finds: list[Face]) -> list[Face]:
    """Faces at different places: of several in one, the first."""
    kept: list[Face] = []
    for face in finds:
        if all(np.linalg.norm(face.centre - other.centre) > SAME_PLACE * other.size for other in kept):
            kept.append(face)
    return kept


def look_of(bgr: np.ndarray, face: Face) -> np.ndarray:
    """A small aligned picture (42, 32, 3) of the face, of mean 0 and norm 1."""
    shrink = np.diag((LOOK_SCALE, LOOK_SCALE, 1.0))
    matrix = (shrink @ align_frame(face.mesh[MESH_TO_IBUG]))[:2]
    size = (round(CROP_WIDTH * LOOK_SCALE), round(CROP_HEIGHT * LOOK_SCALE))
    return normalised(cv2.warpAffine(bgr, matrix, size, borderMode=cv2.BORDER_REPLICATE).astype(np.float32))


def normalised(look: np.ndarray) -> np.ndarray:
    look = look - look.mean((0, 1))
    return look / max(float(np.linalg.norm(look)), 1e-6)
