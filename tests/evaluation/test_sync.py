"""Offsets between mouth and sound: found with their sign, at any frame rate, and by the public network's names."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from config.constants import MAX_OFFSET
from config.errors import InputError
from evaluation.judges import load_judge
from evaluation.pairs import Pair
from evaluation.sync import sync_distances, sync_scores
from evaluation.syncnet_v2 import PublicSyncNet
from media.audio import write_wav
from media.video import VideoWriter

FPS, RATE, FRAMES = 25, 16000, 80
BRIGHTNESS = np.random.default_rng(0).uniform(0, 1, FRAMES)  # of every 40 ms, and as loud


class Flicker:
    """A judge that compares brightness with loudness, so that the right answer is known."""

    def picture(self, frame, landmarks, video_to_crop):
        return frame[:4, :4]

    def see(self, windows):
        return torch.from_numpy(windows.mean((2, 3, 4)) / 255)

    def hear(self, wave, windows):
        loudness = np.abs(wave[: len(wave) // (RATE // FPS) * (RATE // FPS)].reshape(-1, RATE // FPS)).max(1)
        return torch.from_numpy(np.stack([loudness[k : k + 5] for k in windows]))

    def distance(self, images, sounds):
        return (images - sounds).abs().mean(1)


def flicker_pair(folder: Path, fps: Fraction, delay: int, hidden: tuple[int, ...] = ()) -> Pair:
    """A video as bright as its sound was loud `delay` frames of 25 fps ago."""
    loudness = np.repeat(np.roll(BRIGHTNESS, delay), RATE // FPS).astype(np.float32)
    tone = np.sin(2 * np.pi * 1000 / RATE * np.arange(len(loudness))).astype(np.float32)
    write_wav(folder / "sound.wav", 0.9 * loudness * tone)
    path = folder / "video.mp4"
    count = round(FRAMES / FPS * fps)
    with VideoWriter(path, 64, 64, fps, audio_path=folder / "sound.wav", crf=4) as writer:
        for number in range(count):
            level = BRIGHTNESS[min(round(number * FPS / fps), FRAMES - 1)]
            writer.write(np.full((64, 64, 3), round(255 * level), np.uint8))
    frames = np.array([number for number in range(count) if number not in hidden])
    points = np.random.default_rng(1).uniform(10, 50, (len(frames), 68, 2))
    matrices = np.tile(np.eye(3), (len(frames), 1, 1))
    return Pair(path, path, float(fps), frames, matrices, points, points)


@pytest.mark.parametrize("fps, delay", [(25, 0), (25, 5), (25, -7), (Fraction(30000, 1001), 5), (50, 3)])
def test_the_offset_is_found_with_its_sign(tmp_path, fps, delay):
    scores, curve = sync_scores(flicker_pair(tmp_path, Fraction(fps), delay), Flicker())
    assert scores["sync_offset"] == delay and curve.shape == (31,)
    assert scores["lse_d"] == curve[MAX_OFFSET + delay] and scores["lse_c"] > 0.1


def test_windows_with_a_frame_without_a_face_are_left_out(tmp_path):
    whole = sync_distances(flicker_pair(tmp_path, Fraction(25), 0), Flicker())
    parted = sync_distances(flicker_pair(tmp_path, Fraction(25), 0, hidden=(10, 11, 40)), Flicker())
    assert parted.argmin() == whole.argmin() == MAX_OFFSET and not np.allclose(parted, whole)


def test_a_video_too_short_for_the_offsets_says_so(tmp_path):
    pair = flicker_pair(tmp_path, Fraction(25), 0, hidden=tuple(range(12, FRAMES)))
    short = Pair(pair.generated_path, pair.reference_path, 25.0, *(part[:12] for part in
                 (pair.frames, pair.matrices, pair.generated, pair.reference)))  # fmt: skip
    with pytest.raises(InputError, match="too short for offsets"):
        sync_distances(short, Flicker())


def test_the_public_network_loads_by_its_names_and_gives_distances(tmp_path):
    """State-dict names and shapes as its authors published them (a sample of each kind)."""
    torch.manual_seed(0)
    state = PublicSyncNet().state_dict()
    shapes = {
        "netcnnlip.0.weight": (96, 3, 5, 7, 7),
        "netcnnlip.18.weight": (512, 256, 1, 6, 6),
        "netcnnaud.0.weight": (64, 1, 3, 3),
        "netcnnaud.18.weight": (512, 256, 5, 4),
        "netfcaud.3.weight": (1024, 512),
        "netfclip.1.running_mean": (512,),
    }
    assert {name: tuple(state[name].shape) for name in shapes} == shapes
    torch.save(state, tmp_path / "syncnet_v2.model")
    pair = flicker_pair(tmp_path, Fraction(25), 0)
    curve = sync_distances(pair, load_judge(str(tmp_path / "syncnet_v2.model"), ""))
    assert np.isfinite(curve).all() and (curve > 0).all()
    state["netfcaud.3.weight"] = state["netfcaud.3.weight"][:7]
    torch.save(state, tmp_path / "other.model")
    with pytest.raises(InputError, match="weights do not fit syncnet_v2"):
        load_judge(str(tmp_path / "other.model"), "")


def test_the_public_network_sees_a_whole_upright_face(tmp_path):
    torch.save(PublicSyncNet().state_dict(), tmp_path / "syncnet_v2.model")
    judge = load_judge(str(tmp_path / "syncnet_v2.model"), "")
    frame = np.zeros((400, 400, 3), np.uint8)
    frame[150:250, 160:240] = 255  # the landmarks' box
    landmarks = np.stack(np.meshgrid(np.linspace(160, 239, 17), np.linspace(150, 249, 4)), -1).reshape(68, 2)
    picture = judge.picture(frame, landmarks, np.eye(3))
    rows, columns = np.flatnonzero(picture[:, 112, 0] > 128), np.flatnonzero(picture[112, :, 0] > 128)
    assert picture.shape == (224, 224, 3)
    assert abs(columns.mean() - 111.5) < 2  # in the middle
    assert 15 < rows[0] < 30 and 150 < rows[-1] < 175  # the box's top at the top, room below the chin
