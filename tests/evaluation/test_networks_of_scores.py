"""Scores by foreign networks, with weights that the tests make: DISTS by VGG16, identity by an ONNX file."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool2d
from torchvision.models import vgg16

from config.errors import InputError
from evaluation.identity import embedding, identity_score, load_recogniser
from evaluation.pairs import Pair
from evaluation.perceptual import make_meters, weights_path
from face.alignment import TEMPLATE_INDEX, template_pixels


class ShownPair(Pair):
    """A pair whose pictures are at hand."""

    shown: list[tuple[np.ndarray, np.ndarray]]

    def pictures(self):
        return iter(self.shown)


def pair_of(*sides: np.ndarray) -> ShownPair:
    """Of generated and true pictures (T, h, w, 3), with landmarks where the template has them."""
    points = np.zeros((len(sides[0]), 68, 2))
    points[:, TEMPLATE_INDEX] = template_pixels() / 2 + (80, 150)
    points[:, 36:42], points[:, 42:48] = (126, 199), (193, 199)  # eyes
    frames, matrices = np.arange(len(sides[0])), np.tile(np.eye(3), (len(sides[0]), 1, 1))
    pair = ShownPair(Path("a.mp4"), Path("b.mp4"), 25.0, frames, matrices, points, points)
    object.__setattr__(pair, "shown", list(zip(*sides, strict=True)))
    return pair


@pytest.fixture
def true() -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 255, (2, 416, 320, 3), np.uint8)
    return np.stack([cv2.normalize(cv2.GaussianBlur(picture, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX)
                     for picture in noise])  # fmt: skip


def save_vgg16(path: Path) -> None:
    """Random weights; those that no feature needs are one number each in the file."""
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in vgg16(weights=None, init_weights=False).state_dict().items()}
    torch.manual_seed(0)
    torch.save({name: 0.05 * torch.randn(shape) if "features" in name else torch.zeros(1).expand(shape)
                for name, shape in shapes.items()}, path)  # fmt: skip


def test_dists_is_zero_for_the_same_pictures_and_grows_with_blur(true, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    weights_path("dists").parent.mkdir()
    save_vgg16(weights_path("dists"))
    images = torch.from_numpy(true[:, :96, :96].transpose(0, 3, 1, 2) / np.float32(255))
    found = []
    for kernel in (1, 5, 15):
        meter = make_meters(["dists"])["dists"]
        with torch.inference_mode():
            for image in images[:, None]:
                meter.update(avg_pool2d(image, kernel, 1, kernel // 2), image)
            found.append(float(meter.compute()))
    assert found[0] == pytest.approx(0, abs=1e-4) and found[0] < found[1] < found[2]


def field(number: int, content: bytes | int | str) -> bytes:
    """One field of a protocol buffer message."""

    def varint(value: int) -> bytes:
        return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)

    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    content = content.encode() if isinstance(content, str) else content
    return varint(number << 3 | 2) + varint(len(content)) + content


def write_mean_recogniser(path: Path) -> Path:
    """An ONNX network (1, 3, 112, 112) -> (1, 147): means of 16 x 16 pixels as the embedding."""

    def tensor_type(name: str, *shape: int) -> bytes:
        dimensions = b"".join(field(1, field(1, size)) for size in shape)
        return field(1, name) + field(2, field(1, field(1, 1) + field(2, dimensions)))

    def sixteens(name: str) -> bytes:
        return field(5, field(1, name) + field(8, 16) + field(8, 16) + field(20, 7))

    pool = (
        field(1, "data") + field(2, "pooled") + field(4, "AveragePool") + sixteens("kernel_shape") + sixteens("strides")
    )
    flat = field(1, "pooled") + field(2, "fc1") + field(4, "Flatten")
    graph = field(1, pool) + field(1, flat) + field(2, "means")
    graph += field(11, tensor_type("data", 1, 3, 112, 112)) + field(12, tensor_type("fc1", 1, 147))
    path.write_bytes(field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 13)))
    return path


def test_identity_is_the_cosine_of_aligned_faces(true, tmp_path):
    recogniser = load_recogniser(str(write_mean_recogniser(tmp_path / "means.onnx")))
    assert identity_score(pair_of(true, true), recogniser) == pytest.approx(1, abs=1e-5)
    assert identity_score(pair_of(true[::-1], true), recogniser) < 0.9995
    dark = (true // 4 * (np.arange(320) > 160)[:, None]).astype(np.uint8)
    pair = pair_of(dark, true)
    assert identity_score(pair, recogniser) < 0.9
    ours, theirs = (embedding(crop, pair.reference[0], recogniser) for crop in (dark[0], true[0]))
    assert ours.shape == (1, 147)
    cosine = (ours * theirs).sum() / np.linalg.norm(ours) / np.linalg.norm(theirs)
    assert identity_score(pair_of(dark[:1], true[:1]), recogniser) == pytest.approx(cosine, abs=1e-5)


def test_identity_does_not_depend_on_where_the_face_is(true, tmp_path):
    recogniser = load_recogniser(str(write_mean_recogniser(tmp_path / "means.onnx")))
    points = pair_of(true, true).reference[0]
    moved = cv2.warpAffine(true[0], np.array([[1.0, 0, 20], [0, 1, 30]]), (320, 416))
    ours, theirs = embedding(moved, points + (20, 30), recogniser), embedding(true[0], points, recogniser)
    assert np.abs(ours - theirs).max() < 2 < 10 < np.abs(ours - embedding(moved, points, recogniser)).max()


@pytest.mark.parametrize("content", [None, b"junk"])
def test_a_file_that_is_no_recogniser_is_one_line(content, tmp_path, capfd):
    path = tmp_path / "sface.onnx"
    if content:
        path.write_bytes(content)
    with pytest.raises(InputError, match=f"^--identity_weights {path}: .*sface_2021dec.onnx") as caught:
        load_recogniser(str(path))
    assert "\n" not in str(caught.value) and capfd.readouterr().err == ""
