"""inference.py --engine openvino: near float32, of the video that is dubbed, and refused where it gains nothing."""

import copy
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from talking_photo import MEL_CHANNELS, tiny_spec, write_speech, write_video

from config.config import InferenceOptions
from config.errors import InputError
from dubbing.pipeline import dub, make_plan
from dubbing.renderer import check_engine, load_renderer
from face.geometry import crop_size
from media.video import read_frames
from models.dinet import ReferenceFeatures
from training.checkpoints import save_checkpoint


@pytest.fixture(scope="module")
def options(tmp_path_factory) -> InferenceOptions:
    folder = tmp_path_factory.mktemp("int8")
    video, speech = write_video(folder / "face.mp4", 30), write_speech(folder / "speech.wav", 1.0)
    checkpoint = write_lively_checkpoint(folder / "run")
    given = {"device": "cpu", "engine": "openvino", "cache_folder": "", "output": str(folder / "dubbed.mp4")}
    return InferenceOptions(str(video), str(speech), str(checkpoint), **given)


@pytest.fixture(scope="module")
def plan(options):
    return make_plan(options)


def write_lively_checkpoint(folder: Path) -> Path:
    """Random weights whose faces depend on what goes in, as those of a trained generator do."""
    torch.manual_seed(0)
    spec = tiny_spec()
    network = spec.build()
    for module in network.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.2)
            module.bias.data.normal_(0, 0.1)
    return save_checkpoint(folder, 1, {"spec": asdict(spec), "state_dict": {"net_g": network.state_dict()}}, 1)


def some_faces(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    crops = rng.integers(0, 256, (3, *crop_size(64), 3), np.uint8)
    return crops, rng.standard_normal((3, 5, MEL_CHANNELS), np.float32)


def test_int8_is_near_float32_and_no_float32(plan):
    drawn = plan.renderer.generate(*some_faces(0))
    exact = copy.copy(plan.renderer)
    exact.draw_in_int8 = None
    error = np.square(drawn.astype(float) - exact.generate(*some_faces(0))).mean()
    assert 0 < error < 255**2 / 10**5  # 50 dB


def test_the_next_video_is_drawn_from_its_own_references(plan, options):
    renderer = copy.copy(plan.renderer)
    crops, windows = some_faces(1)
    before = renderer.generate(crops, windows)
    renderer.reference = ReferenceFeatures(*(10 * tensor for tensor in renderer.reference))
    renderer.calibrate(crops, windows)
    assert renderer.draw_in_int8
    after = renderer.generate(crops, windows)
    renderer.draw_in_int8 = None
    exact = renderer.generate(crops, windows).astype(float)
    assert np.abs(after - exact).mean() < 0.5 * np.abs(before - exact).mean()


def test_where_int8_is_too_far_off_pytorch_draws_and_says_so(plan, monkeypatch, capsys):
    renderer = copy.copy(plan.renderer)
    monkeypatch.setattr("dubbing.renderer.LEAST_PSNR", 1000)
    renderer.calibrate(*some_faces(2))
    assert renderer.draw_in_int8 is None and "drawn in float32" in capsys.readouterr().out


def test_a_video_is_dubbed_in_int8(options, plan, tmp_path):
    assert plan.renderer.draw_in_int8
    said = dub(options, tmp_path / "dubbed.mp4", plan.renderer)
    assert said.startswith(f"{tmp_path / 'dubbed.mp4'}: 25 frames")
    assert len(list(read_frames(tmp_path / "dubbed.mp4"))) == 25


@pytest.mark.parametrize(
    ("changed", "device", "network", "reason"),
    [
        ({}, "cuda", "dinet", "give --device cpu"),
        ({"precision": "bf16"}, "cpu", "dinet", "leave --precision bf16 out"),
        ({}, "cpu", "lawdnet", "no faster for lawdnet"),
    ],
)
def test_what_gains_nothing_is_refused(changed, device, network, reason):
    with pytest.raises(InputError, match=reason):
        check_engine(InferenceOptions(engine="openvino", **changed), torch.device(device), network)


def test_openvino_that_is_missing_is_named(options, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(InputError, match="pip install openvino"):
        load_renderer(options)


def test_a_dub_that_shows_no_face_is_not_calibrated(options, plan, tmp_path):
    faceless = write_video(tmp_path / "faceless.mp4", 12, faceless=tuple(range(5)))
    given = {"source_video_path": str(faceless), "reference_frames": "7,8,9,10,11"}
    short = write_speech(tmp_path / "short.wav", 0.16)
    shown = make_plan(replace(options, driving_audio_path=str(short), **given), copy.copy(plan.renderer))
    assert shown.num_untouched == shown.num_frames == 4
