"""Held-out measures of a stage: does SyncNet find the offset, does the generator draw the mouth."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import default_collate

from config.constants import CLIP_FRAMES, WINDOW_FRAMES
from dataset.images import video_crops
from dataset.manifest import Video
from dataset.samples import CONTEXT, GeneratorSamples
from face.geometry import mouth_box
from models.device import autocast
from models.frames import fold_frames, to_unit
from models.syncnet import SyncNet
from training.steps import GeneratorLosses

MAX_OFFSET = 15  # frames, either way
BLOCK = 25  # consecutive windows whose scores are averaged: 1 s
MAX_BLOCKS = 16  # per validation, evenly spread over the held-out videos
GENERATED = 10  # frames at a time
VIDEO_FRAMES = 50  # of the video that a validation shows, 2 s
NUM_SHOWN = 6


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


@torch.no_grad()
def generator_quality(
    step: GeneratorLosses, samples: GeneratorSamples, device: torch.device, precision: str
) -> tuple[dict[str, float], np.ndarray]:
    """Held-out mouths: PSNR (dB), L1 (of 1), and a picture of hidden source, generated and true frames in columns.

    With the loss "opening" also opening_heard, the correlation of the lip opening that the audio code says with the
    true one. Clips also give mouth_motion, the change from frame to frame over the truth's, and SyncNet's mean score if
    the step has one. The same frames and references are drawn every time.
    """
    rows, columns = mouth_box(step.mouth_size)
    squares, absolutes, motions, scores, shown, heard, seen = [], [], [], [], [], [], []
    for batch in fixed_batches(samples, device):
        with evaluating(step), autocast(device, precision):
            real, fake = step.generate(batch)
            if step.weights["opening"]:
                heard.append(step.heard_opening(batch["heard"]).flatten().cpu())
                seen.append(batch["opening"].flatten().cpu())
            if step.syncnet:
                scores.append(step.sync_score(fake, batch["audio"]).float().mean((1, 2, 3)).cpu())
        mouths = torch.stack((fake, real))[..., rows, columns]
        error = mouths[0] - mouths[1]
        squares.append(error.square().mean((2, 3, 4)).flatten().cpu())
        absolutes.append(error.abs().mean((2, 3, 4)).flatten().cpu())
        motions.append(mouths.diff(dim=2).abs().flatten(1).sum(1).cpu())
        shown.append(torch.stack((real * step.mask, fake, real), 2)[:, 0].cpu())
    values = {
        "val/mouth_psnr": -10 * torch.log10(torch.cat(squares).clamp_min(1e-10)).mean().item(),
        "val/mouth_l1": torch.cat(absolutes).mean().item(),
    }
    if samples.frames > 1:
        ours, theirs = torch.stack(motions).sum(0).tolist()
        values["val/mouth_motion"] = ours / max(theirs, 1e-10)
    if heard:
        both = torch.stack((torch.cat(heard), torch.cat(seen)))
        values["val/opening_heard"] = torch.corrcoef(both)[0, 1].nan_to_num(0).item()  # a code that says nothing
    if scores:
        values["val/sync"] = torch.cat(scores).mean().item()
    return values, column_picture(torch.cat(shown), NUM_SHOWN)


def fixed_batches(samples: GeneratorSamples, device: torch.device) -> Iterator[dict[str, Tensor]]:
    size = max(1, GENERATED // samples.frames)
    for begin in range(0, len(samples), size):
        indices = range(begin, min(begin + size, len(samples)))
        batch = default_collate([samples[0, index] for index in indices])
        yield {name: tensor.to(device) for name, tensor in batch.items()}


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Evaluation mode, for as long as it is needed."""
    was_training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(was_training)


@torch.no_grad()
def dubbed_clip(step: GeneratorLosses, samples: GeneratorSamples, device: torch.device, precision: str) -> np.ndarray:
    """The first seconds of the first held-out video, generated beside true: RGB uint8 (T, H, 2 W, 3)."""
    video, starts = samples.videos[0], samples.starts[0][:VIDEO_FRAMES]
    numbers = video.frame_numbers[starts]
    references = samples.references(video, int(starts[0]), np.random.default_rng(0))
    reference = torch.from_numpy(samples.crops(video, references))[None].to(device)
    frames = []
    for group in np.array_split(np.arange(len(starts)), -(-len(starts) // GENERATED)):
        audio = np.stack([video.audio(int(numbers[i]) - CONTEXT, WINDOW_FRAMES) for i in group])
        batch = {
            "source": torch.from_numpy(samples.crops(video, starts[group]))[:, None].to(device),
            "reference": reference.expand(len(group), -1, -1, -1, -1),
            "audio": torch.from_numpy(audio).to(device),
        }
        with evaluating(step), autocast(device, precision):
            real, fake = step.generate(batch)
        frames.append((torch.cat((fake, real), -1)[:, 0].clamp(0, 1) * 255).round().to(torch.uint8).cpu())
    return torch.cat(frames).permute(0, 2, 3, 1).contiguous().numpy()


def column_picture(columns: Tensor, count: int) -> np.ndarray:
    """(N, K, 3, H, W) in [0, 1] -> RGB uint8 with `count` evenly chosen samples side by side, K rows each."""
    chosen = columns[torch.linspace(0, len(columns) - 1, min(count, len(columns))).long()]
    if chosen.shape[-1] < 160:
        chosen = F.interpolate(chosen.flatten(0, 1), scale_factor=2).view(
            *chosen.shape[:3], *(2 * n for n in chosen.shape[3:])
        )
    grid = chosen.permute(1, 3, 0, 4, 2).flatten(0, 1).flatten(1, 2)  # rows K * H, columns N * W
    return (grid.clamp(0, 1) * 255).round().to(torch.uint8).numpy()
