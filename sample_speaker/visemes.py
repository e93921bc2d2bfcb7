"""From phonemes to the motion of the mouth: a target shape per phoneme, and smooth ways between them."""

from dataclasses import astuple, dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter1d

from sample_speaker.speech import Phoneme
from sample_speaker.talking_face import MouthShape

CURVE_RATE = 500  # samples a second of the curves before they are read at the frames' times
SMOOTHING = 0.018  # seconds, standard deviation: muscles do not jerk
CLOSING_TIME = 0.075  # seconds from open to closed lips, and back
REST = MouthShape()
CLOSED = MouthShape(width=0.97, jaw=0.4, pucker=0.1)


@dataclass(frozen=True)
class Target:
    """The shape that a phoneme aims at, and how far it gets there against its neighbours: 1 all the way."""

    shape: MouthShape
    weight: float


def vowel(opening: float, width: float, jaw: float, pucker: float = 0.0) -> Target:
    return Target(MouthShape(opening, width, jaw, pucker, 0.28 - 0.13 * pucker), 1.0)


def consonant(opening: float, width: float, jaw: float, pucker: float = 0.0, tongue: float = 0.0) -> Target:
    return Target(MouthShape(opening, width, jaw, pucker, 0.38 - 0.2 * pucker, 0.0, tongue), 0.65)


LIPS_CLOSED = Target(CLOSED, 1.0)
LIP_ON_TEETH = Target(MouthShape(2.7, 1.0, 0.5, 0.0, 0.85, 1.8), 1.0)
SPREAD = vowel(4.3, 1.14, 1.4)
ROUND = Target(MouthShape(2.8, 0.7, 0.9, 1.0, 0.15), 1.0)
TONGUE_UP = consonant(3.2, 1.0, 1.2, tongue=0.8)
HISS = consonant(2.6, 1.06, 0.3)
HUSH = consonant(3.4, 0.82, 0.6, 0.6)
FREE = Target(MouthShape(4.0, 1.0, 2.0), 0.25)  # made at the back: the lips are where their neighbours want them

# First fitting entry wins, longer names before shorter ones. Rows: closed, teeth on lip, round, spread, open, tongue.
TARGETS: dict[str, Target] = {
    "tʃ": HUSH, "dʒ": HUSH, "ʃ": HUSH, "ʒ": HUSH, "ɕ": HUSH, "ʑ": HUSH, "ʂ": HUSH, "ʐ": HUSH,
    "p": LIPS_CLOSED, "b": LIPS_CLOSED, "m": LIPS_CLOSED, "f": LIP_ON_TEETH, "v": LIP_ON_TEETH, "ɱ": LIP_ON_TEETH,
    "u": ROUND, "w": ROUND, "y": ROUND, "ʍ": ROUND, "ɥ": ROUND, "ʉ": ROUND,
    "ʊ": vowel(3.6, 0.78, 1.8, 0.7), "o": vowel(5.4, 0.78, 3.4, 0.7), "ɔ": vowel(6.8, 0.84, 4.6, 0.45),
    "ø": vowel(4.2, 0.8, 2.2, 0.7), "œ": vowel(5.6, 0.85, 3.4, 0.5), "ɹ": consonant(3.4, 0.84, 1.4, 0.5),
    "ɻ": consonant(3.4, 0.84, 1.4, 0.5), "i": SPREAD, "ɪ": vowel(4.2, 1.06, 2.0), "e": vowel(5.0, 1.09, 2.6),
    "ɛ": vowel(6.0, 1.05, 3.4), "æ": vowel(7.4, 1.05, 4.6), "a": vowel(8.2, 0.98, 5.6), "ɑ": vowel(8.5, 0.94, 6.0),
    "ɒ": vowel(7.6, 0.86, 5.4, 0.35), "ʌ": vowel(6.0, 0.97, 3.8), "ɐ": vowel(5.5, 0.98, 3.4),
    "ɜ": vowel(4.6, 0.9, 2.6, 0.3), "ɚ": vowel(4.0, 0.9, 2.0, 0.35), "ɝ": vowel(4.6, 0.88, 2.6, 0.35),
    "ə": Target(MouthShape(4.2, 1.0, 2.2), 0.6), "ɨ": vowel(3.8, 1.04, 1.6), "ᵻ": vowel(3.8, 1.03, 1.6),
    "s": HISS, "z": HISS, "t": TONGUE_UP, "d": TONGUE_UP, "n": TONGUE_UP, "ɾ": TONGUE_UP, "r": TONGUE_UP,
    "θ": consonant(3.4, 1.02, 1.2, tongue=1.0), "ð": consonant(3.4, 1.02, 1.2, tongue=1.0),
    "l": consonant(4.4, 1.0, 2.2, tongue=1.0), "ɬ": consonant(4.4, 1.0, 2.2, tongue=1.0),
    "j": consonant(3.4, 1.1, 1.0), "k": FREE, "ɡ": FREE, "g": FREE, "ŋ": FREE, "h": FREE, "x": FREE, "ɣ": FREE,
}  # fmt: skip


def targets_of(name: str) -> list[Target]:
    """The targets that one phoneme passes through: two for diphthongs, none for a pause. Other signs are skipped."""
    found = []
    while name:
        symbol = next((symbol for symbol in TARGETS if name.startswith(symbol)), None)
        if symbol:
            found.append(TARGETS[symbol])
        name = name[len(symbol or "x") :]
    return found


def mouth_shapes(phonemes: list[Phoneme], times: np.ndarray, emphasis: float = 1.0) -> list[MouthShape]:
    """The shape of the mouth at each of `times` (seconds, rising). `emphasis` scales opening and jaw.

    During every phoneme made by closed lips the opening is 0, whatever stands beside it.
    """
    key_times, keys = key_shapes(phonemes)
    clock = np.arange(0, max(times[-1], key_times[-1]) + 0.1, 1 / CURVE_RATE)
    curves = PchipInterpolator(key_times, keys, extrapolate=False)(np.clip(clock, key_times[0], key_times[-1]))
    curves = gaussian_filter1d(curves, SMOOTHING * CURVE_RATE, axis=0, mode="nearest")
    curves[:, [0, 2]] *= emphasis
    curves[:, 0] *= lips_apart(phonemes, clock)
    at = np.stack([np.interp(times, clock, curve) for curve in curves.T], 1)
    return [MouthShape(*map(float, row)) for row in at]


def key_shapes(phonemes: list[Phoneme]) -> tuple[np.ndarray, np.ndarray]:
    """Times (K,) and shapes (K, 7) that the mouth passes through, weak targets drawn towards their neighbours."""
    times, targets = [], []
    for start, end, name in phonemes:
        passed = targets_of(name) or [Target(REST, 1.0)]
        if len(passed) == 1 and passed[0].weight == 1 and end - start > 0.06:
            passed = passed * 2  # held: reached early, left late
        for index, target in enumerate(passed):
            times.append(start + (end - start) * (index + 0.6) / (len(passed) + 0.2))
            targets.append(target)
    shapes = np.array([astuple(target.shape) for target in targets])
    weights = np.array([target.weight for target in targets])[:, None]
    around = np.pad(shapes, ((1, 1), (0, 0)), mode="edge")
    neighbours = (around[:-2] + around[2:]) / 2
    return np.array(times), weights * shapes + (1 - weights) * neighbours


def lips_apart(phonemes: list[Phoneme], clock: np.ndarray) -> np.ndarray:
    """0 while the lips are pressed together for p, b and m, 1 away from them, and an eased way between."""
    apart = np.ones_like(clock)
    for start, end, name in phonemes:
        if LIPS_CLOSED in targets_of(name):
            beyond = np.maximum(start - clock, clock - end)
            step = np.clip(beyond / CLOSING_TIME, 0, 1)
            apart = np.minimum(apart, step * step * (3 - 2 * step))
    return apart
