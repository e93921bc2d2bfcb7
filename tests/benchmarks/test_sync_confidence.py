"""Parts with their own sound, moved by known frames, and with other sound are told apart."""

import numpy as np
import torch

from benchmarks.sync_confidence import FRAME, MOVED, cut, judged_parts
from evaluation.confidence import standard_depth
from evaluation.windows import Seen


class Loudness:
    """Sees what the sound of a window of frames was."""

    def hear(self, wave, windows):
        level = np.abs(wave[: len(wave) // FRAME * FRAME].reshape(-1, FRAME)).max(1)
        return torch.from_numpy(np.stack([level[k : k + 5] for k in windows]))

    def distance(self, images, sounds):
        return (images - sounds).abs().mean(1)

    def confidence(self, distances):
        return standard_depth(distances)


def test_own_and_other_sound_are_told_apart():
    judge, faces = Loudness(), []
    for seed in range(2):
        wave = np.repeat(np.random.default_rng(seed).uniform(0, 1, 130), FRAME).astype(np.float32)
        faces.append((Seen(np.arange(126), judge.hear(wave, np.arange(126))), wave))
    own, other, errors = judged_parts(judge, faces, 50)
    assert len(own) == len(errors) == 2 * 2 * len(MOVED) and len(other) == 2 * 2 * 2
    assert not errors.any() and own.min() > 2 * other.max()
    assert judged_parts(judge, faces, 200) is None


def test_a_part_of_the_sound_is_silent_beyond_the_recording():
    wave = np.arange(1, 3 * FRAME + 1)
    assert np.array_equal(cut(wave, -1, 2), np.r_[np.zeros(FRAME), wave[:FRAME]])
    assert np.array_equal(cut(wave, 1, 1), wave[FRAME : 2 * FRAME])
    assert np.array_equal(cut(wave, 2, 2), np.r_[wave[2 * FRAME :], np.zeros(FRAME)])
