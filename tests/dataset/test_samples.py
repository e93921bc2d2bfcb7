"""The training JSON and the samples drawn from it."""

import json
import os
import time

import cv2
import numpy as np
import pytest
import torch
from tiny_set import CHANNELS, make_tiny_set

from config.errors import InputError
from dataset.images import cached_load_crop, load_crop
from dataset.layout import TrainingSetLayout
from dataset.manifest import load_manifest
from dataset.sampler import GlobalBatchSampler
from dataset.samples import GeneratorSamples, SyncSamples
from dataset.split import split
from preprocessing.json_step import generate_training_json
from preprocessing.pack_step import pack_crops


@pytest.fixture(scope="module")
def tiny_json(tmp_path_factory):
    return make_tiny_set(tmp_path_factory.mktemp("set"), skip_clip=2)


def test_windows_never_cross_a_clip_that_was_left_out(tiny_json):
    video = load_manifest(tiny_json).videos[0]
    starts = video.frame_numbers[video.windows(5, 2)]
    # Frames 0-17 and 27-35 have crops; audio has 42 rows, of which two are needed before the first frame.
    assert starts.tolist() == [*range(2, 14), *range(27, 32)]
    assert video.frame_numbers[video.windows(1, 2)].tolist() == [*range(2, 18), *range(27, 36)]


def test_audio_of_a_sample_belongs_to_its_frames(tiny_json):
    manifest = load_manifest(tiny_json)
    samples = GeneratorSamples(manifest.videos, 5, 64, 2, seed=1)
    sample = samples[0, 3]
    assert sample["source"].shape == (5, 104, 80, 3) and sample["reference"].shape == (5, 104, 80, 3)
    assert sample["audio"].shape == (CHANNELS, 9)
    # The mouth is as tall as the audio is loud (tests/tiny_set.py), so their curves must agree.
    dark = (sample["source"].float().mean(3)[:, 30:104, 20:60] < 80).float().mean((1, 2)).numpy()
    loud = sample["audio"][-1, 2:7].numpy()
    assert np.corrcoef(dark, loud)[0, 1] > 0.98


def test_silence_comes_with_a_mouth_that_is_closed(tmp_path):
    manifest = load_manifest(make_tiny_set(tmp_path))
    options = {"frames": 1, "mouth_size": 64, "augment_num": 8, "seed": 1, "silence": manifest.silence}
    dark = {}
    for share in (0.0, 1.0):
        samples = GeneratorSamples(manifest.videos, silence_share=share, **options)
        drawn = [samples[0, index] for index in range(len(samples))]
        silent = [bool((sample["audio"] == torch.from_numpy(manifest.silence)[:, None]).all()) for sample in drawn]
        assert all(silent) if share else not any(silent)
        assert [sample["silent"].tolist() for sample in drawn] == silent
        dark[share] = np.mean([(s["source"].float().mean(3)[:, 30:104, 20:60] < 80).float().mean() for s in drawn])
    assert dark[1.0] < 0.5 * dark[0.0]  # the mouth is a dark ellipse


def test_packed_crops_are_the_decoded_ones_and_used_while_they_are_up_to_date(tmp_path):
    path = make_tiny_set(tmp_path, skip_clip=2)
    layout = TrainingSetLayout(tmp_path)
    decoding = GeneratorSamples(load_manifest(path).videos, 5, 64, 3, seed=1)
    decoded = [decoding[0, index] for index in range(len(decoding))]
    for folder in list(layout.crops.iterdir()):
        assert [pack_crops(folder.name, layout, 64).status for _ in range(2)] == ["done", "kept"]
    generate_training_json(layout, "mel")
    packed = GeneratorSamples(load_manifest(path).videos, 5, 64, 3, seed=1)
    away = layout.crops.rename(tmp_path / "away")  # nothing is decoded
    cached_load_crop.cache_clear()
    for index, sample in enumerate(decoded):
        for name, tensor in packed[0, index].items():
            assert torch.equal(tensor, sample[name]), name
    away.rename(layout.crops)
    now = time.time()
    for folder in layout.crops.iterdir():
        os.utime(folder, (now + 10, now + 10))  # crops were made anew
    outcomes = generate_training_json(layout, "mel")
    assert all("packed at 64 is out of date" in outcome.detail for outcome in outcomes)
    assert not any(video.packed_crops for video in load_manifest(path).videos)


def test_heard_audio_comes_with_the_opening_of_its_frame(tmp_path):
    manifest = load_manifest(make_tiny_set(tmp_path))
    samples = GeneratorSamples(manifest.videos, 1, 64, 1, 1, num_heard=200)
    sample = samples[0, 0]
    assert sample["heard"].shape == (200, CHANNELS, 5) and sample["opening"].shape == (200,)
    # The opening follows the loudness (tests/tiny_set.py) of the window's middle, and of no other step as well.
    agreement = [np.corrcoef(sample["heard"][:, -1, step], sample["opening"])[0, 1] for step in range(5)]
    assert agreement[2] > 0.99 and np.argmax(agreement) == 2
    assert abs(sample["opening"].mean()) < 0.3 and abs(sample["opening"].std() - 1) < 0.2


def test_a_set_without_silence_draws_none(tiny_json):
    manifest = load_manifest(tiny_json)
    with_share = GeneratorSamples(manifest.videos, 1, 64, 2, 1, None, 1.0)[0, 0]
    without = GeneratorSamples(manifest.videos, 1, 64, 2, 1)[0, 0]
    assert (with_share["audio"] == without["audio"]).all()


def test_a_sample_depends_on_seed_epoch_and_index_alone(tiny_json):
    manifest = load_manifest(tiny_json)
    first, second = (SyncSamples(manifest.videos, 64, 4, seed=7) for _ in range(2))
    assert all((first[2, 5][name] == second[2, 5][name]).all() for name in first[2, 5])
    assert any((first[2, 5][name] != first[3, 5][name]).any() for name in first[2, 5])


def test_sync_negatives_are_audio_of_other_times(tiny_json):
    sample = SyncSamples(load_manifest(tiny_json).videos, 64, 4, seed=7)[0, 0]
    assert sample["mouth"].shape == (5, 64, 64, 3) and sample["negatives"].shape == (15, CHANNELS, 9)
    assert all((sample["negatives"][k] != sample["audio"]).any() for k in range(15))


@pytest.mark.parametrize("world_size", [1, 2, 4])
def test_global_batches_are_the_same_for_any_number_of_processes(world_size):
    def batches(rank, world):
        sampler = GlobalBatchSampler(37, 8, seed=3, rank=rank, world_size=world)
        sampler.epoch = 2
        return [set(batch) for batch in sampler]

    parts = [batches(rank, world_size) for rank in range(world_size)]
    union = [set().union(*group) for group in zip(*parts, strict=True)]
    assert union == batches(0, 1) and len(union) == 4 and all(len(batch) == 8 for batch in union)


def test_split_holds_out_whole_videos_or_the_end_of_few(tiny_json, tmp_path):
    parts = split(load_manifest(tiny_json), 0.2)
    assert len(parts.train) == 4 and len(parts.held_out) == 1
    assert {video.name for video in parts.held_out}.isdisjoint(video.name for video in parts.train)
    few = load_manifest(make_tiny_set(tmp_path, videos=1, clips=6))
    parts = split(few, 0.3)
    short = split(load_manifest(make_tiny_set(tmp_path / "short", videos=2, clips=1)), 0.5)
    assert short.record()["frames"]["train"] == {} and len(short.record()["frames"]["held_out"]) == 2
    assert parts.held_out[0].frame_numbers.min() - parts.train[0].frame_numbers.max() > 9


@pytest.mark.parametrize("mouth_size, height, width", [(64, 104, 80), (128, 208, 160), (256, 416, 320)])
def test_scaled_decoding_agrees_with_decoding_then_resizing(tiny_json, mouth_size, height, width):
    path = load_manifest(tiny_json).videos[0].paths[0]
    expected = cv2.resize(cv2.imread(path), (width, height), interpolation=cv2.INTER_AREA)
    difference = np.abs(load_crop(path, mouth_size)[:, :, ::-1].astype(int) - expected)
    assert difference.mean() < 1.0


def test_published_json_is_read_and_its_broken_clips_left_out(tmp_path):
    good = {"frame_path_list": [f"x\\a\\{i:06d}.jpg" for i in range(9, 18)], "deep_speech_list": [[0.5] * 29] * 9}
    short = {"frame_path_list": good["frame_path_list"], "deep_speech_list": [[0.5] * 29] * 8}
    for i in range(9, 18):
        (tmp_path / "x" / "a").mkdir(parents=True, exist_ok=True)
        (tmp_path / "x" / "a" / f"{i:06d}.jpg").write_bytes(b"")
    good["frame_path_list"] = [str(tmp_path / p.replace("\\", "/")) for p in good["frame_path_list"]]
    path = tmp_path / "published.json"
    path.write_text(json.dumps({"x": {"video_clip_num": 2, "clip_data_list": [good, short]}}))
    manifest = load_manifest(path)
    assert (manifest.audio_feature, manifest.audio_channel, manifest.crop) == ("deepspeech", 29, "legacy")
    assert manifest.videos[0].frame_numbers.tolist() == list(range(9, 18))
    assert manifest.videos[0].windows(5, 2).tolist() == [2]


@pytest.mark.parametrize("content", ["", "[]", '{"videos": {}}', '{"a": {"clip_data_list": [{}]}}', "{}"])
def test_a_broken_json_is_one_clear_error(tmp_path, content):
    path = tmp_path / "training_json.json"
    path.write_text(content)
    with pytest.raises(InputError, match="training_json.json"):
        load_manifest(path)


def test_a_moved_set_names_the_missing_file(tmp_path):
    path = make_tiny_set(tmp_path / "set", videos=1)
    feature = next((tmp_path / "set").glob("*_mel/*.npy"))
    feature.unlink()
    with pytest.raises(InputError, match="is missing"):
        load_manifest(path)
