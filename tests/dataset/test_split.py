"""Which videos and frames are held out."""

import numpy as np
import pytest
from tiny_set import make_tiny_set

from config.errors import InputError
from dataset.manifest import Manifest, Video, load_manifest
from dataset.samples import GeneratorSamples, SyncSamples
from dataset.split import split

FRACTIONS = (1e-310, 0.01, 0.05, 0.1, 0.2, 0.34, 0.5)


def set_of(count: int) -> Manifest:
    """Videos of a minute, not in the order of their names."""
    videos = [
        Video(f"v{n:02d}", np.arange(1500), [f"{n}/{k}.jpg" for k in range(1500)], np.zeros((1500, 2), np.float32))
        for n in range(count)
    ]
    return Manifest("set.json", "mel", 2, "aligned", videos[::-1])


@pytest.mark.parametrize("count", range(1, 13))
def test_something_is_held_out_and_something_trained_on_whatever_the_share(count):
    for fraction in FRACTIONS:
        parts = split(set_of(count), fraction)
        train, held_out = ({video.name for video in part if video.paths} for part in (parts.train, parts.held_out))
        assert train and held_out, fraction
        assert train.isdisjoint(held_out) == (count >= 4)
        assert train | held_out == {f"v{n:02d}" for n in range(count)}
        assert parts.rule == split(set_of(count), fraction).rule
    nothing = split(set_of(count), 0)
    assert not nothing.held_out and len(nothing.train) == count


@pytest.mark.parametrize(
    "count, held_out", [(4, [3]), (9, [8]), (10, [9]), (19, [9]), (25, [9, 19]), (30, [9, 19, 29])]
)
def test_every_tenth_video_is_held_out_by_default_and_the_last_of_fewer(count, held_out):
    """From ten videos on as before, so that runs of then resume on the same split."""
    parts = split(set_of(count), 0.1)
    assert [video.name for video in parts.held_out] == [f"v{n:02d}" for n in held_out]


def test_held_out_videos_without_a_window_are_passed_over_or_named(tmp_path):
    whole = load_manifest(make_tiny_set(tmp_path / "set", videos=8, clips=6))
    short = whole.videos[3].name
    whole.videos[3] = whole.videos[3].select(np.arange(54) < 4)
    parts = split(whole, 0.25)
    assert [video.name for video in parts.held_out] == [whole.videos[3].name, whole.videos[7].name]
    judged = GeneratorSamples(parts.held_out, 1, 64, 2, 0)
    assert [video.name for video in judged.videos] == [whole.videos[7].name] and judged[0, 1]["source"].shape[0] == 1
    for samples in (lambda videos: GeneratorSamples(videos, 1, 64, 2, 0), lambda videos: SyncSamples(videos, 64, 2, 0)):
        with pytest.raises(InputError) as error:
            samples(parts.held_out[:1])
        assert short in str(error.value)
