"""Samples of the smallest and dullest videos, and of more videos than a process may open files for."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_set import CHANNELS, make_tiny_set

from config.errors import InputError
from dataset.manifest import load_manifest
from dataset.samples import GeneratorSamples, SyncSamples, standard_opening
from dataset.video import Video

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Video:
    return load_manifest(make_tiny_set(tmp_path_factory.mktemp("set"), videos=1, clips=4)).videos[0]


def first(video: Video, frames: int) -> Video:
    return video.select(np.arange(len(video.paths)) < frames)


@pytest.mark.parametrize("frames, length", [(6, 1), (7, 1), (7, 5), (8, 5), (9, 5)])
def test_a_video_of_a_few_frames_draws_references_outside_its_window(video, frames, length):
    short = first(video, frames)
    samples = GeneratorSamples([short], length, 64, 20, 0, np.zeros(CHANNELS, np.float32), 0.5, num_heard=4)
    for index in range(20):
        sample = samples[0, index]
        assert sample["source"].shape == (length, 104, 80, 3) and sample["reference"].shape == (5, 104, 80, 3)
        start = int(np.random.default_rng(index).choice(samples.starts[0]))
        chosen = samples.references(short, start, np.random.default_rng(index))
        assert not set(chosen) & set(range(start, start + length)) and chosen.max() < frames
        assert len(set(chosen)) == 5 or frames - length < 5


@pytest.mark.parametrize("frames", [0, 1, 5])
def test_videos_without_frames_for_reference_are_one_line(video, frames):
    for draw in (lambda videos: GeneratorSamples(videos, 1, 64, 2, 0), lambda videos: SyncSamples(videos, 64, 2, 0)):
        with pytest.raises(InputError, match=r"--train_data: none of 1 video\(s\) \(video 0"):
            draw([first(video, frames)])


def test_lips_that_never_move_are_drawn_without_numbers_that_are_not_finite(video):
    still = first(video, 36)
    still.lip_opening = np.full(36, 7.25)
    assert (standard_opening(still) == 0).all()
    samples = GeneratorSamples([still], 5, 64, 4, 0, np.zeros(CHANNELS, np.float32), 1.0, num_heard=8)
    sample = samples[0, 1]
    assert bool(sample["silent"]) and sample["silent"].shape == ()
    assert (sample["opening"] == 0).all() and (sample["audio"] == 0).all()


def test_the_shortest_video_for_syncnet_has_a_negative_for_every_window(video):
    lengths = []
    for frames in range(6, 20):
        try:
            samples = SyncSamples([first(video, frames)], 64, 30, 0)
        except InputError:
            continue
        lengths.append(frames)
        for index in range(30):
            sample = samples[0, index]
            assert sample["negatives"].shape == (15, CHANNELS, 9) and (sample["negatives"] != sample["audio"]).any()
    assert lengths == list(range(14, 20))  # windows begin at 2 .. 9, more than twice three frames apart


def test_more_videos_than_a_process_may_open_files_for(tmp_path):
    """Each video maps its audio: 600 of them, by a process that may open 600 files."""
    path = make_tiny_set(tmp_path, videos=2, clips=2)
    code = f"""
import json, resource, shutil, sys
from pathlib import Path
sys.path[:0] = [{str(REPOSITORY)!r}]
resource.setrlimit(resource.RLIMIT_NOFILE, (600, 600))
path = Path({str(path)!r})
content = json.loads(path.read_text())
video = content["videos"]["video 0 [视频]"]
for number in range(600):
    copy = f"{{number}}.npy"
    shutil.copy(path.parent / video["audio_feature_path"], path.parent / copy)
    content["videos"][str(number)] = dict(video, audio_feature_path=copy)
path.write_text(json.dumps(content))
from dataset.manifest import load_manifest
from dataset.samples import GeneratorSamples
samples = GeneratorSamples(load_manifest(path).videos, 5, 64, 1, 0)
print(len([samples[0, index] for index in range(len(samples))]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "602", done.stderr


def test_reading_a_set_loads_no_heavy_library():
    code = (
        "import sys; import dataset.manifest, dataset.split, dataset.layout; assert 'torch' not in sys.modules;"
        "import dataset.loader, dataset.samples, dataset.images;"
        "print(*{'mediapipe', 'av', 'tensorflow', 'transformers', 'scipy', 'matplotlib'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY)
    assert done.returncode == 0 and not done.stdout.strip(), done.stdout + done.stderr
