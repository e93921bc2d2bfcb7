"""How far a mouth is open and how sharp it is, read off pictures whose truth is known."""

import cv2
import numpy as np
import pytest
import torch
from tiny_set import make_tiny_set

from dataset.images import video_crops
from dataset.manifest import load_manifest
from models.frames import to_unit
from training.mouth_reader import OpeningReader, lip_pixels, opening_readers, texture


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return load_manifest(make_tiny_set(tmp_path_factory.mktemp("set"), videos=1, clips=8)).videos[0]


def crops(video, positions) -> torch.Tensor:
    return to_unit(torch.from_numpy(video_crops(video, positions, 64)))


def test_the_opening_is_read_off_frames_that_the_reader_has_not_seen(video):
    known = np.arange(len(video.paths)) % 2 == 0
    reader = OpeningReader.of(video.select(known), 64, 200)
    read = reader.read(lip_pixels(crops(video, np.flatnonzero(~known)))).numpy()
    true = (video.lip_opening[~known] - video.lip_opening[known].mean()) / video.lip_opening[known].std()
    assert np.corrcoef(read, true)[0, 1] > 0.97 and np.abs(read - true).mean() < 0.25


def test_a_still_mouth_reads_the_same_everywhere(video):
    reader = OpeningReader.of(video, 64, 200)
    still = crops(video, [3]).expand(5, -1, -1, -1)
    assert reader.read(lip_pixels(still)).std() < 1e-6


def test_there_is_no_reader_where_openings_are_not_known(video):
    assert len(opening_readers([video], 64)) == 1
    unknown = video.select(np.ones(len(video.paths), bool))
    unknown.lip_opening = None
    assert opening_readers([video, unknown], 64) is None


@pytest.mark.parametrize("size", [32, 64, 128])
def test_texture_falls_with_blur(video, size):
    sharp = video_crops(video, range(4), size)
    levels = []
    for sigma in (0, 1, 2, 4):
        soft = [cv2.GaussianBlur(crop, (0, 0), sigma * size / 64) if sigma else crop for crop in sharp]
        levels.append(texture(to_unit(torch.from_numpy(np.stack(soft)))).mean().item())
    assert levels[0] > 1.1 * levels[1] > 1.2 * levels[2] > 1.3 * levels[3] > 0
