"""An hf: audio feature from a video to a dubbed one, by the project's own commands with their default options."""

import sys
from pathlib import Path

import numpy as np
import pytest
from programs import run_program
from whole_videos import place_whole_video

import data_processing
from config.constants import FPS
from dataset.layout import TrainingSetLayout
from dataset.manifest import load_manifest
from dubbing.speech import read_speech
from media.video import probe
from models.loading import NetworkSpec
from sample_speaker.speech import Voice
from sample_speaker.videos import make_speaker_videos

ROOT = Path(__file__).resolve().parents[2]
NAME = "speaker_00"


def run(*command: object) -> None:
    result = run_program(*command)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture(scope="module")
def layout(tmp_path_factory) -> TrainingSetLayout:
    """A training set of one speaking video, with sound and crops, without features."""
    root = tmp_path_factory.mktemp("a set")
    video = make_speaker_videos(root / "raw", [["Bob may map it."]], [Voice("en-us+f1", 160, 50)], size=256)[0]
    place_whole_video(NAME, video, root / "25fps", root / "set")
    run("data_processing.py", "--extract_audio", "--crop_face", "--training_data_path", root / "set")
    return TrainingSetLayout(root / "set")


def feature_steps(layout: TrainingSetLayout, feature: str) -> list[str]:
    steps = ["--extract_audio_feature", "--generate_training_json"]
    return [*steps, "--training_data_path", str(layout.root), "--audio_feature", feature]


@pytest.mark.parametrize("kind", ["hubert", "whisper"])
def test_training_and_dubbing_see_the_same_features(layout, encoders, kind, monkeypatch):
    feature = f"hf:{encoders[kind]}"
    monkeypatch.setattr(sys, "argv", ["data_processing.py", *feature_steps(layout, feature)])
    assert data_processing.main() == 0
    manifest = load_manifest(layout.training_json)
    rows = np.load(layout.features(feature) / f"{NAME}.npy")
    assert (manifest.audio_feature, manifest.audio_channel) == (feature, 24)
    assert rows.shape == (probe(layout.videos / f"{NAME}.mp4").num_frames, 24) and rows.std() > 0

    arguments = {"source_channel": 3, "ref_channel": 15, "audio_channel": 24}
    spec = NetworkSpec("dinet", arguments, feature, "aligned", "box", 64)
    heard = read_speech(layout.audio / f"{NAME}.wav", spec, "", "cpu")
    middle = heard.windows(np.arange(len(rows)) / FPS)[:, 2]
    np.testing.assert_allclose(middle[:-1], rows[:-1], atol=1e-4)


def test_a_generator_is_trained_and_dubs(layout, encoders, tmp_path):
    run("data_processing.py", *feature_steps(layout, f"hf:{encoders['wav2vec2']}"))
    run(
        *("train_sequence.py", "--config_path", "config/experiment/frame_64.py", "--base_channels", 8),
        *("--train_data", layout.training_json, "--result_path", tmp_path, "--name", "hf", "--wandb", "disabled"),
        *(
            "--batch_size",
            2,
            "--augment_num",
            2,
            "--non_decay",
            1,
            "--decay",
            0,
            "--num_workers",
            0,
            "--val_fraction",
            0.4,
        ),
        *("--lamb_perception", 0, "--lamb_mouth", 1, "--device", "cpu"),
    )
    checkpoint = max((tmp_path / "hf" / "frame_64").glob("*.pth"))
    video, result = layout.videos / f"{NAME}.mp4", tmp_path / "dubbed.mp4"
    run(
        *("inference.py", "--source_video_path", video, "--driving_audio_path", layout.audio / f"{NAME}.wav"),
        *("--pretrained_clip_DINet_path", checkpoint, "--output", result, "--cache_folder", ""),
    )
    assert probe(result).num_frames == probe(video).num_frames
