"""What is kept of videos: found again, and made anew where an entry holds something else."""

import os

import numpy as np
import pytest
import torch
from talking_photo import small_dub

from dubbing.cache import Cache
from dubbing.pipeline import make_plan


def test_a_full_cache_forgets_the_oldest_and_a_blocked_one_only_warns(tmp_path, monkeypatch, capsys):
    (tmp_path / "video.mp4").write_bytes(b"pictures")
    cache = Cache(str(tmp_path / "cache"), tmp_path / "video.mp4")
    for number in range(4):
        cache.store({"x": torch.full((1000,), float(number))}, "kind", number)
        os.utime(cache.path("kind", number), (number, number))
    assert cache.load(any, "kind", 0)["x"][0] == 0
    cache.path("kind", 1).write_bytes(b"junk")
    assert cache.load(any, "kind", 1) is None
    assert f"{cache.path('kind', 1)} holds something else" in capsys.readouterr().err
    monkeypatch.setattr("dubbing.cache.LARGEST_BYTES", 2 * cache.path("kind", 0).stat().st_size + 10)
    cache.prune()  # keeps 0, used last, and 3
    assert [cache.load(any, "kind", number) is not None for number in range(4)] == [True, False, False, True]
    cache.store({"x": torch.zeros(1000)}, "mouths")  # before all that takes longer to make
    cache.prune()
    assert cache.load(any, "mouths") is None and cache.load(any, "kind", 0) is not None
    (tmp_path / "file").write_bytes(b"")
    blocked = Cache(str(tmp_path / "file"), tmp_path / "video.mp4")  # a folder that cannot be made
    blocked.store({"x": torch.zeros(1)}, "kind")
    assert blocked.load(any, "kind") is None and "nothing is kept" in capsys.readouterr().err


def test_an_entry_under_the_name_of_another_is_not_taken(tmp_path, capsys):
    (tmp_path / "video.mp4").write_bytes(b"pictures")
    cache = Cache(str(tmp_path / "cache"), tmp_path / "video.mp4")
    cache.store({"x": torch.zeros(1)}, "kind", 1)
    cache.path("kind", 1).rename(cache.path("kind", 2))
    assert cache.load(any, "kind", 2) is None and "holds something else" in capsys.readouterr().err


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Options of a dub whose landmarks and reference are in a cache, and the plan it had."""
    options = small_dub(tmp_path_factory.mktemp("kept"), 8)
    return options, make_plan(options)


def tensors(**changes):
    """A change of an entry: functions of its tensors by name; None takes one away."""

    def change(content: dict) -> None:
        for name, make in changes.items():
            if make is None:
                del content["tensors"][name]
            else:
                content["tensors"][name] = make(content["tensors"].get(name))

    return change


def one_nan(tensor: torch.Tensor) -> torch.Tensor:
    tensor = tensor.contiguous().clone()
    tensor.view(-1)[0] = float("nan")
    return tensor


OTHER = {
    "no face": ("landmarks", tensors(landmarks=lambda t: t * np.nan, confidence=torch.zeros_like)),
    "no landmarks": ("landmarks", tensors(landmarks=None)),
    "a field too many": ("landmarks", tensors(x=lambda t: torch.zeros(1))),
    "shorter landmarks": ("landmarks", tensors(landmarks=lambda t: t[:-1])),
    "more frames than the video": (
        "landmarks",
        tensors(landmarks=lambda t: t[:1].repeat(9, 1, 1), confidence=lambda t: t[:1].repeat(9)),
    ),
    "fewer points": ("landmarks", tensors(landmarks=lambda t: t[:, :5])),
    "no frames": ("landmarks", tensors(landmarks=lambda t: t[:0], confidence=lambda t: t[:0])),
    "one NaN": ("landmarks", tensors(landmarks=one_nan)),
    "NaN in confidence": ("landmarks", tensors(confidence=one_nan)),
    "confidence beyond 1": ("landmarks", tensors(confidence=lambda t: t * 7)),
    "confidence without a face": ("landmarks", tensors(confidence=torch.ones_like)),
    "confidence without an axis": ("landmarks", tensors(confidence=lambda t: t[0])),
    "double landmarks": ("landmarks", tensors(landmarks=lambda t: t.double())),
    "a list": ("landmarks", lambda content: content.update(tensors=[1])),
    "text for a tensor": ("landmarks", tensors(landmarks=lambda t: "x")),
    "no tensors": ("landmarks", lambda content: content.pop("tensors")),
    "no name": ("landmarks", lambda content: content.pop("name")),
    "NaN in the reference": ("reference", tensors(encoded=one_nan)),
    "half precision": ("reference", tensors(encoded=lambda t: t.half())),
    "another size": ("reference", tensors(appearance=lambda t: t[..., 1:])),
    "no appearance": ("reference", tensors(appearance=None)),
    "fewer mouths": ("mouths", tensors(mouths=lambda t: t[1:])),
    "mouths with signs": ("mouths", tensors(mouths=lambda t: t.to(torch.int8))),
    "no mouths": ("mouths", tensors(mouths=None)),
    "mouths without an axis": ("mouths", tensors(mouths=lambda t: torch.tensor(1, dtype=torch.uint8))),
    "mouths of no frames": ("mouths", tensors(numbers=None)),
    "two videos": ("reference", tensors(encoded=lambda t: t.repeat(2, 1, 1, 1))),
}


@pytest.mark.parametrize("kind, change", OTHER.values(), ids=OTHER.keys())
def test_an_entry_that_holds_other_content_is_made_anew(kept, kind, change, tmp_path, capsys):
    options, plan = kept
    (path,) = [p for p in os.scandir(options.cache_folder) if p.name.startswith(kind)]
    content = torch.load(path.path, weights_only=True)
    change(content)
    torch.save(content, path.path)
    again = make_plan(options)
    assert f"warning: --cache_folder: {path.path} holds something else" in capsys.readouterr().err
    np.testing.assert_array_equal(again.faces.video_to_crop, plan.faces.video_to_crop)
    np.testing.assert_array_equal(again.mouths.images, plan.mouths.images)
    for before, after in zip(plan.renderer.reference, again.renderer.reference, strict=True):
        assert torch.equal(before, after)
    make_plan(options)  # finds what was made anew
    assert "holds something else" not in capsys.readouterr().err
