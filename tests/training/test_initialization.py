"""SyncNet starts blind to what frames share, with a score that is a distance, and leaves chance within seconds."""

import numpy as np
import pytest
import torch
from tiny_set import CHANNELS, make_tiny_set

from dataset.manifest import load_manifest
from dataset.samples import SyncSamples
from models.frames import fold_frames, to_unit
from models.syncnet import SyncNet
from training.initialization import initialise_syncnet
from training.syncnet_losses import SyncNetLosses

BATCH, STEPS = 16, 40


@pytest.fixture(scope="module")
def samples(tmp_path_factory) -> SyncSamples:
    manifest = load_manifest(make_tiny_set(tmp_path_factory.mktemp("set"), videos=4, clips=8))
    return SyncSamples(manifest.videos, 32, 10_000, seed=0)


def batch_of(samples: SyncSamples, number: int) -> dict[str, torch.Tensor]:
    indices = range(number * BATCH, (number + 1) * BATCH)
    return torch.utils.data.default_collate([samples[0, index] for index in indices])


@pytest.fixture
def started(samples) -> tuple[SyncNet, dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    network, batch = SyncNet(15, CHANNELS, 128), batch_of(samples, 0)
    initialise_syncnet(network, fold_frames(to_unit(batch["mouth"])), batch["audio"])
    return network, batch


def test_what_all_frames_share_is_not_seen(started):
    network, batch = started
    still = to_unit(batch["mouth"])[:, :1].expand(-1, 5, -1, -1, -1)
    first = network.face_encoder.face_conv[0].conv
    inner = first(fold_frames(still))[:, :, 3:-3, 3:-3]
    assert torch.allclose(inner, first.bias.view(1, -1, 1, 1).expand_as(inner), atol=1e-3)


def test_the_score_starts_as_a_distance_around_one_half(started):
    network, batch = started
    with torch.no_grad():
        images = network.face_encoder(fold_frames(to_unit(batch["mouth"])))
        sounds = network.audio_encoder(batch["audio"])
        score = network.score(images, sounds).mean((1, 2, 3))
        same = network.score(images, images.mean((2, 3))).mean((1, 2, 3))
    assert (same > score).all()  # equal embeddings score best
    distance = np.linalg.norm((images.mean((2, 3)) - sounds).numpy(), ord=1, axis=1)
    assert np.corrcoef(distance, score.numpy())[0, 1] < -0.5
    assert abs(score.mean() - 0.5) < 0.3 and 0.02 < score.std() < 0.6


def test_syncnet_leaves_chance_within_seconds(started, samples):
    network, _ = started
    step = SyncNetLosses(network, contrast=5.0)
    optimizer = torch.optim.Adam(network.parameters(), lr=4e-4)
    history = []
    for number in range(STEPS):
        losses, _ = step(batch_of(samples, number))
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
        history.append(losses["contrast"].item() / 5)
    chance = np.log(BATCH * (1 + samples[0, 0]["negatives"].shape[0]))
    assert np.mean(history[-10:]) < 0.8 * chance
