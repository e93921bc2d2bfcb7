"""Things before a mouth, drawn: a sheet, a microphone, a cup, a hand, a fist."""

import cv2
import numpy as np

THINGS = ("sheet", "microphone", "cup", "hand", "fist")


def skin_of(frame: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """BGR of the cheeks beside the nose."""
    places = np.stack([0.4 * landmarks[2] + 0.6 * landmarks[31], 0.4 * landmarks[14] + 0.6 * landmarks[35]])
    return frame[places[:, 1].astype(int), places[:, 0].astype(int)].mean(0)


def thing(kind: str, width: float, skin: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Picture (h, w, 3) float32 and coverage (h, w), 0 to 1, for a mouth that is `width` pixels wide."""
    sides = {"sheet": (1.1, 1.9), "microphone": (1.4, 1.4), "cup": (1.6, 1.3), "hand": (1.7, 1.8), "fist": (1.7, 1.8)}
    height, across = (round(side * width) for side in sides[kind])
    y, x = np.mgrid[:height, :across].astype(np.float32)
    v, u = y / height - 0.5, x / across - 0.5
    radius = np.hypot(u, v) * 2
    covers = np.ones((height, across), bool)
    colour, shade = rng.uniform(20, 240, 3), np.ones((height, across), np.float32)
    if kind == "microphone":
        colour, covers, shade = np.full(3, rng.uniform(25, 70)), radius < 1, 1.5 - 0.7 * radius
    elif kind == "cup":
        covers, shade = np.abs(u) < 0.5 - 0.12 * (v + 0.5), 1 - 1.4 * (u + 0.1) ** 2
    elif kind == "hand":
        colour, finger = skin * rng.uniform(0.8, 1.1), (y / height * 4) % 1 - 0.5
        covers, shade = np.abs(u) < 0.5 - 0.3 * finger**2, 1.05 - 1.6 * finger**2
    elif kind == "fist":
        colour, covers, shade = skin * rng.uniform(0.8, 1.1), radius < 1, 1.08 - 0.35 * radius**2
        shade = shade * (1 - 0.3 * (np.abs(u * 5 % 1 - 0.5) < 0.04) * (v < 0))
    grain = cv2.GaussianBlur(rng.normal(0, 1, (height, across)).astype(np.float32), (0, 0), max(1, width / 30))
    picture = colour * shade[..., None] + 4 * (grain / grain.std())[..., None]
    return np.clip(picture, 0, 255).astype(np.float32), cv2.GaussianBlur(covers.astype(np.float32), (0, 0), 0.7)


def put_before(frame: np.ndarray, drawn: tuple[np.ndarray, np.ndarray], centre: np.ndarray) -> np.ndarray:
    """The frame with a thing whose middle is at `centre`, video pixels."""
    picture, covers = drawn
    move = np.float32([[1, 0, 0], [0, 1, 0]])
    move[:, 2] = np.round(centre - np.array(covers.shape[::-1]) / 2)
    size = frame.shape[1::-1]
    covers = cv2.warpAffine(covers, move, size)[..., None]
    return (frame + (cv2.warpAffine(picture, move, size) - frame) * covers).astype(np.uint8)
