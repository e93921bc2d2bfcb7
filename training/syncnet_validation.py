"""Held-out accuracy of a SyncNet: does it find the offset between mouths and sound."""

import numpy as np
import torch
from torch import Tensor

from config.constants import CLIP_FRAMES, MAX_OFFSET, WINDOW_FRAMES
from dataset.images import video_crops
from dataset.samples import CONTEXT
from dataset.video import Video
from face.geometry import mouth_box
from models.device import autocast
from models.frames import fold_frames, to_unit
from models.syncnet import SyncNet

BLOCK = 25  # consecutive windows whose scores are averaged: 1 s
MAX_BLOCKS = 16  # per validation, evenly spread over the held-out videos


@torch.no_grad()
def offset_scores(
    syncnet: SyncNet,
    videos: list[Video],
    mouth_size: int,
    device: torch.device,
    precision: str,
) -> list[Tensor]:
    """Mean scores of blocks of consecutive held-out windows at every offset, each (up to BLOCK, 31), on the CPU.

    Column MAX_OFFSET is the true offset; column MAX_OFFSET + k pairs a mouth with audio k frames later. Windows closer
    than MAX_OFFSET to an end of the audio are left out.
    """
    blocks = [(video, group) for video in videos for group in window_blocks(video)]
    chosen = np.unique(np.linspace(0, len(blocks) - 1, min(MAX_BLOCKS, len(blocks))).astype(int))
    with autocast(device, precision):
        return [score_windows(syncnet, *blocks[number], mouth_size, device) for number in chosen]


def window_blocks(video: Video) -> list[np.ndarray]:
    """The starts of the video's windows in groups of BLOCK; all of them in one group if there are fewer."""
    starts = video.windows(WINDOW_FRAMES, CONTEXT + MAX_OFFSET)
    whole = [starts[i : i + BLOCK] for i in range(0, len(starts) - BLOCK + 1, BLOCK)]
    return whole or ([starts] if len(starts) else [])


def score_windows(syncnet: SyncNet, video: Video, starts: np.ndarray, mouth_size: int, device: torch.device) -> Tensor:
    """(len(starts), 31) scores of the windows at `starts`."""
    box_rows, box_columns = mouth_box(mouth_size)
    mouths, audio = [], []
    for start in starts:
        crops = video_crops(video, range(start, start + WINDOW_FRAMES), mouth_size)
        mouths.append(torch.from_numpy(crops[:, box_rows, box_columns]))
        first = int(video.frame_numbers[start]) - CONTEXT - MAX_OFFSET
        steps = torch.from_numpy(video.audio(first, CLIP_FRAMES + 2 * MAX_OFFSET))  # (C, 9 + 30)
        audio.append(steps.unfold(1, CLIP_FRAMES, 1).transpose(0, 1))  # (31, C, 9)
    images = syncnet.face_encoder(fold_frames(to_unit(torch.stack(mouths).to(device))))
    sounds = syncnet.audio_encoder(torch.stack(audio).flatten(0, 1).to(device))
    offsets = 2 * MAX_OFFSET + 1
    scores = syncnet.score(images.repeat_interleave(offsets, 0), sounds).float().mean((1, 2, 3))
    return scores.view(len(starts), offsets).cpu()


def offset_accuracy(blocks: list[Tensor]) -> dict[str, float]:
    """Shares of single windows and of 1 s averages whose best offset is the true one, exactly and within a frame.

    Chance is 0.03 and 0.10. {} where nothing was scored.
    """
    if not blocks:
        return {}
    single = torch.cat(blocks)
    values = hit_rates(single, "offset")
    seconds = [block.mean(0) for block in blocks if len(block) == BLOCK]
    if seconds:
        values |= hit_rates(torch.stack(seconds), "offset_1s")
    others = torch.cat((single[:, :MAX_OFFSET], single[:, MAX_OFFSET + 1 :]), 1)
    values |= {"val/score_in_sync": single[:, MAX_OFFSET].mean().item(), "val/score_out_of_sync": others.mean().item()}
    return values


def hit_rates(scores: Tensor, name: str) -> dict[str, float]:
    error = (scores.argmax(1) - MAX_OFFSET).abs().float()
    return {
        f"val/{name}_exact": (error == 0).float().mean().item(),
        f"val/{name}_within_1": (error <= 1).float().mean().item(),
    }
