"""Held-out measures of a stage: does SyncNet find the offset, does the generator draw the mouth."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import default_collate

from config.constants import CLIP_FRAMES, MAX_OFFSET, WINDOW_FRAMES
from dataset.images import video_crops
from dataset.samples import CONTEXT, GeneratorSamples
from dataset.video import Video
from face.geometry import mouth_box
from models.device import autocast
from models.frames import fold_frames, to_unit
from models.syncnet import SyncNet
from training.generator_losses import generate_frames, heard_opening
from training.mouth_reader import OpeningReader, lip_pixels, texture
from training.parallel import unwrapped
from training.phases import Phase
from training.stages import Validation

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


@dataclass(frozen=True)
class GeneratorValidation:
    """Held-out measures of a generator. The same frames and references are drawn every time.

    `readers` read the lip opening off a picture, one for each video of the samples; None where it is not known.
    mask (h, w) hides the source's mouth; `phase` is the one that trains the generator, whose losses "sync" and
    "opening", where it has them, are measured too.
    """

    samples: GeneratorSamples
    mask: Tensor
    device: torch.device
    phase: Phase
    readers: list[OpeningReader] | None

    def __call__(self) -> Validation:
        with evaluating(self.phase.used_network) as generator, torch.no_grad():
            values, picture = self.quality(generator)
            return Validation(values, picture, self.dubbed_clip(generator))

    def quality(self, generator: nn.Module) -> tuple[dict[str, float], np.ndarray]:
        """PSNR (dB) and L1 (of 1) of held-out mouths, and a picture of hidden source, generated and true frames.

        mouth_texture is the fine detail around the lips over the truth's. mouth_opening is the correlation of the lip
        opening that is read off the generated mouths with the true ones', opening_gain its slope.
        With the loss "opening" also opening_heard, the correlation of the lip opening that the audio code says with the
        true one. Clips also give mouth_motion, the change from frame to frame over the truth's, and SyncNet's mean
        score where it is a loss.
        """
        found: dict[str, list[Tensor]] = defaultdict(list)
        for batch in self.batches():
            for name, tensor in self.measure(generator, batch).items():
                found[name].append(tensor.cpu())
        measures = {name: torch.cat(tensors) for name, tensors in found.items()}
        psnr = -10 * torch.log10(measures["square"].clamp_min(1e-10))
        values = {"val/mouth_psnr": psnr.mean().item(), "val/mouth_l1": measures["absolute"].mean().item()}
        ours, theirs = measures["texture"].sum(0).tolist()
        values["val/mouth_texture"] = ours / max(theirs, 1e-10)
        if self.readers:
            values |= self.openings(measures["lips"], measures["video"])
        if self.samples.frames > 1:
            ours, theirs = measures["motion"].sum(0).tolist()
            values["val/mouth_motion"] = ours / max(theirs, 1e-10)
        if "heard" in measures:
            both = torch.stack((measures["heard"], measures["opening"]))
            values["val/opening_heard"] = torch.corrcoef(both)[0, 1].nan_to_num(0).item()  # a code that says nothing
        if "sync" in measures:
            values["val/sync"] = measures["sync"].mean().item()
        return values, column_picture(measures["shown"], NUM_SHOWN)

    def openings(self, lips: Tensor, video: Tensor) -> dict[str, float]:
        """From lip pixels (N, 2, K) of generated and true mouths, and the number (N,) of the video of each."""
        read = torch.empty(lips.shape[:2], dtype=torch.float64)
        for number in video.unique().tolist():
            read[video == number] = self.readers[number].read(lips[video == number])
        ours, theirs = (read - read.mean(0)).T
        covariance = (ours * theirs).mean()
        spread = (ours.square().mean() * theirs.square().mean()).sqrt()
        return {
            "val/mouth_opening": (covariance / spread.clamp_min(1e-10)).item(),
            "val/opening_gain": (covariance / theirs.square().mean().clamp_min(1e-10)).item(),
        }

    def batches(self) -> Iterator[dict[str, Tensor]]:
        size = max(1, GENERATED // self.samples.frames)
        for begin in range(0, len(self.samples), size):
            indices = range(begin, min(begin + size, len(self.samples)))
            batch = default_collate([self.samples[0, index] for index in indices])
            batch["video"] = torch.tensor([index % len(self.samples.videos) for index in indices])
            yield {name: tensor.to(self.device) for name, tensor in batch.items()}

    def measure(self, generator: nn.Module, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Measures of one batch: rows of frames (B * T,) or samples (B, ...), on the device."""
        terms = unwrapped(self.phase.losses).terms
        found = {}
        with autocast(self.device, self.phase.precision):
            real, fake = generate_frames(generator, self.mask, batch)
            if "opening" in terms:
                found["heard"] = heard_opening(generator, batch["heard"]).flatten()
                found["opening"] = batch["opening"].flatten()
            if "sync" in terms:
                found["sync"] = terms["sync"].score(fake, batch["audio"]).mean((1, 2, 3))
        faces = torch.stack((fake, real), 2).flatten(0, 1)  # (B * T, 2, 3, h, w)
        found["lips"], found["texture"] = (
            measure(faces.flatten(0, 1)).unflatten(0, (-1, 2)) for measure in (lip_pixels, texture)
        )
        found["video"] = batch["video"].repeat_interleave(real.shape[1])
        mouths = torch.stack((fake, real))[..., *mouth_box(self.samples.mouth_size)]
        error = mouths[0] - mouths[1]
        found["square"], found["absolute"] = (each.mean((2, 3, 4)).flatten() for each in (error.square(), error.abs()))
        if self.samples.frames > 1:
            found["motion"] = mouths.diff(dim=2).abs().flatten(2).sum(2).T  # (B, 2)
        found["shown"] = torch.stack((real * self.mask, fake, real), 2)[:, 0]
        return found

    def dubbed_clip(self, generator: nn.Module) -> np.ndarray:
        """The first seconds of the first held-out video, generated beside true: RGB uint8 (T, H, 2 W, 3)."""
        samples = self.samples
        video, starts = samples.videos[0], samples.starts[0][:VIDEO_FRAMES]
        numbers = video.frame_numbers[starts]
        references = samples.references(video, int(starts[0]), np.random.default_rng(0))
        reference = torch.from_numpy(samples.crops(video, references))[None].to(self.device)
        frames = []
        for group in np.array_split(np.arange(len(starts)), -(-len(starts) // GENERATED)):
            audio = np.stack([video.audio(int(numbers[i]) - CONTEXT, WINDOW_FRAMES) for i in group])
            batch = {
                "source": torch.from_numpy(samples.crops(video, starts[group]))[:, None].to(self.device),
                "reference": reference.expand(len(group), -1, -1, -1, -1),
                "audio": torch.from_numpy(audio).to(self.device),
            }
            with autocast(self.device, self.phase.precision):
                real, fake = generate_frames(generator, self.mask, batch)
            frames.append((torch.cat((fake, real), -1)[:, 0].clamp(0, 1) * 255).round().to(torch.uint8).cpu())
        return torch.cat(frames).permute(0, 2, 3, 1).contiguous().numpy()


@contextmanager
def evaluating(network: nn.Module) -> Iterator[nn.Module]:
    """The network in evaluation mode, for as long as it is needed; every part of it is then as it was."""
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        yield network
    finally:
        for module, mode in modes.items():
            module.training = mode


def column_picture(columns: Tensor, count: int) -> np.ndarray:
    """(N, K, 3, H, W) in [0, 1] -> RGB uint8 with `count` evenly chosen samples side by side, K rows each."""
    chosen = columns[torch.linspace(0, len(columns) - 1, min(count, len(columns))).long()]
    if chosen.shape[-1] < 160:
        chosen = F.interpolate(chosen.flatten(0, 1), scale_factor=2).view(
            *chosen.shape[:3], *(2 * n for n in chosen.shape[3:])
        )
    grid = chosen.permute(1, 3, 0, 4, 2).flatten(0, 1).flatten(1, 2)  # rows K * H, columns N * W
    return (grid.clamp(0, 1) * 255).round().to(torch.uint8).numpy()
