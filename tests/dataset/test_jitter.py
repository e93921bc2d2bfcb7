"""Faces moved about in their crops: by how much, each by itself, and what it costs in sharpness."""

import cv2
import numpy as np
import pytest
import torch
from tiny_set import make_tiny_set

from config.config import FrameOptions
from config.errors import InputError
from dataset.jitter import move_references, shift_source
from dataset.manifest import load_manifest
from dataset.samples import GeneratorSamples
from training.generator_stage import build_generator
from training.parallel import Parallel
from training.stage_files import read_stages

HEIGHT, WIDTH, JITTER = 104, 80, 0.04
REACH = 3  # whole pixels


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    """Five pictures with detail at every size, (5, 104, 80, 3)."""
    rng = np.random.default_rng(0)
    layers = [cv2.resize(rng.normal(0, 40, (HEIGHT // k, WIDTH // k, 3)), (WIDTH, HEIGHT)) for k in (1, 2, 4, 8) * 5]
    return np.clip(128 + np.reshape(layers, (5, 4, HEIGHT, WIDTH, 3)).sum(1), 0, 255).astype(np.uint8)


def shift_of(moved: np.ndarray, crop: np.ndarray) -> tuple[int, int]:
    """The only whole pixels (x, y) by which `crop` is `moved`, but for its border."""
    inner = np.s_[REACH:-REACH, REACH:-REACH]
    steps = [(x, y) for x in range(-REACH, REACH + 1) for y in range(-REACH, REACH + 1)]
    (found,) = [(x, y) for x, y in steps if np.array_equal(np.roll(crop, (y, x), (0, 1))[inner], moved[inner])]
    return found


def test_a_source_moves_by_whole_pixels_all_its_frames_alike(noise):
    found = set()
    for seed in range(200):
        moved = shift_source(noise, JITTER, np.random.default_rng(seed))
        shifts = {shift_of(*pair) for pair in zip(moved, noise, strict=True)}
        assert len(shifts) == 1
        found |= shifts
    assert {x for x, _ in found} == {y for _, y in found} == {*range(-REACH, REACH + 1)}


def test_the_border_is_repeated(noise):
    moved = next(m for m in (shift_source(noise, JITTER, np.random.default_rng(k)) for k in range(99))
                 if shift_of(m[0], noise[0])[0] == 3)  # fmt: skip
    assert all(np.array_equal(moved[:, :, column], moved[:, :, 3]) for column in range(3))


def test_references_move_and_grow_each_by_itself():
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    disc = np.hypot(x - (WIDTH - 1) / 2, y - (HEIGHT - 1) / 2) < 20
    crops = np.repeat(np.repeat(255 * disc.astype(np.uint8)[None, :, :, None], 3, 3), 5, 0)
    moved = np.concatenate([move_references(crops, JITTER, np.random.default_rng(seed)) for seed in range(60)])
    mass = moved[..., 0] / 255.0
    area = mass.sum((1, 2))
    centres = np.stack([(mass * axis).sum((1, 2)) / area for axis in (x, y)], 1) - [(WIDTH - 1) / 2, (HEIGHT - 1) / 2]
    scales = np.sqrt(area / disc.sum())
    for values, limit in ((centres[:, 0], 3.2), (centres[:, 1], 3.2), (scales - 1, JITTER)):
        assert np.abs(values).max() < 1.05 * limit and np.abs(values).max() > 0.85 * limit
        one_sample = values.reshape(60, 5)
        assert np.abs(np.corrcoef(one_sample.T) - np.eye(5)).max() < 0.5
    assert np.abs(np.corrcoef(centres[:, 0], scales)[0, 1]) < 0.3


def test_references_lose_little_detail(noise):
    def energy(crops: np.ndarray) -> float:
        """Of detail that four pixels show, as far as the border is not seen."""
        inner = crops[:, 8:-8, 8:-8].astype(np.float32)
        return float(np.mean([np.square(crop - cv2.GaussianBlur(crop, (0, 0), 2)).mean() for crop in inner]))

    moved = np.concatenate([move_references(noise, JITTER, np.random.default_rng(seed)) for seed in range(20)])
    assert 0.4 < energy(moved) / energy(noise) < 1
    shifted = [energy(shift_source(noise, JITTER, np.random.default_rng(seed))) for seed in range(20)]
    assert np.mean(shifted) == pytest.approx(energy(noise), rel=0.01)


def test_a_sample_is_moved_as_its_key_says_and_without_jitter_not_at_all(tmp_path):
    videos = load_manifest(make_tiny_set(tmp_path)).videos
    still, moved, again = (GeneratorSamples(videos, 5, 64, 2, 1, jitter=jitter) for jitter in (0.0, JITTER, JITTER))
    differing = 0
    for index in range(10):
        plain, sample = still[0, index], moved[0, index]
        assert all(torch.equal(sample[name], again[0, index][name]) for name in sample)
        assert torch.equal(plain["audio"], sample["audio"])
        differing += not torch.equal(plain["source"], sample["source"])
        assert sample["source"].shape == plain["source"].shape and not torch.equal(
            sample["reference"], plain["reference"]
        )
    assert differing >= 8  # of 49 shifts one is none


def test_a_stage_moves_what_it_trains_on_and_not_what_it_is_judged_by(tmp_path):
    path = make_tiny_set(tmp_path)
    options = FrameOptions(train_data=str(path), jitter=JITTER, base_channels=4, lamb_perception=0.0, lamb_gan=0.0,
                           lamb_mouth=1.0, val_fraction=0.25)  # fmt: skip
    stage = build_generator(options, load_manifest(path), Parallel(torch.device("cpu")))
    assert stage.samples.jitter == JITTER and stage.validate.samples.jitter == 0


def test_a_syncnet_stage_has_no_jitter():
    with pytest.raises(InputError, match="--jitter is an option of frame and clip stages"):
        read_stages("config/experiment/syncnet.py", "", {"jitter": JITTER})
