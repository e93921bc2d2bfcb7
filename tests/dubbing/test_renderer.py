"""What is pasted, pixel for pixel, before any encoding."""

import copy

import numpy as np
import pytest
import torch
from talking_photo import MEL_CHANNELS, photo_frame, tiny_spec

from dubbing.renderer import Renderer
from face.alignment import network_crop, transform
from face.geometry import crop_size, mouth_box, stored_to_network
from face.masks import source_mask
from models.loading import LoadedNetwork

# A face turned by 0.15 and placed as in the photograph: 320 crop pixels are 150 video pixels.
SCALE, TURN, SIZE = 320 / 150, 0.15, 64
ROTATION = SCALE * np.array([[np.cos(TURN), -np.sin(TURN)], [np.sin(TURN), np.cos(TURN)]])
VIDEO_TO_CROP = np.eye(3)
VIDEO_TO_CROP[:2, :2] = ROTATION
VIDEO_TO_CROP[:2, 2] = np.array([160, 208]) - ROTATION @ np.array([110, 100])


@pytest.fixture(scope="module", params=["dinet", "lawdnet"])
def rendered(request):
    torch.manual_seed(0)
    spec = tiny_spec(request.param, mask="box" if request.param == "dinet" else "smooth")
    crops = [network_crop(photo_frame(number), VIDEO_TO_CROP, SIZE) for number in range(5)]
    network = spec.build()
    for module in network.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):  # as trained ones have
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            module.weight.data.uniform_(0.5, 2)
            module.bias.data.normal_(0, 0.1)
    plain = copy.deepcopy(network).eval()
    renderer = Renderer(LoadedNetwork(spec, network.eval()), torch.device("cpu"), "fp32")
    renderer.reference = renderer.encode(crops)
    return renderer, plain


def test_generation_is_the_networks_forward_with_batch_norm_folded(rendered):
    renderer, plain = rendered
    crops = np.stack([network_crop(photo_frame(number), VIDEO_TO_CROP, SIZE) for number in range(5)])
    windows = np.random.default_rng(0).standard_normal((2, 5, MEL_CHANNELS)).astype(np.float32)
    unit = torch.from_numpy(crops[..., ::-1].copy()).permute(0, 3, 1, 2).float() / 255  # RGB
    kind = "box" if type(renderer.network).__name__ == "DINet" else "smooth"
    source = unit[:2] * torch.from_numpy(source_mask(kind, SIZE))
    with torch.no_grad():
        reference = unit.reshape(1, 15, *crop_size(SIZE)).expand(2, -1, -1, -1)
        expected = plain(source, reference, torch.from_numpy(windows.transpose(0, 2, 1).copy()))
    faces = renderer.generate(crops[:2], windows)[..., ::-1].transpose(0, 3, 1, 2)
    assert np.abs(faces / 255 - expected.numpy()).max() < 0.5 / 255 + 1e-3


def test_bf16_is_float32_to_less_than_the_eye_sees(rendered):
    exact, plain = rendered
    crops = [network_crop(photo_frame(number), VIDEO_TO_CROP, SIZE) for number in range(5)]
    fast = Renderer(LoadedNetwork(tiny_spec(), copy.deepcopy(plain)), torch.device("cpu"), "bf16")
    fast.mask, fast.reference = exact.mask, fast.encode(crops)
    windows = np.random.default_rng(0).standard_normal((5, 5, MEL_CHANNELS)).astype(np.float32)
    faces = [renderer.generate(np.stack(crops), windows).astype(float) for renderer in (fast, exact)]
    assert fast.reference.encoded.dtype == torch.bfloat16
    error = np.square(faces[0] - faces[1]).mean()
    assert 0 < error < 255**2 / 10**4  # 40 dB; trained weights reach 54.8 (benchmarks/accuracy.py)


@pytest.mark.parametrize("mask, seen", [("box", True), ("box_below", False), ("half", False)])
def test_what_is_below_the_box_is_seen_only_where_the_checkpoint_says_so(mask, seen):
    spec = tiny_spec(mask=mask)
    renderer = Renderer(LoadedNetwork(spec, spec.build().eval()), torch.device("cpu"), "fp32")
    crop = network_crop(photo_frame(0), VIDEO_TO_CROP, SIZE)
    renderer.reference = renderer.encode([crop] * 5)
    other = crop.copy()
    other[98:, 12:68] = 255 - other[98:, 12:68]
    faces = renderer.generate(np.stack([crop, other]), np.zeros((2, 5, MEL_CHANNELS), np.float32))
    assert np.array_equal(*faces) != seen


def test_pixels_outside_the_mouth_box_are_untouched_and_the_mouth_is_new(rendered):
    renderer, _ = rendered
    frame = photo_frame(3)
    black, white = np.zeros((*crop_size(SIZE), 3), np.uint8), np.full((*crop_size(SIZE), 3), 255, np.uint8)
    pasted = renderer.paster.paste(frame, black, white, VIDEO_TO_CROP)
    y, x = np.mgrid[: frame.shape[0], : frame.shape[1]]
    place = transform(np.stack((x, y), -1).astype(float), stored_to_network(SIZE) @ VIDEO_TO_CROP)
    rows, columns = mouth_box(SIZE)
    depth = np.minimum(place - (columns.start, rows.start), (columns.stop - 1, rows.stop - 1) - place).min(-1)
    assert (depth < -1).sum() > 1000 and np.array_equal(pasted[depth < -1], frame[depth < -1])
    middle = depth > SIZE / 5 + 1
    assert middle.sum() > 1000 and pasted[middle].max() == 0


@pytest.mark.parametrize("mouth_size, least", [(64, 29), (256, 39)])
def test_pasting_the_true_face_changes_nothing_and_replacing_it_next_to_nothing(mouth_size, least):
    spec = tiny_spec()
    sized = LoadedNetwork(type(spec)(**{**vars(spec), "mouth_size": mouth_size}), spec.build().eval())
    renderer, frame = Renderer(sized, torch.device("cpu"), "fp32"), photo_frame(0)
    crop = network_crop(frame, VIDEO_TO_CROP, mouth_size)
    assert np.array_equal(renderer.paster.paste(frame, crop, crop, VIDEO_TO_CROP), frame)
    other = 255 - crop  # agrees nowhere, so the crop replaces the video
    pasted = renderer.paster.paste(frame, crop, other, VIDEO_TO_CROP)
    changed = (pasted != frame).any(-1)
    error = np.mean((pasted[changed].astype(float) - frame[changed]) ** 2)
    assert 10 * np.log10(255**2 / error) > least  # dB; half a crop pixel of shift costs 4 dB
