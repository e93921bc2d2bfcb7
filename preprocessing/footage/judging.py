"""Who speaks and whether sound and lips are in step, as a SyncNet judges it (evaluation/judges.py)."""

from collections import deque

import numpy as np
import torch

from evaluation.judges import SyncJudge
from evaluation.windows import Seen, WindowEmbedder, hear_all, offset_distances
from face.alignment import align_frame, at_scale, scale_of
from preprocessing.footage.turns import Turn

STEADY_FRAMES = 50  # over which the crop's scale is steadied: a face that comes nearer is followed


class Watcher:
    """Watches one face through a passage. Holds the pictures of a batch, and of the frames before only embeddings."""

    def __init__(self, judge: SyncJudge):
        self.judge = judge
        self.embedder = WindowEmbedder(judge)
        self.scales: deque[float] = deque(maxlen=STEADY_FRAMES)
        self.number = -1
        self.parts: list[Seen] = []

    def add(self, frame: np.ndarray, landmarks: np.ndarray | None) -> None:
        """The passage's next frame (H, W, 3) BGR and the face's landmarks (68, 2), None where it is not seen."""
        self.number += 1
        if landmarks is None:
            return
        fit = align_frame(landmarks)
        self.scales.append(float(scale_of(fit)))
        video_to_crop = at_scale(fit, float(np.median(self.scales)))
        self.parts += self.embedder.add(self.number, self.judge.picture(frame, landmarks, video_to_crop))

    def finish(self) -> Seen:
        """Embeddings of all windows of five frames in a row with the face."""
        self.parts += self.embedder.finish()
        if not self.parts:
            return Seen(np.empty(0, int), torch.empty(0))
        numbers, embeddings = ([getattr(part, name) for part in self.parts] for name in ("numbers", "embeddings"))
        return Seen(np.concatenate(numbers), torch.cat(embeddings))


def distances(judge: SyncJudge, seen: Seen, wave: np.ndarray) -> np.ndarray:
    """(W, 31): of every window to the sound `wave` (N,) of the passage, by the sound's offset in frames.

    NaN where the sound's window is beyond the passage.
    """
    return offset_distances(judge, seen, hear_all(judge, wave))


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
