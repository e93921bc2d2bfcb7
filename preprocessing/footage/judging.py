"""Who speaks and whether sound and lips are in step, as a SyncNet judges it (evaluation/judges.py)."""

from collections import deque

import numpy as np
import torch

from config.constants import MAX_OFFSET, WINDOW_FRAMES
from evaluation.confidence import NUM_OFFSETS, mean_curve, relative_distances
from evaluation.judges import SyncJudge
from evaluation.windows import Seen, WindowEmbedder, hear_all, offset_distances
from face.alignment import align_frame, at_scale, scale_of
from face.smoothing import stretches
from preprocessing.footage.paths import best_path, path_scores
from preprocessing.footage.turns import ANOTHER_SPEAKS, NO_FACE, Turn, cut_turns

STEADY_FRAMES = 50  # over which the crop's scale is steadied: a face that comes nearer is followed
VOICE_OVER = "voice-over: no face goes with the sound"

# How much nearer than other sounds a face's own is, in spreads of a window's distances: the judge's skill on this face.
SKILLS = (0.8, 1.6, 3.2)
OVERLAP = 6.0  # frames per independent window; the variance of sums has 4 to 5, and their extremes are more frequent
CHANGE = 10.0  # nats that a change of speaker costs: at a skill of 1.6, two seconds of speech or of silence


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
    """Frames by which the sound comes late, and how sure that is, from distances (W, 31) of all of a clip's windows.

    The offset is the one of the least mean distance; what confidence it needs, judge.least_confidence says. 0 and 0.0
    where no window has a sound.
    """
    relative = relative_distances(distances)
    if not np.isfinite(relative).any():
        return 0, 0.0
    return int(mean_curve(relative).argmin()) - MAX_OFFSET, judge.confidence(relative)


def speaking_faces(seen: list[Seen], distances: list[np.ndarray], speech: np.ndarray) -> list[list[Turn]]:
    """The turns of every face of a passage of T frames, from what `Watcher` and `distances` gave; speech (T,) bool.

    Frames are those of the picture. The sound may come late or early by the same for all faces; what fits best is
    found together with who speaks: at most one face at a time, and none in a voice-over.
    """
    count = len(speech)
    offsets = np.array(sorted(range(-MAX_OFFSET, MAX_OFFSET + 1), key=abs))  # of equal ones the first is chosen
    heard = np.stack([shifted(speech, offset) for offset in offsets], 1)  # (T, 31)
    gains = [np.zeros(heard.shape)]  # nobody's
    for each, table in zip(seen, distances, strict=True):
        near = closeness(each.numbers, table, count)[:, offsets + MAX_OFFSET]
        gains.append(speaking_gain(np.where(heard, near, np.nan)))
    path, column = best_path(np.stack(gains), CHANGE)
    spoken = heard[:, column]
    turns = []
    for number, each in enumerate(seen, 1):
        because = np.full(count, "", object)
        because[spoken & (path != number)] = ANOTHER_SPEAKS
        because[spoken & (path == 0)] = VOICE_OVER
        because[~in_sight(each.numbers, count)] = NO_FACE
        turns.append(cut_turns(because, spoken))
    return turns


def closeness(numbers: np.ndarray, distances: np.ndarray, count: int) -> np.ndarray:
    """(T, 31) how much nearer each sound is than the others, in spreads, by the middle frame of the windows.

    NaN where nothing is known. Windows that reach beyond the passage of T frames are left out.
    """
    inside = numbers + WINDOW_FRAMES <= count
    numbers, distances = numbers[inside], distances[inside]
    relative = relative_distances(distances)
    spread = np.sqrt(np.nanmean(relative**2)) if np.isfinite(relative).any() else 1.0
    result = np.full((count, NUM_OFFSETS), np.nan)
    result[numbers + WINDOW_FRAMES // 2] = -relative / max(float(spread), 1e-9)
    return result


def in_sight(numbers: np.ndarray, count: int) -> np.ndarray:
    """(T,) bool: frames that windows show, and short gaps between them, over which the face is followed."""
    shown = numbers[:, None] + np.arange(WINDOW_FRAMES)
    seen, result = np.zeros(count, bool), np.zeros(count, bool)
    seen[shown[shown < count]] = True
    for start, stop in stretches(seen):
        result[start:stop] = True
    return result


def shifted(speech: np.ndarray, offset: int) -> np.ndarray:
    """(T,) bool: speech activity (T,) as the picture's frames have it, whose sound comes `offset` frames late."""
    index = np.arange(len(speech)) + offset
    return speech[index.clip(0, len(speech) - 1)] & (index >= 0) & (index < len(speech))


def speaking_gain(near: np.ndarray) -> np.ndarray:
    """(T, K) nats by which each frame speaks for the face rather than for nobody, 0 where `near` is NaN.

    By its own sound a face's closeness `near` (T, K) is normal around the judge's skill on this face, else around 0.
    The skill is chosen for every offset as what explains the whole passage best.
    """
    skills = np.array(SKILLS)[:, None, None]
    gains = np.nan_to_num((skills * near - skills**2 / 2) / OVERLAP)  # (skills, T, 31)
    columns = np.moveaxis(gains, 0, 1).reshape(len(near), -1)
    scores = path_scores(np.stack((np.zeros(columns.shape), columns)), CHANGE)
    best = scores.reshape(len(SKILLS), -1).argmax(0)
    return gains[best, :, np.arange(near.shape[1])].T
