"""Fine detail from a face's own mouths: whose it is, how much of it, and what it makes of a mouth of 64 pixels."""

import cv2
import numpy as np
import pytest

from face.detail import MouthDetail, OwnMouths, enlarged, resized, stored_mouth
from face.geometry import crop_size, mouth_box
from face.paste import MouthPaster

SIZE = 64
STORED = mouth_box(256)
ELSEWHERE = 99.0  # seconds, far from all mouths
NO_MOVE = np.eye(3)  # the video is the stored crop


def stored_crop(seed: int) -> np.ndarray:
    """A crop (416, 320, 3) with shapes of a mouth's size, and detail that 64 pixels cannot show."""
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(rng.integers(40, 215, (13, 10, 3)).astype(np.uint8), (320, 416), interpolation=cv2.INTER_CUBIC)
    return np.clip(coarse.astype(int) + rng.integers(-20, 21, coarse.shape), 0, 255).astype(np.uint8)


def small(crop: np.ndarray, size: int = SIZE) -> np.ndarray:
    return cv2.resize(crop, crop_size(size)[::-1], interpolation=cv2.INTER_AREA)


@pytest.fixture(scope="module")
def crops() -> list[np.ndarray]:
    return [stored_crop(seed) for seed in range(5)]


def detail_of(crops: list[np.ndarray], strength: float = 1.0, size: int = SIZE) -> MouthDetail:
    mouths = np.stack([stored_mouth(crop) for crop in crops])
    return MouthDetail(OwnMouths(mouths, np.arange(float(len(crops)))), size, strength)


@pytest.mark.parametrize("size", [32, 64, 96, 128, 192])
def test_a_mouth_as_it_is_stored_comes_back_from_its_few_pixels(crops, size):
    for crop in crops:
        mouth = resized(stored_mouth(crop), size)
        sharp = enlarged(mouth) + detail_of(crops, size=size).of(mouth, ELSEWHERE)
        np.testing.assert_allclose(sharp, stored_mouth(crop), atol=2.5)  # two roundings


def test_half_the_strength_adds_half_and_nothing_is_added_where_they_differ(crops):
    whole = stored_mouth(crops[3])
    mouth = resized(whole, SIZE)
    all_of_it = detail_of(crops).of(mouth, ELSEWHERE)
    np.testing.assert_allclose(detail_of(crops, 0.5).of(mouth, ELSEWHERE), all_of_it / 2, atol=1e-3)
    mouth[:16] = 255 - mouth[:16] // 2  # nothing that any of them shows
    given = detail_of(crops).of(mouth, ELSEWHERE)
    assert np.abs(given[:32]).mean() < 0.3 * np.abs(all_of_it[:32]).mean()
    np.testing.assert_allclose(given[120:], all_of_it[120:], atol=0.1)


def test_lips_tell_mouths_apart_more_than_what_is_around_them(crops):
    lips, around = stored_mouth(crops[0]), stored_mouth(crops[1])
    mixed = around.copy()
    mixed[64:160, 50:206] = lips[64:160, 50:206]
    detail = detail_of(crops)
    detail.of(resized(mixed, SIZE), ELSEWHERE)
    assert detail.current == 0


def test_mouths_of_the_same_half_second_are_passed_over_unless_there_are_no_others(crops):
    """They are the one that is replaced, or tell how open it was."""
    mouth = resized(stored_mouth(crops[2]), SIZE)
    found = []
    for time in (ELSEWHERE, 1.49, 1.51, 2.0, 2.49, 2.51):
        detail = detail_of(crops)
        detail.of(mouth, time)
        found.append(detail.current == 2)
    assert found == [True, True, False, False, False, True]
    alone = detail_of(crops[2:3])
    assert alone.of(mouth, 0.0).any()


def test_it_stays_with_a_mouth_unless_another_is_clearly_nearer(crops):
    first, second = (resized(stored_mouth(crop), SIZE).astype(float) for crop in crops[:2])
    detail, found = detail_of(crops[:2]), []
    for share in (0.0, 0.49, 0.51, 0.6, 0.51, 0.49, 0.4):
        detail.of((first + share * (second - first)).round().astype(np.uint8), ELSEWHERE)
        found.append(detail.current)
    assert found == [0, 0, 0, 1, 1, 1, 0]


def test_a_generated_mouth_becomes_as_sharp_as_the_video(crops):
    """The mouth of one frame is drawn into another: with its detail it is what that frame shows."""
    frame, other, paster = crops[0], crops[1], MouthPaster(SIZE)
    face, crop = small(other), small(frame)
    plain = paster.paste(frame, face, crop, NO_MOVE)
    sharp = paster.paste(frame, face, crop, NO_MOVE, detail_of(crops).of(paster.mouth(face), ELSEWHERE))
    inner = (slice(200, 330), slice(100, 220))  # where the weight of the pasted mouth is 1
    replaced = np.abs(face.astype(int) - crop).max(2)
    replaced = cv2.resize(replaced.astype(np.float32), (320, 416))[inner] > 60
    assert replaced.mean() > 0.3
    errors = [np.abs(image[inner].astype(int) - other[inner])[replaced].mean() for image in (plain, sharp)]
    assert errors[0] > 8 and errors[1] < 3
    outside = np.ones(frame.shape[:2], bool)
    outside[STORED] = False
    assert np.array_equal(sharp[outside], frame[outside])


def test_a_face_that_agrees_with_the_video_stays_the_video(crops):
    face, paster = small(crops[2]), MouthPaster(SIZE)
    detail = detail_of(crops).of(paster.mouth(face), ELSEWHERE)
    assert np.array_equal(paster.paste(crops[2], face, face, NO_MOVE, detail), crops[2])
