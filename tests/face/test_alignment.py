"""Crops: against the published numbers, and against themselves when pasted back."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from face.alignment import align_frame, align_video, crop_face, legacy_radius, legacy_video, share_inside, transform
from face.geometry import crop_size, mouth_box, resize_matrix, stored_to_network
from face.masks import feather, smooth_mask
from face.paste import face_layer, paste_layer

FIXTURES = Path(__file__).parents[1] / "fixtures"
ALIGN = np.load(FIXTURES / "face_align.npz")


def face_landmarks(centre=(220, 150), size=60.0, turn=0.1) -> np.ndarray:
    """Landmarks (68, 2) whose aligned points are exactly a similarity of the template."""
    points = np.random.RandomState(0).uniform(-1, 1, (68, 2))
    points[ALIGN["index25"]] = ALIGN["template25"]
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return points @ rotation.T * size + np.array(centre)


@pytest.mark.parametrize("example", [0, 1])
def test_alignment_is_the_published_one(example):
    matrix = align_frame(ALIGN["landmarks"][example])
    assert np.abs(matrix - ALIGN["matrix"][example]).max() < 1e-4


def test_legacy_radius_is_the_published_one():
    fixture = json.loads((FIXTURES / "crop_radius.json").read_text())
    landmarks = np.array(fixture["landmarks"])
    for case in fixture["cases"]:
        radius = legacy_radius(landmarks, case["width"], case["height"], case["scale"])
        assert radius == (case["radius"] if case["ok"] else None)


@pytest.mark.parametrize("mouth_size", [64, 256])
def test_smooth_mask_is_the_published_one(mouth_size):
    assert np.abs(smooth_mask(mouth_size) - np.load(FIXTURES / "smooth_mask.npz")[f"mouth{mouth_size}"]).max() < 1e-5


def test_sizes_follow_the_mouth():
    assert [crop_size(s) for s in (64, 128, 256)] == [(104, 80), (208, 160), (416, 320)]
    assert mouth_box(256) == (slice(128, 384), slice(32, 288))


def test_one_scale_serves_a_whole_video_and_missing_frames_stay_missing():
    landmarks = np.stack([face_landmarks(size=s, centre=(200 + s, 150)) for s in (58, 60, 62, 64)])
    matrices = align_video(landmarks, np.array([True, True, True, False]))
    scales = np.linalg.det(matrices[:3, :2, :2]) ** 0.5
    assert np.ptp(scales) < 1e-9 and np.isnan(matrices[3]).all()
    for points, matrix in zip(landmarks[:3], matrices[:3], strict=True):
        drift = transform(points[ALIGN["index25"]], matrix).mean(0) - transform(points, align_frame(points))[
            ALIGN["index25"]
        ].mean(0)
        assert np.abs(drift).max() < 1e-6


def weight_of_crop(mouth_size: int) -> np.ndarray:
    weight = np.zeros(crop_size(mouth_size), np.float32)
    weight[mouth_box(mouth_size)] = feather(mouth_size)
    return weight


@pytest.mark.parametrize("turn, size", [(0.0, 60.0), (0.3, 60.0), (-0.2, 250.0)])
def test_crop_then_paste_is_the_identity_inside_and_exact_outside(turn, size):
    side = 512 if size < 100 else 2048
    frame = cv2.GaussianBlur(cv2.resize(astronaut(), (side, side)), (0, 0), side / 256)
    matrix = align_frame(face_landmarks(centre=(0.43 * side, 0.29 * side), size=size, turn=turn))
    crop = crop_face(frame, matrix)
    weight = weight_of_crop(256)
    result = paste_layer(frame, face_layer(crop, crop, weight), matrix)
    assert np.array_equal(result, frame)  # a face that agrees with the video changes nothing
    other = np.full_like(crop, 255)
    # Nothing agrees: the crop replaces the video.
    replaced = paste_layer(frame, face_layer(crop, other, weight), matrix)
    difference = np.abs(replaced.astype(int) - frame)
    assert difference.mean() < 0.3 and np.percentile(difference, 99.9) <= 6
    # Everything that is not under the mouth's feather is the same bit for bit.
    pasted = paste_layer(frame, face_layer(other, crop, weight), matrix)
    outside = cv2.warpAffine(np.ones((416, 320), np.uint8), np.linalg.inv(matrix)[:2], (side, side)) == 0
    assert outside.mean() > 0.3 and (pasted[outside] == frame[outside]).all()
    assert (pasted != frame).any()


def test_paste_at_network_size_lands_where_it_was_cut():
    frame = cv2.GaussianBlur(astronaut(), (0, 0), 6)
    matrix = align_frame(face_landmarks())
    small = cv2.resize(crop_face(frame, matrix), (80, 104), interpolation=cv2.INTER_AREA)
    layer = face_layer(small, 255 - small, weight_of_crop(64))
    result = paste_layer(frame, layer, stored_to_network(64) @ matrix)
    assert np.abs(result.astype(int) - frame).max() <= 4


def test_the_videos_detail_stays_where_the_faces_agree_and_goes_where_they_do_not():
    fine = np.random.default_rng(0).integers(0, 60, (416, 320, 1), np.uint8)
    frame = np.full((416, 320, 3), 100, np.uint8) + fine  # detail that a crop of 80 x 104 cannot show
    crop = cv2.resize(frame, (80, 104), interpolation=cv2.INTER_AREA)
    face = crop.copy()
    face[32:64] = crop[32:64] + 4  # a little lighter, as skin comes out
    face[64:96] = 20  # a mouth
    result = paste_layer(frame, face_layer(face, crop, np.ones((104, 80), np.float32)), stored_to_network(64))
    agrees, differs = (slice(160, 230), slice(40, 280)), (slice(290, 360), slice(40, 280))
    assert np.corrcoef(result[agrees].ravel(), frame[agrees].ravel())[0, 1] > 0.99
    assert abs(result[agrees].mean() - frame[agrees].mean() - 4) < 1
    assert result[differs].std() < 3 and abs(result[differs].mean() - 20) < 2


def test_legacy_crop_equals_cutting_and_resizing():
    image = cv2.GaussianBlur(astronaut(), (0, 0), 2)
    landmarks = np.array(json.loads((FIXTURES / "crop_radius.json").read_text())["landmarks"], float) / 4
    matrices = legacy_video(landmarks, np.ones(9, bool), 512, 512)
    radius = legacy_radius(landmarks.astype(int), 512, 512, 1.05)
    y, x = landmarks[0].astype(int)[29, 1], landmarks[0].astype(int)[33, 0]
    quarter = radius // 4
    cut = image[y - radius : y + 2 * radius + quarter, x - radius - quarter : x + radius + quarter]
    expected = cv2.resize(cut, (320, 416))
    difference = np.abs(crop_face(image, matrices[0]).astype(int) - expected)[4:-4, 4:-4]
    assert difference.max() <= 2


def test_resize_matrix_keeps_borders():
    corners = np.array([[-0.5, -0.5], [319.5, 415.5]])
    assert np.allclose(transform(corners, resize_matrix(0.25)), [[-0.5, -0.5], [79.5, 103.5]])


def test_share_inside_counts_what_the_frame_covers():
    assert share_inside(np.eye(3), 320, 416) == 1.0
    assert 0.4 < share_inside(np.eye(3), 160, 416) < 0.6
