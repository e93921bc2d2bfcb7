"""Trains audio encoders on the lip opening alone, for hearing.py."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from config.constants import WINDOW_FRAMES
from config.errors import InputError
from dataset.manifest import load_manifest
from dataset.samples import CONTEXT, standard_opening
from models.blocks import audio_encoder
from training.average import WeightAverage

Speech = tuple[Tensor, Tensor]  # windows (N, C, 5) and the lip opening (N,) in standard deviations, frame by frame
WIDTH, RATE, DECAY, BATCH, STEPS = 32, 1e-3, 0.01, 256, 100
FPS = 25


class Hearing(nn.Module):
    """The opening (N,) that the first two channels of a generator's audio code say (training/generator_losses.py)."""

    def __init__(self, channels: int):
        super().__init__()
        self.encoder = audio_encoder(channels, WIDTH, norm=True)

    def forward(self, windows: Tensor) -> Tensor:
        code = self.encoder(windows).mean(2)
        return code[:, 0] - code[:, 1]


def known_speech(path: str) -> dict[str, Speech]:
    """By video, every frame whose window lies in the sound. Raises InputError for a set without lip openings."""
    speech = {}
    for video in load_manifest(path).videos:
        if video.lip_opening is None:
            raise InputError(f"--train_data {path}: {video.name} has no lip openings; make the training JSON anew")
        starts = video.windows(1, CONTEXT)
        windows = video.audio_windows(video.frame_numbers[starts] - CONTEXT, WINDOW_FRAMES)
        speech[video.name] = torch.from_numpy(windows), torch.from_numpy(standard_opening(video)[starts])
    return speech


def of_seconds(
    speech: dict[str, Speech], seeds: int, seconds: Sequence[int], held_out: float
) -> Iterator[tuple[int, str]]:
    """For so many seconds drawn from the first videos by name, what is heard of the last ones, their share held_out."""
    names = sorted(speech)
    border = len(names) - max(1, round(held_out * len(names)))
    if border < 1:
        raise InputError(f"--train_data: {len(names)} video(s); give two or more")
    judges = [speech[name] for name in names[border:]]
    for count in seconds:
        scores = []
        for seed in range(seeds):
            order = np.random.default_rng(seed).permutation(border)
            network = train(first_frames([speech[names[number]] for number in order], count * FPS), seed)
            scores.append(np.mean([correlation(network, judge) for judge in judges]))
        yield count, f"{np.mean(scores):.3f} ± {np.std(scores):.3f}"


def first_frames(parts: list[Speech], count: int) -> list[Speech]:
    """The first `count` frames of these videos, one after the other; all where there are no more."""
    taken = []
    for windows, opening in parts:
        taken.append((windows[:count], opening[:count]))
        count -= len(taken[-1][0])
    return [part for part in taken if len(part[0])]


def of_people(
    speech: dict[str, Speech], people: list[str], seeds: int, held_out: float
) -> Iterator[tuple[str, list[str]]]:
    """What is heard of the last part of each one's speech: what was trained on, and a cell a person."""
    rows: dict[str, list[str]] = {"own beginning": [], "all others": [], "all others, then own": []}
    for name in people:
        own, judge = divide(speech[name], held_out)
        others = [speech[other] for other in sorted(speech) if other != name]
        scores: dict[str, list[float]] = {label: [] for label in rows}
        for seed in range(seeds):
            base = train(others, seed) if others else None
            trained = (train([own], seed), base, train([own], seed, base))
            for label, network in zip(rows, trained, strict=True):
                scores[label].append(correlation(network, judge) if network else np.nan)
        for label, values in scores.items():
            rows[label].append(f"{np.mean(values):.2f} ± {np.std(values):.2f}")
    yield from rows.items()


def divide(speech: Speech, held_out: float) -> tuple[Speech, Speech]:
    """The beginning and the end, whose windows share no sound."""
    windows, opening = speech
    border = round(len(windows) * (1 - held_out))
    begin, end = slice(0, border - CONTEXT), slice(border + CONTEXT, None)
    return (windows[begin], opening[begin]), (windows[end], opening[end])


def train(parts: list[Speech], seed: int, base: Hearing | None = None) -> Hearing:
    """An encoder trained on these parts, a long one drawn from as often as the root of its length says."""
    torch.manual_seed(seed)
    windows, opening = (torch.cat(tensors) for tensors in zip(*parts, strict=True))
    shares = torch.cat([torch.full((len(part),), len(part) ** -0.5) for part, _ in parts])
    network = Hearing(windows.shape[1])
    if base:
        network.load_state_dict(base.state_dict())
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    average = WeightAverage(network, 0.99)
    network.train()
    for _ in range(STEPS):
        chosen = torch.multinomial(shares, BATCH, replacement=True)
        optimizer.zero_grad()
        F.mse_loss(network(windows[chosen]), opening[chosen]).backward()
        optimizer.step()
        average.update()
    return average.network


def correlation(network: Hearing, judge: Speech) -> float:
    with torch.no_grad():
        return float(np.corrcoef(network(judge[0]).numpy(), judge[1].numpy())[0, 1])
