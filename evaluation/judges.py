"""SyncNets as judges of whether mouth and sound belong together: the project's own and the public one."""

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from audio.features import get_audio_feature, sample_feature
from config.constants import CLIP_FRAMES, FPS, WINDOW_FRAMES
from config.errors import InputError
from evaluation.confidence import standard_depth
from evaluation.syncnet_v2 import PublicJudge, is_public_syncnet
from face.alignment import network_crop
from face.geometry import mouth_box
from models.device import autocast
from models.frames import fold_frames, to_unit
from models.loading import LoadedNetwork, load_syncnet, read_weights

BATCH = 32
CPU = torch.device("cpu")


class SyncJudge(Protocol):
    """What every SyncNet offers. Window k shows frames k .. k + 4 of a 25 fps video.

    least_confidence: the confidence from which the offset of a clip can be trusted.
    """

    least_confidence: float

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

    def confidence(self, distances: np.ndarray) -> float:
        """How sure a clip's best offset is, from its windows' distances (W, 31); see evaluation/confidence.py."""
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
    """SyncNet of models/syncnet.py. Its distance is 1 - score: about 0 in sync and 1 out of sync.

    Its least confidence is above that of 99 % of clips of 2 to 8 s with other speech, by two checkpoints on held-out
    videos of the sample speaker: benchmarks/sync_confidence.py measures it for any.
    """

    least_confidence = 2.1

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

    def confidence(self, distances: np.ndarray) -> float:
        return standard_depth(distances)
