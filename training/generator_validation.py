"""Held-out measures of a generator: how well it draws the mouth, how far it opens it, how sharp it is."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import default_collate

from config.constants import WINDOW_FRAMES
from dataset.samples import CONTEXT, GeneratorSamples
from face.geometry import mouth_box
from models.device import autocast
from training.generator_losses import generate_frames, heard_opening
from training.mouth_reader import OpeningReader, lip_pixels, opening_readers, texture
from training.parallel import unwrapped
from training.phases import Phase
from training.stages import Validation

GENERATED = 10  # frames at a time
VIDEO_FRAMES = 50  # of the video that a validation shows, 2 s
NUM_SHOWN = 6


@dataclass(frozen=True)
class GeneratorValidation:
    """Held-out measures of a generator. The same frames and references are drawn every time.

    mask (h, w) hides the source's mouth; `phase` is the one that trains the generator, whose losses "sync" and
    "opening", where it has them, are measured too.
    """

    samples: GeneratorSamples
    mask: Tensor
    device: torch.device
    phase: Phase

    @cached_property
    def readers(self) -> list[OpeningReader] | None:
        """Read the lip opening off a picture, one for each video of the samples; None where it is not known."""
        return opening_readers(self.samples.videos, self.samples.mouth_size)

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
            values |= self.openings(measures["lips"])
        if self.samples.frames > 1:
            ours, theirs = measures["motion"].sum(0).tolist()
            values["val/mouth_motion"] = ours / max(theirs, 1e-10)
        if "heard" in measures:
            both = torch.stack((measures["heard"], measures["opening"]))
            values["val/opening_heard"] = torch.corrcoef(both)[0, 1].nan_to_num(0).item()  # a code that says nothing
        if "sync" in measures:
            values["val/sync"] = measures["sync"].mean().item()
        return values, column_picture(measures["shown"], NUM_SHOWN)

    def openings(self, lips: Tensor) -> dict[str, float]:
        """From lip pixels (N, 2, K) of generated and true mouths, all samples in order."""
        frames = len(lips) // len(self.samples)
        numbers = np.repeat(np.arange(len(self.samples)) % len(self.readers), frames)
        read = torch.stack([self.readers[number].read(pixels) for number, pixels in zip(numbers, lips, strict=True)])
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
