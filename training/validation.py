"""Held-out measures of a stage: does SyncNet find the offset, does the generator draw the mouth."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from config.constants import CLIP_FRAMES, WINDOW_FRAMES
from dataset.images import cached_loader
from dataset.manifest import Video
from dataset.samples import CONTEXT, GeneratorSamples
from face.geometry import mouth_box
from models.syncnet import SyncNet
from training.parallel import autocast
from training.steps import GeneratorStep, fold_frames, to_unit

MAX_OFFSET = 15  # frames, either way
BLOCK = 25  # consecutive windows whose scores are averaged: 1 s
MAX_BLOCKS = 16  # per validation, evenly spread over the held-out videos
BATCH = 32
NUM_FRAMES = 48  # generated per validation
NUM_SHOWN = 6


@torch.no_grad()
def offset_scores(
    syncnet: SyncNet,
    videos: list[Video],
    mouth_size: int,
    device: torch.device,
    precision: str,
    max_blocks: int = MAX_BLOCKS,
) -> list[Tensor]:
    """Mean scores of blocks of consecutive held-out windows at every offset, each (up to BLOCK, 31), on the CPU.

    Column MAX_OFFSET is the true offset; column MAX_OFFSET + k pairs a mouth with audio k frames later. Windows closer
    than MAX_OFFSET to an end of the audio are left out.
    """
    blocks = [(video, group) for video in videos for group in window_blocks(video)]
    chosen = np.unique(np.linspace(0, len(blocks) - 1, min(max_blocks, len(blocks))).astype(int))
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
    load = cached_loader(mouth_size)
    mouths, audio = [], []
    for start in starts:
        crops = np.stack([load(video.paths[i], mouth_size) for i in range(start, start + WINDOW_FRAMES)])
        mouths.append(torch.from_numpy(crops[:, :, box_rows, box_columns].copy()))
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


@torch.no_grad()
def generator_quality(
    step: GeneratorStep, videos: list[Video], device: torch.device, precision: str, seed: int
) -> tuple[dict[str, float], np.ndarray | None]:
    """PSNR (dB) and L1 (of 1) of held-out mouths, and a picture: hidden source, generated and true frames in columns.

    The same frames and references are drawn every time.
    """
    samples = GeneratorSamples(videos, 1, step.mouth_size, -(-NUM_FRAMES // len(videos)), seed)
    rows, columns = mouth_box(step.mouth_size)
    squares, absolutes, shown = [], [], []
    was_training = step.generator.training
    step.generator.eval()
    for begin in range(0, len(samples), BATCH):
        batch = torch.utils.data.default_collate(
            [samples[0, i] for i in range(begin, min(begin + BATCH, len(samples)))]
        )
        batch = {name: tensor.to(device) for name, tensor in batch.items()}
        with autocast(device, precision):
            real, fake = generate(step, batch)
        error = (fake - real)[..., rows, columns]
        squares.append(error.square().mean((1, 2, 3)).cpu())
        absolutes.append(error.abs().mean((1, 2, 3)).cpu())
        shown.append(torch.stack((real * step.mask, fake, real), 1).cpu())
    step.generator.train(was_training)
    squares, absolutes = torch.cat(squares), torch.cat(absolutes)
    psnr = -10 * torch.log10(squares.clamp_min(1e-10)).mean().item()
    values = {"val/mouth_psnr": psnr, "val/mouth_l1": absolutes.mean().item()}
    return values, column_picture(torch.cat(shown), NUM_SHOWN)


def generate(step: GeneratorStep, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """True and generated frames (B, 3, H, W) of a batch of single frames."""
    real = to_unit(batch["source"])[:, 0]
    fake = step.generator(real * step.mask, to_unit(batch["reference"]), batch["audio"])
    return real, fake.float()


def column_picture(columns: Tensor, count: int) -> np.ndarray:
    """(N, K, 3, H, W) in [0, 1] -> RGB uint8 with `count` evenly chosen samples side by side, K rows each."""
    chosen = columns[torch.linspace(0, len(columns) - 1, min(count, len(columns))).long()]
    if chosen.shape[-1] < 160:
        chosen = F.interpolate(chosen.flatten(0, 1), scale_factor=2).view(
            *chosen.shape[:3], *(2 * n for n in chosen.shape[3:])
        )
    grid = chosen.permute(1, 3, 0, 4, 2).flatten(0, 1).flatten(1, 2)  # rows K * H, columns N * W
    return (grid.clamp(0, 1) * 255).round().to(torch.uint8).numpy()
