"""Who speaks and whether sound and lips are in step, as a SyncNet judges it (evaluation/judges.py)."""

from collections import deque

import numpy as np
import torch

from config.constants import FPS, MAX_OFFSET, WINDOW_FRAMES
from evaluation.judges import SyncJudge
from evaluation.syncnet_v2 import PublicJudge
from evaluation.windows import NUM_OFFSETS, Seen, WindowEmbedder, hear_all, offset_distances
from face.alignment import align_frame, at_scale, scale_of
from preprocessing.footage.turns import NO_FACE, Turn, cut_turns

STEADY_FRAMES = 50  # over which the crop's scale is steadied: a face that comes nearer is followed
PEAK = 3  # frames around the best offset whose distances do not show what sounds out of step have
PUBLISHED_CONFIDENCE = 3.0  # of syncnet_v2, below which public pipelines leave clips out
LEAST_CONFIDENCE = 2.0  # of the project's own SyncNets: benchmarks/sync_confidence.py
ANOTHER_SPEAKS = "another face speaks"
VOICE_OVER = "voice-over: no face goes with the sound"

# How much nearer than other sounds a face's own is, in spreads of a window's distances: the judge's skill on this face.
SKILLS = np.array([0.4, 0.8, 1.6, 3.2])
OVERLAP = 4.0  # frames per independent window: the variance of a sum over theirs, measured with the sample speaker
CHANGE = 8.0  # nats that a change of speaker costs: two seconds of a face at a skill of 1.6 are believed, less are not


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

    NaN where the sound's window is beyond the passage, and in all of a row whose window of frames is.
    """
    sounds = hear_all(judge, wave)
    result = offset_distances(judge, seen, sounds)
    result[seen.numbers >= len(sounds)] = np.nan
    return result


def offset_and_confidence(judge: SyncJudge, distances: np.ndarray) -> tuple[int, float]:
    """Frames by which the sound comes late, and how sure that is, from distances (W, 31) of one clip's windows.

    The offset is the one of the least mean distance. The confidence is how far that is below the median of the 31
    means: for syncnet_v2 as published, in its distance; for the project's own SyncNets, whose distances have no scale
    of their own, in spreads of a single window's distances out of step, times the root of the seconds, as the spread
    of a mean falls with them. That has one distribution for clips out of step whatever their length and the judge.
    0, 0.0 without windows.
    """
    relative = relative_distances(distances)
    counts = np.isfinite(relative).sum(0)
    if not counts.any():
        return 0, 0.0
    means = np.where(counts > 0, np.nansum(relative, 0) / np.maximum(counts, 1), np.inf)
    best = int(means.argmin())
    depth = float(np.median(means[counts > 0]) - means[best])
    if isinstance(judge, PublicJudge):
        return best - MAX_OFFSET, depth
    others = relative[:, abs(np.arange(NUM_OFFSETS) - best) > PEAK]
    spread = np.sqrt(np.nanmean(others**2)) if np.isfinite(others).any() else np.inf
    seconds = np.isfinite(relative).any(1).sum() / FPS
    return best - MAX_OFFSET, depth / max(float(spread), 1e-9) * float(np.sqrt(seconds))


def least_confidence(judge: SyncJudge) -> float:
    """The confidence from which a clip's offset can be trusted."""
    return PUBLISHED_CONFIDENCE if isinstance(judge, PublicJudge) else LEAST_CONFIDENCE


def relative_distances(distances: np.ndarray) -> np.ndarray:
    """(W, 31) less every window's own mean, so that a window that fits no sound, or every sound, says nothing."""
    known = np.isfinite(distances)
    means = np.where(known, distances, 0).sum(1) / np.maximum(known.sum(1), 1)
    return distances - means[:, None]


def speaking_faces(seen: list[Seen], distances: list[np.ndarray], speech: np.ndarray) -> list[list[Turn]]:
    """The turns of every face of a passage of T frames, from what `Watcher` and `distances` gave; speech (T,) bool.

    Frames are those of the picture. The sound may come late or early by the same for all faces; what fits best is
    found together with who speaks: at most one face at a time, and none in a voice-over.
    """
    count = len(speech)
    closeness = [by_frame(each.numbers, table, count) for each, table in zip(seen, distances, strict=True)]
    heard = np.stack([shifted(speech, column - MAX_OFFSET) for column in range(NUM_OFFSETS)], 1)  # (T, 31)
    gains = np.zeros((len(seen) + 1, count, NUM_OFFSETS))  # in nats; the first is nobody's
    for gain, near in zip(gains[1:], closeness, strict=True):
        gain[:] = best_gain(np.where(heard & np.isfinite(near), near, 0))
    path, column = best_path(gains)
    found = [np.isfinite(near).any(1) for near in closeness]
    spoken = heard[:, column]
    turns = []
    for number in range(1, len(gains)):
        because = np.full(count, "", object)
        because[spoken & (path != number)] = ANOTHER_SPEAKS
        because[spoken & (path == 0)] = VOICE_OVER
        turns.append(cut_turns(because, spoken))
    return turns
