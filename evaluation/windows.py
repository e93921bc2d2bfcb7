"""Windows of five frames in a row, embedded by a judge, and their distances to the sound at every offset."""

from collections import deque
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from config.constants import FPS, MAX_OFFSET, SAMPLE_RATE, WINDOW_FRAMES
from evaluation.confidence import NUM_OFFSETS
from evaluation.judges import BATCH, SyncJudge

PAIRS = 256  # windows and sounds that are compared at a time


@dataclass(frozen=True)
class Seen:
    """What a judge sees of a face: numbers (W,) of the windows' first frames, ascending, and embeddings (W, ...)."""

    numbers: np.ndarray
    embeddings: Tensor


class WindowEmbedder:
    """Embeds every window whose five frames all came, BATCH at a time. Holds the pictures of one batch."""

    def __init__(self, judge: SyncJudge):
        self.judge = judge
        self.recent: deque[tuple[int, np.ndarray]] = deque(maxlen=WINDOW_FRAMES)
        self.waiting: list[tuple[int, list[np.ndarray]]] = []  # number and pictures (h, w, 3) of windows

    def add(self, number: int, picture: np.ndarray) -> list[Seen]:
        """What became ready by the picture (h, w, 3) of frame `number`; numbers ascend, those left out have no face."""
        self.recent.append((number, picture))
        first = self.recent[0][0]
        if len(self.recent) == WINDOW_FRAMES and number - first == WINDOW_FRAMES - 1:
            self.waiting.append((first, [picture for _, picture in self.recent]))
        return self.finish() if len(self.waiting) == BATCH else []

    @torch.inference_mode()
    def finish(self) -> list[Seen]:
        """What is left after the last frame."""
        if not self.waiting:
            return []
        numbers, windows = zip(*self.waiting, strict=True)
        self.waiting = []
        return [Seen(np.array(numbers), self.judge.see(np.stack([np.stack(pictures) for pictures in windows])))]


@torch.inference_mode()
def hear_all(judge: SyncJudge, wave: np.ndarray) -> Tensor:
    """Embeddings (N, ...) of all windows of five frames in a sound (16 kHz); none where it is shorter."""
    num_windows = int(len(wave) / SAMPLE_RATE * FPS) - WINDOW_FRAMES + 1
    return judge.hear(wave, np.arange(num_windows)) if num_windows > 0 else torch.empty(0)


@torch.inference_mode()
def offset_distances(judge: SyncJudge, seen: Seen, sounds: Tensor) -> np.ndarray:
    """(W, 31) distances of windows to the sounds (N, ...) of all windows, by the sound's offset in frames.

    NaN where the sound's window is beyond the ends of the recording.
    """
    distances = np.full((len(seen.numbers), NUM_OFFSETS), np.nan)
    for column, offset in enumerate(range(-MAX_OFFSET, MAX_OFFSET + 1)):
        heard = seen.numbers + offset
        valid = torch.from_numpy(np.flatnonzero((heard >= 0) & (heard < len(sounds))))
        for rows in valid.split(PAIRS):
            distances[rows, column] = judge.distance(seen.embeddings[rows], sounds[torch.from_numpy(heard)[rows]])
    return distances
