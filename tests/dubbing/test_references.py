"""The choice of reference frames, on made-up landmarks whose openings and poses are known."""

import numpy as np
import pytest

from config.errors import InputError
from dubbing.faces import SourceFaces
from dubbing.references import check_references, choose_references, parse_references
from face.alignment import TEMPLATE_INDEX, align_video, template_pixels

OPENINGS = np.random.default_rng(0).permutation(50) * 0.8  # pixels of the crop


def faces_with(openings: np.ndarray, found: np.ndarray, turned: np.ndarray) -> SourceFaces:
    points = np.tile(np.array([160.0, 300.0]), (len(openings), 68, 1))
    points[:, TEMPLATE_INDEX] = template_pixels()
    points[:, 30, 0] += 25 * turned  # a nose to the side: a turned head
    points[:, [65, 66, 67], 1] += openings[:, None]
    points = points * np.linspace(0.5, 2, len(points))[:, None, None]  # a face that comes nearer
    return SourceFaces(points, np.ones(len(points)), align_video(points, found))


def test_from_closed_to_wide_whatever_the_size_of_the_face():
    every = np.ones(50, bool)
    chosen = choose_references(faces_with(OPENINGS, every, ~every))
    openings = OPENINGS[chosen]
    assert len(chosen) == 5 and (np.diff(openings) > 0).all()
    assert openings[0] <= np.quantile(OPENINGS, 0.12) and openings[-1] >= np.quantile(OPENINGS, 0.88)


def test_turned_heads_and_frames_without_a_face_are_avoided():
    turned, found = np.arange(50) % 5 == 0, np.arange(50) % 4 != 1
    chosen = choose_references(faces_with(OPENINGS, found, turned))
    assert not turned[chosen].any() and found[chosen].all()


def test_fewer_than_five_frames_are_repeated():
    found = np.arange(50) < 2
    assert set(choose_references(faces_with(OPENINGS, found, ~found & False))) == {0, 1}


@pytest.mark.parametrize("text", ["1,2,3", "a,b,c,d,e", "1,2,3,4,50", "-1,2,3,4,5", ",,,,", "1.5,2,3,4,5"])
def test_bad_numbers_name_the_flag(text):
    with pytest.raises(InputError, match="--reference_frames"):
        parse_references(text, 50)


def test_named_frames_need_a_face():
    found = np.arange(50) != 7
    faces = faces_with(OPENINGS, found, ~found & False)
    check_references(parse_references("1, 2, 3, 4, 5", 50), faces)
    with pytest.raises(InputError, match="frame 7"):
        check_references(np.array([1, 2, 7, 9, 10]), faces)
