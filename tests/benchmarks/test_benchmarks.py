"""The benchmarks' own arithmetic, and what they generate."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
import torch

from benchmarks.material import FPS, write_face_video
from benchmarks.scaling import samples
from benchmarks.sentences import compose_sentences
from benchmarks.speed_data import fed_row, make_set
from benchmarks.speed_networks import count_flops, make_batch, make_phases
from benchmarks.stages import STAGES
from benchmarks.timing import measure, resident_mb
from config.config import STAGE_KINDS, FrameOptions
from dataset.manifest import load_manifest
from media.video import probe, read_frames
from training.phases import optimise


def test_operations_are_those_of_the_layers():
    """Four times the pixels are four times the operations; a convolution of known size is counted exactly."""
    small, large = (count_flops(FrameOptions(mouth_size=size, batch_size=1)) for size in (64, 128))
    assert 3.8 < large / small < 4.2
    alone = count_flops(FrameOptions(mouth_size=64, batch_size=3))
    assert alone == pytest.approx(small, rel=0.01)  # a sample
    with torch.utils.flop_counter.FlopCounterMode(display=False) as counter:
        torch.nn.Conv2d(3, 8, 3, padding=1)(torch.rand(2, 3, 10, 10))
    assert counter.get_total_flops() == 2 * 2 * 100 * 8 * 27


@pytest.mark.parametrize("stage", ["syncnet", "clip"])
def test_the_timed_steps_are_the_trainings(stage):
    small = {} if stage == "syncnet" else {"base_channels": 4}
    options = STAGE_KINDS[stage](mouth_size=64, batch_size=2, precision="fp32", **small)
    batch, losses = make_batch(options, torch.device("cpu")), {}
    for phase in make_phases(options, torch.device("cpu")):
        losses |= optimise(phase, batch)
    expected = {
        "syncnet": {"in_sync", "out_of_sync", "contrast"},
        "clip": {"perception", "gan_clip", "sync", "d_gan_clip"},
    }
    assert expected[stage] <= losses.keys() and all(torch.isfinite(loss) for loss in losses.values())


def test_training_is_fed_whole_batches_by_the_loaders_processes(tmp_path):
    videos = load_manifest(make_set(tmp_path, 20)).videos
    light = {"lamb_perception": 0.0, "lamb_gan": 0.0, "lamb_mouth": 1.0}
    options = FrameOptions(mouth_size=64, batch_size=4, base_channels=4, **light)
    row = fed_row(videos, "frame_64", options, torch.device("cpu"), workers=1, seconds=0.2)
    assert row.name.endswith("fed by 1 workers") and 0.1 * row.limit < row.seconds


def test_a_measurement_is_of_all_units():
    row = measure("sum", "number", lambda: sum(range(200_000)), 100, torch.device("cpu"))
    assert 0 < row.least <= row.seconds <= row.most < 1e-3 and row.peak_mb > 10


def test_memory_of_a_process_is_its_own():
    held = np.ones(2**26)  # 512 MB
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor:
        theirs = executor.submit(resident_mb).result()
    assert held.all() and theirs < resident_mb() - 300


def test_the_generated_video_shows_a_face_that_moves(tmp_path):
    info = probe(write_face_video(tmp_path / "face.mp4", 0.4, with_sound=True))
    assert (info.width, info.height, info.num_frames, info.has_audio) == (1080, 1920, 0.4 * FPS, True)
    first, *_, last = read_frames(info.path)
    assert np.abs(first.astype(int) - last)[500:1200].mean() > 3


def test_sentences_never_repeat_and_samples_follow_the_published_schedule():
    assert len(set(compose_sentences(1000, seed=0))) == 1000 and "frame_64" in STAGES
    assert samples(FrameOptions(augment_num=32, non_decay=135, decay=135), 10) == 10 * 23 * 32 * 270
