"""LSE-D, LSE-C and the best offset: whether mouth and sound belong together, as a SyncNet judges it.

A judge turns five consecutive mouths and the sound at some time into a distance. For every offset from -15 to 15
frames the distances are averaged over the video; LSE-D is the least of the 31 means, LSE-C the median less the least
(Prajwal et al., ACM MM 2020, arXiv 2008.10010, after Chung and Zisserman, ACCV 2016 workshops).
"""

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from audio.features import get_audio_feature, sample_feature
from config.constants import CLIP_FRAMES, FPS, MAX_OFFSET, SAMPLE_RATE, WINDOW_FRAMES
from config.errors import InputError
from evaluation.pairs import Pair
from evaluation.syncnet_v2 import PublicJudge, is_public_syncnet
from face.alignment import network_crop, transform
from face.geometry import mouth_box
from media.audio import read_audio
from media.video import read_frames
from models.device import autocast
from models.frames import fold_frames, to_unit
from models.loading import LoadedNetwork, load_syncnet, read_weights

BATCH = 32
CPU = torch.device("cpu")


class SyncJudge(Protocol):
    """What every SyncNet offers. Window k shows frames k .. k + 4 of a 25 fps video."""

    def picture(self, frame: np.ndarray, landmarks: np.ndarray, video_to_crop: np.ndarray) -> np.ndarray:
        """What the network sees of a frame (H, W, 3) BGR: uint8 (h, w, 3)."""
        ...

    def see(self, windows: np.ndarray) -> Tensor:
        """Embeddings (B, ...) of windows of pictures (B, 5, h, w, 3)."""
        ...

    def hear(self, wave: np.ndarray, windows: np.ndarray) -> Tensor:
        """Embeddings (N, ...) of the sound of windows (N,), numbers of their first frames."""
        ...

    def distance(self, images: Tensor, sounds: Tensor) -> Tensor:
        """(B,) distances of images (B, ...) and sounds (B, ...)."""
        ...


def load_judge(path: str, deepspeech_model_path: str) -> SyncJudge:
    """A SyncNet of this project, one published with DINet, or the public syncnet_v2.model, by what the file holds."""
    content = read_weights(path, "--syncnet")
    if is_public_syncnet(content):
        return PublicJudge(content, path)
    syncnet = load_syncnet(path, "--syncnet")
    if syncnet.spec.crop != "aligned":
        raise InputError(f"--syncnet {path}: was trained on unaligned crops, which evaluate.py does not cut")
    return ProjectJudge(syncnet, deepspeech_model_path)


class ProjectJudge:
    """SyncNet of models/syncnet.py. Its distance is 1 - score: about 0 in sync and 1 out of sync."""

    def __init__(self, syncnet: LoadedNetwork, deepspeech_model_path: str):
        self.network, self.size = syncnet.network, syncnet.spec.mouth_size
        self.feature = get_audio_feature(syncnet.spec.audio_feature, deepspeech_model_path)

    def picture(self, frame: np.ndarray, landmarks: np.ndarray, video_to_crop: np.ndarray) -> np.ndarray:
        rows, columns = mouth_box(self.size)
        return network_crop(frame, video_to_crop, self.size)[rows, columns, ::-1]

    def see(self, windows: np.ndarray) -> Tensor:
        images = torch.from_numpy(np.ascontiguousarray(windows))
        with autocast(CPU, "auto"):
            return self.network.face_encoder(fold_frames(to_unit(images)))

    def hear(self, wave: np.ndarray, windows: np.ndarray) -> Tensor:
        steps = np.arange(CLIP_FRAMES) - (CLIP_FRAMES - WINDOW_FRAMES) // 2
        rows = sample_feature(self.feature.compute(wave), self.feature.rate, (windows[:, None] + steps) / FPS)
        audio = torch.from_numpy(rows.astype(np.float32)).transpose(1, 2)
        with autocast(CPU, "auto"):
            return torch.cat([self.network.audio_encoder(part) for part in audio.split(BATCH)])

    def distance(self, images: Tensor, sounds: Tensor) -> Tensor:
        with autocast(CPU, "auto"):
            scores = self.network.score(images, sounds)
        return 1 - scores.float().mean((1, 2, 3))


def sync_scores(pair: Pair, judge: SyncJudge) -> tuple[dict[str, float], np.ndarray]:
    """lse_d, lse_c and sync_offset (frames by which the sound comes late), and the 31 mean distances."""
    curve = sync_distances(pair, judge)
    scores = {
        "lse_d": float(curve.min()),
        "lse_c": float(np.median(curve) - curve.min()),
        "sync_offset": float(curve.argmin() - MAX_OFFSET),
    }
    return scores, curve


@torch.inference_mode()
def sync_distances(pair: Pair, judge: SyncJudge) -> np.ndarray:
    """Mean distance (31,) of the generated video's mouths to its own sound, by the sound's offset in frames.

    Sound windows beyond the ends of the recording are left out. Raises InputError without sound or with too few frames.
    """
    wave = read_audio(pair.generated_path)
    num_windows = int(len(wave) / SAMPLE_RATE * FPS) - WINDOW_FRAMES + 1
    if num_windows < 1:
        raise InputError(
            f"{pair.generated_path}: has less than {WINDOW_FRAMES} frames of sound; score it without sync, by --metrics"
        )
    sounds = judge.hear(wave, np.arange(num_windows))
    sums, counts = np.zeros(2 * MAX_OFFSET + 1), np.zeros(2 * MAX_OFFSET + 1)
    for numbers, windows in batches(mouth_windows(pair, judge)):
        images = judge.see(windows)
        for column, offset in enumerate(range(-MAX_OFFSET, MAX_OFFSET + 1)):
            valid = (numbers + offset >= 0) & (numbers + offset < num_windows)
            if valid.any():
                kept = torch.from_numpy(np.flatnonzero(valid))
                heard = sounds[torch.from_numpy(numbers[valid] + offset)]
                sums[column] += float(judge.distance(images[kept], heard).sum())
                counts[column] += valid.sum()
    if not counts.all():
        raise InputError(
            f"{pair.generated_path}: too short for offsets of {MAX_OFFSET} frames; score it without sync, by --metrics"
        )
    return sums / counts


def mouth_windows(pair: Pair, judge: SyncJudge) -> Iterator[tuple[int, np.ndarray]]:
    """Number k and pictures (5, h, w, 3) of every window whose frames at k / 25 s and after all show a face."""
    recent: deque[tuple[int, np.ndarray]] = deque(maxlen=WINDOW_FRAMES)
    for number, picture in pictures_at_25_fps(pair, judge):
        recent.append((number, picture))
        first = recent[0][0]
        if len(recent) == WINDOW_FRAMES and number - first == WINDOW_FRAMES - 1:
            yield first, np.stack([picture for _, picture in recent])


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


def batches(windows: Iterator[tuple[int, np.ndarray]]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Numbers (B,) and windows (B, 5, h, w, 3), BATCH at a time."""
    while group := list(islice(windows, BATCH)):
        numbers, pictures = zip(*group, strict=True)
        yield np.array(numbers), np.stack(pictures)
