"""The public SyncNet (Chung and Zisserman, ACCV 2016 workshops), whose weights are the file syncnet_v2.model.

LSE-C and LSE-D of papers are measured with it. Names and shapes are those of the public state dict. Its faces come
from another detector (S3FD) there, so figures are near, not equal to, those of the public scripts.
"""

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from audio.mfcc import mfcc
from evaluation.confidence import depth
from media.audio import to_pcm16
from models.loading import check_state, tensors_of

SIZE = 224  # side of the face pictures
STEPS_A_FRAME, SOUND_STEPS, CEPSTRA = 4, 20, 13  # MFCC rows: 100 a second, 0.2 s in a window
FOREHEAD = 0.15  # of the landmarks' height, which a face detector's box has above the brows
MARGIN = 0.4  # of half the box, that the public pipeline adds on the sides, and twice below
BATCH = 64


def conv2d(inputs: int, outputs: int, kernel: int | tuple[int, int] = 3, padding: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, kernel, padding=padding), nn.BatchNorm2d(outputs), nn.ReLU()]


def conv3d(inputs: int, outputs: int, kernel: tuple[int, ...], stride: int = 1, padding: int = 0) -> list[nn.Module]:
    conv = nn.Conv3d(inputs, outputs, kernel, (1, stride, stride), (0, padding, padding))
    return [conv, nn.BatchNorm3d(outputs), nn.ReLU()]


def embedding() -> nn.Sequential:
    return nn.Sequential(nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, 1024))


class PublicSyncNet(nn.Module):
    """`hear` sound (B, 1, 13, 20) and `see` faces (B, 3, 5, 224, 224), BGR in [0, 255], as (B, 1024)."""

    def __init__(self):
        super().__init__()
        self.netcnnaud = nn.Sequential(
            *conv2d(1, 64),
            nn.MaxPool2d(1, 1),
            *conv2d(64, 192),
            nn.MaxPool2d(3, (1, 2)),
            *conv2d(192, 384),
            *conv2d(384, 256),
            *conv2d(256, 256),
            nn.MaxPool2d(3, 2),
            *conv2d(256, 512, (5, 4), 0),
        )
        self.netfcaud = embedding()
        pool = {"kernel_size": (1, 3, 3), "stride": (1, 2, 2)}
        self.netcnnlip = nn.Sequential(
            *conv3d(3, 96, (5, 7, 7), stride=2),
            nn.MaxPool3d(**pool),
            *conv3d(96, 256, (1, 5, 5), stride=2, padding=1),
            nn.MaxPool3d(**pool, padding=(0, 1, 1)),
            *conv3d(256, 256, (1, 3, 3), padding=1),
            *conv3d(256, 256, (1, 3, 3), padding=1),
            *conv3d(256, 256, (1, 3, 3), padding=1),
            nn.MaxPool3d(**pool),
            *conv3d(256, 512, (1, 6, 6)),
        )
        self.netfclip = embedding()

    def hear(self, sound: Tensor) -> Tensor:
        return self.netfcaud(self.netcnnaud(sound).flatten(1))

    def see(self, faces: Tensor) -> Tensor:
        return self.netfclip(self.netcnnlip(faces).flatten(1))


def is_public_syncnet(content: object) -> bool:
    return isinstance(content, dict) and "netcnnlip.0.weight" in content


class PublicJudge:
    """A SyncJudge (evaluation/judges.py) whose distance is that of the two embeddings, as published.

    So is its confidence, and 3 the least that public pipelines keep.
    """

    least_confidence = 3.0

    def __init__(self, state: dict, path: str):
        """`state`: what the file at `path` holds. Raises InputError unless it is that network's weights."""
        where = f"--syncnet {path}"
        state = tensors_of({"syncnet_v2": state}, "syncnet_v2", where)
        self.network = PublicSyncNet().eval()
        check_state(self.network.state_dict(), state, "syncnet_v2", where)
        self.network.load_state_dict(state)

    def picture(self, frame: np.ndarray, landmarks: np.ndarray, video_to_crop: np.ndarray) -> np.ndarray:
        """The face as the public pipeline cuts it: a square of 1.4 box sizes, lower than the box's centre."""
        low, high = landmarks.min(0), landmarks.max(0)
        low = low - [0, FOREHEAD * (high[1] - low[1])]
        half = (high - low).max() / 2
        centre = (low + high) / 2 + [0, MARGIN * half]
        scale = SIZE / (2 * half * (1 + MARGIN))
        matrix = np.array([[scale, 0, SIZE / 2 - scale * centre[0]], [0, scale, SIZE / 2 - scale * centre[1]]])
        flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        return cv2.warpAffine(frame, matrix, (SIZE, SIZE), flags=flags, borderValue=(110, 110, 110))

    def see(self, windows: np.ndarray) -> Tensor:
        return self.network.see(torch.from_numpy(windows).permute(0, 4, 1, 2, 3).float())

    def hear(self, wave: np.ndarray, windows: np.ndarray) -> Tensor:
        rows = mfcc(to_pcm16(wave))[:, :CEPSTRA]
        needed = int(windows.max()) * STEPS_A_FRAME + SOUND_STEPS
        rows = np.pad(rows, ((0, max(0, needed - len(rows))), (0, 0)), mode="edge").astype(np.float32)
        views = np.lib.stride_tricks.sliding_window_view(rows, SOUND_STEPS, axis=0)[windows * STEPS_A_FRAME]
        sounds = torch.from_numpy(views.copy())[:, None]  # (N, 1, 13, 20)
        return torch.cat([self.network.hear(part) for part in sounds.split(BATCH)])

    def distance(self, images: Tensor, sounds: Tensor) -> Tensor:
        return F.pairwise_distance(images, sounds)

    def confidence(self, distances: np.ndarray) -> float:
        return depth(distances)
