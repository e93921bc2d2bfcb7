"""Signs of failure are said once, with what to try, and only when they are there."""

import pytest

from training.failure_warnings import FailureWarnings


@pytest.mark.parametrize(
    "step, values, words",
    [
        (1000, {"val/offset_1s_within_1": 0.12}, ("SyncNet is at chance after 1000 steps", "--lr_g")),
        (50, {"d_gan_clip": 0.001}, ("gan_clip is saturated", "--lamb_gan_clip")),
        (50, {"d_gan_image": 0.001}, ("gan_image is saturated", "--lamb_gan\n")),
        (50, {"d_gan_mouth": 0.001}, ("gan_mouth is saturated", "--lamb_gan_mouth\n")),
    ],
)
def test_a_sign_is_said_once(capsys, step, values, words):
    signs = FailureWarnings()
    signs.look(step, values)
    signs.look(step + 50, values)
    printed = capsys.readouterr().out
    assert printed.count("warning:") == 1 and all(word in printed for word in words)


@pytest.mark.parametrize(
    "step, values",
    [
        (999, {"val/offset_1s_within_1": 0.0}),  # too early to tell
        (5000, {"val/offset_1s_within_1": 0.6}),
        (5000, {"d_gan_image": 0.24, "in_sync": 0.0, "mouth": 0.0}),
    ],
)
def test_a_healthy_run_is_left_in_peace(capsys, step, values):
    FailureWarnings().look(step, values)
    assert not capsys.readouterr().out
