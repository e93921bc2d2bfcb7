"""The contact sheet shows what belongs together."""

import cv2
import numpy as np
from talking_photo import number_of, write_video

from evaluation.pairs import Pair
from evaluation.scorer import draw
from media.video import probe

LABEL = 34


def test_the_source_row_has_the_frames_that_the_result_shows(tmp_path):
    infos = [probe(write_video(tmp_path / f"{count}.mp4", count)) for count in (12, 12, 5)]
    frames = np.arange(2, 12)  # the first two show no face
    points = np.random.default_rng(0).uniform(0, 320, (10, 68, 2))
    upper_left = np.repeat(np.eye(3)[None], 10, 0)
    draw(Pair(infos[0].path, infos[1].path, 25, frames, upper_left, points, points), tmp_path, *infos)
    sheet = cv2.imread(str(tmp_path / "contact_sheet.png"))
    rows = [sheet[(416 + LABEL) * row + LABEL :][:416] for row in range(3)]
    numbers = [[number_of(row[:232, 320 * i : 320 * i + 240]) for i in range(8)] for row in rows]
    chosen = [2, 3, 5, 6, 7, 8, 10, 11]
    assert numbers == [[[0, 1, 2, 3, 4, 3, 2, 1, 0, 1, 2, 3][k] for k in chosen], chosen, chosen]
