"""Who speaks and whether sound and lips are in step, as a SyncNet judges it (evaluation/judges.py)."""

import numpy as np

from config.constants import MAX_OFFSET
from evaluation.judges import SyncJudge
from evaluation.windows import Seen
from preprocessing.footage.turns import Turn


class Watcher:
    """Watches one face through a passage. Holds the pictures of a batch, and of the frames before only embeddings."""

    def __init__(self, judge: SyncJudge):
        self.judge = judge

    def add(self, frame: np.ndarray, landmarks: np.ndarray | None) -> None:
        """The passage's next frame (H, W, 3) BGR and the face's landmarks (68, 2), None where it is not seen."""

    def finish(self) -> Seen:
        """Embeddings of all windows of five frames in a row with the face."""


def distances(judge: SyncJudge, seen: Seen, wave: np.ndarray) -> np.ndarray:
    """(W, 31): of every window to the sound `wave` (N,) of the passage, by the sound's offset in frames.

    NaN where the sound's window is beyond the passage.
    """
    return np.full((len(seen.numbers), 2 * MAX_OFFSET + 1), np.nan)


def offset_and_confidence(distances: np.ndarray) -> tuple[int, float]:
    """Frames by which the sound comes late, and how sure that is, from distances (W, 31) of one face's windows."""
    return 0, 0.0


def speaking_faces(
    seen: list[Seen], distances: list[np.ndarray], speech: np.ndarray, offset: int | None = None
) -> list[list[Turn]]:
    """The turns of every face of a passage, from what `Watcher` and `distances` gave; speech (T,) bool.

    `offset`: frames by which the sound of the file comes late, if it is known; else found from all faces together.
    """
    return [[] for _ in seen]
