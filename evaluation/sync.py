"""LSE-D, LSE-C and the best offset: whether mouth and sound belong together, as a SyncNet judges it.

A judge turns five consecutive mouths and the sound at some time into a distance. For every offset from -15 to 15
frames the distances are averaged over the video; LSE-D is the least of the 31 means, LSE-C the median less the least
(Prajwal et al., ACM MM 2020, arXiv 2008.10010, after Chung and Zisserman, ACCV 2016 workshops).
"""

from collections.abc import Iterator

import numpy as np

from config.constants import FPS, MAX_OFFSET, WINDOW_FRAMES
from config.errors import InputError
from evaluation.confidence import NUM_OFFSETS
from evaluation.judges import SyncJudge
from evaluation.pairs import Pair
from evaluation.windows import Seen, WindowEmbedder, hear_all, offset_distances
from face.alignment import transform
from media.audio import read_audio
from media.video import read_frames


def sync_scores(pair: Pair, judge: SyncJudge) -> tuple[dict[str, float], np.ndarray]:
    """lse_d, lse_c and sync_offset (frames by which the sound comes late), and the 31 mean distances."""
    curve = sync_distances(pair, judge)
    scores = {
        "lse_d": float(curve.min()),
        "lse_c": float(np.median(curve) - curve.min()),
        "sync_offset": float(curve.argmin() - MAX_OFFSET),
    }
    return scores, curve


def sync_distances(pair: Pair, judge: SyncJudge) -> np.ndarray:
    """Mean distance (31,) of the generated video's mouths to its own sound, by the sound's offset in frames.

    Sound windows beyond the ends of the recording are left out. Raises InputError without sound or with too few frames.
    """
    sounds = hear_all(judge, read_audio(pair.generated_path))
    if not len(sounds):
        raise InputError(
            f"{pair.generated_path}: has less than {WINDOW_FRAMES} frames of sound; score it without sync, by --metrics"
        )
    sums, counts = np.zeros(NUM_OFFSETS), np.zeros(NUM_OFFSETS)
    for seen in seen_windows(pair, judge):
        distances = offset_distances(judge, seen, sounds)
        sums += np.nansum(distances, 0)
        counts += np.isfinite(distances).sum(0)
    if not counts.all():
        raise InputError(
            f"{pair.generated_path}: too short for offsets of {MAX_OFFSET} frames; score it without sync, by --metrics"
        )
    return sums / counts


def seen_windows(pair: Pair, judge: SyncJudge) -> Iterator[Seen]:
    """All windows of the generated video, a batch at a time. Window k begins at k / 25 s."""
    embedder = WindowEmbedder(judge)
    for number, picture in pictures_at_25_fps(pair, judge):
        yield from embedder.add(number, picture)
    yield from embedder.finish()


def pictures_at_25_fps(pair: Pair, judge: SyncJudge) -> Iterator[tuple[int, np.ndarray]]:
    """Number k and picture of the frame nearest to k / 25 s, for every k whose frame shows a face."""
    position = {number: i for i, number in enumerate(pair.frames.tolist())}
    ticks: dict[int, list[int]] = {}
    for k in range(int((pair.frames[-1] + 1) * FPS / pair.fps)):
        ticks.setdefault(round(k * pair.fps / FPS), []).append(k)
    for number, frame in enumerate(read_frames(pair.generated_path, stop=int(pair.frames[-1]) + 1)):
        if number in position and number in ticks:
            i = position[number]
            landmarks = transform(pair.generated[i], np.linalg.inv(pair.matrices[i]))
            picture = judge.picture(frame, landmarks, pair.matrices[i])
            yield from ((k, picture) for k in ticks[number])
