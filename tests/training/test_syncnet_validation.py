"""What SyncNet's held-out scores say: shares of windows and of seconds whose best offset is the true one."""

import pytest
import torch

from config.constants import MAX_OFFSET
from training.syncnet_validation import BLOCK, offset_accuracy

OFFSETS = 2 * MAX_OFFSET + 1


def scores_with_best(*offsets: int) -> torch.Tensor:
    """(len(offsets), 31) scores, 0.1 but for 0.9 at each row's offset in frames."""
    scores = torch.full((len(offsets), OFFSETS), 0.1)
    for row, offset in enumerate(offsets):
        scores[row, MAX_OFFSET + offset] = 0.9
    return scores


def test_single_windows_are_counted_exactly_and_within_a_frame():
    values = offset_accuracy([scores_with_best(0, 1, -1, 5)])
    assert values["val/offset_exact"] == 0.25 and values["val/offset_within_1"] == 0.75
    assert "val/offset_1s_exact" not in values  # not a whole second
    assert values["val/score_in_sync"] == pytest.approx((0.9 + 3 * 0.1) / 4)
    assert values["val/score_out_of_sync"] == pytest.approx((30 * 0.1 + 3 * (29 * 0.1 + 0.9)) / (4 * 30))


def test_seconds_are_judged_by_the_mean_of_their_windows():
    """Most windows of the first second point elsewhere, each to another offset; their mean points to the truth."""
    elsewhere = [offset for offset in range(-MAX_OFFSET, MAX_OFFSET + 1) if offset][: BLOCK - 3]
    first = scores_with_best(0, 0, 0, *elsewhere)
    second = scores_with_best(*[7] * BLOCK)
    values = offset_accuracy([first, second])
    assert values["val/offset_1s_exact"] == 0.5 and values["val/offset_1s_within_1"] == 0.5
    assert values["val/offset_exact"] == pytest.approx(3 / (2 * BLOCK))


def test_nothing_scored_is_nothing_said():
    assert offset_accuracy([]) == {}
