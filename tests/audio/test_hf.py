"""Tiny speech encoders with random weights, saved to a folder and loaded as a user's would be."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from encoder_models import SMALL
from transformers import (
    BertConfig,
    BertModel,
    HubertConfig,
    HubertModel,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2Model,
    WhisperFeatureExtractor,
    WhisperModel,
)

from audio.features import frame_features, get_audio_feature
from audio.hf import windows
from config.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("wav2vec2", "hubert", "whisper")


@pytest.mark.parametrize("kind", KINDS)
def test_shape_rate_and_count(encoders, speech, kind):
    feature = get_audio_feature(f"hf:{encoders[kind]}")
    dense = feature.compute(speech)
    assert (feature.name, feature.dim, feature.rate) == (f"hf:{encoders[kind]}", 24, 50)
    assert dense.shape == (200, 24) and dense.dtype == np.float32 and np.isfinite(dense).all()
    for frames in (1, 60, 130):
        assert frame_features(feature, speech, frames).shape == (frames, 24)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("samples", [0, 1, 500])
def test_very_short_sound(encoders, speech, kind, samples):
    dense = get_audio_feature(f"hf:{encoders[kind]}").compute(speech[:samples])
    assert dense.shape == (max(1, -(-samples // 320)), 24) and np.isfinite(dense).all()


def test_wave_encoder_equals_the_model_itself(encoders, speech):
    """The rows are those of the model on sound with half a receptive field of silence before, up to the last row."""
    feature = get_audio_feature(f"hf:{encoders['wav2vec2']}")
    model = Wav2Vec2Model.from_pretrained(encoders["wav2vec2"]).eval()
    offset = 0.3 * speech + 0.01
    normal = (offset - offset.mean()) / np.sqrt(offset.var() + 1e-7)
    padded = np.pad(normal, (200, 0))[: 199 * 320 + 400]
    with torch.no_grad():
        expected = model(torch.from_numpy(padded)[None]).last_hidden_state[0].numpy()
    np.testing.assert_allclose(feature.compute(offset), expected, atol=1e-4)


def test_whisper_equals_the_model_itself(encoders, speech):
    model = WhisperModel.from_pretrained(encoders["whisper"]).eval()
    inputs = WhisperFeatureExtractor()(speech, sampling_rate=16000, return_tensors="pt").input_features
    with torch.no_grad():
        expected = model.encoder(inputs).last_hidden_state[0, :200].numpy()
    np.testing.assert_allclose(get_audio_feature(f"hf:{encoders['whisper']}").compute(speech), expected, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_stored_in_float16_are_computed_in_float32(encoders, speech, kind, tmp_path):
    model = {"wav2vec2": Wav2Vec2Model, "hubert": HubertModel, "whisper": WhisperModel}[kind]
    shutil.copytree(encoders[kind], tmp_path / "half")
    model.from_pretrained(encoders[kind]).half().save_pretrained(tmp_path / "half")
    half = get_audio_feature(f"hf:{tmp_path / 'half'}").compute(speech)
    np.testing.assert_allclose(half, get_audio_feature(f"hf:{encoders[kind]}").compute(speech), atol=0.02)


@pytest.mark.parametrize("kind", ["wav2vec2", "hubert"])
def test_sound_in_windows_equals_the_whole(encoders, speech, kind):
    feature = get_audio_feature(f"hf:{encoders[kind]}")
    wave = np.tile(speech, 6)  # 24 seconds: two windows of 20
    cut = feature.compute(wave)
    feature.window = 2000
    whole = feature.compute(wave)
    spread = (whole - whole.mean(axis=0)).std()
    assert np.abs(cut - whole).mean() < 0.1 * spread
    assert np.abs(cut[1:] - whole[:-1]).mean() > 0.3 * spread  # one row off would show


def test_whisper_in_windows_keeps_the_time(encoders, speech):
    """Whisper adds positions, so its windows differ from the whole; each must equal its own 30 seconds of sound."""
    feature = get_audio_feature(f"hf:{encoders['whisper']}")
    wave = np.tile(speech, 10)  # 40 seconds: rows 0 .. 1449 and 500 .. 1999, joined at row 1400
    dense = feature.compute(wave)
    assert dense.shape == (2000, 24)
    np.testing.assert_allclose(dense[:1400], feature.compute(wave[: 1450 * 320])[:1400], atol=1e-6)
    np.testing.assert_allclose(dense[1400:], feature.compute(wave[500 * 320 :])[900:], atol=1e-6)


@pytest.mark.parametrize("offset", [-100, 0, 100])
def test_rows_are_centred_on_their_time(encoders, speech, offset):
    feature = get_audio_feature(f"hf:{encoders['hubert']}")
    clicked = speech.copy()
    clicked[60 * 320 + offset] += 0.9
    change = np.abs(feature.compute(clicked) - feature.compute(speech)).sum(axis=1)
    assert change.argmax() == 60


def test_silence_after_the_speech_does_not_change_how_it_is_normalised(encoders, speech):
    feature = get_audio_feature(f"hf:{encoders['wav2vec2']}")
    longer = feature.normalised(np.pad(speech, (0, 80000)))
    np.testing.assert_allclose(longer[: len(speech)], feature.normalised(speech), atol=1e-5)
    assert (longer[len(speech) :] == 0).all()


@pytest.mark.parametrize("count", [1, 99, 100, 101, 180, 181, 1234])
def test_windows_keep_every_row_once_with_context(count):
    kept = []
    for first, last, keep in windows(count, 100, 10):
        assert 0 <= first <= keep.start < keep.stop <= last <= count and last - first <= 100
        assert (keep.start - first >= 10 or first == 0) and (last - keep.stop >= 10 or last == count)
        kept += range(keep.start, keep.stop)
    assert kept == list(range(count))


@pytest.mark.parametrize("source", [".", "./missing", "/missing/folder", "a b c", "..", "x" * 300, "\udcff"])
def test_what_is_no_model_is_one_line(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="cannot be loaded") as caught:
        get_audio_feature(f"hf:{source}")
    assert "\n" not in str(caught.value)


def test_a_name_without_network_is_one_line(tmp_path):
    code = "from audio.features import get_audio_feature as get; from config.errors import run_script;"
    code += "run_script(lambda: get('hf:nobody/no-such-model'))"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    told, error = done.stderr.splitlines()
    assert done.returncode == 2 and told.endswith("not in the local cache: asking huggingface.co")
    assert error.startswith("error: audio feature hf:nobody/no-such-model cannot be loaded")


def test_a_cached_model_is_loaded_without_asking_the_network(encoders, tmp_path):
    cached = tmp_path / "hub" / "models--somebody--tiny"
    shutil.copytree(encoders["hubert"], cached / "snapshots" / ("0" * 40))
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("0" * 40)
    with socket.create_server(("127.0.0.1", 0)) as hub:
        hub.setblocking(False)
        address = f"http://127.0.0.1:{hub.getsockname()[1]}"
        code = "from audio.features import get_audio_feature as get; print(get('hf:somebody/tiny').dim)"
        environment = {**os.environ, "HF_HOME": str(tmp_path), "HF_ENDPOINT": address, "HF_HUB_OFFLINE": "0"}
        environment["HF_HUB_DISABLE_TELEMETRY"] = "1"
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
        with pytest.raises(BlockingIOError):  # nobody has called
            hub.accept()
    assert (done.returncode, done.stdout.strip()) == (0, str(get_audio_feature(f"hf:{encoders['hubert']}").dim))


@pytest.mark.parametrize(
    ("config", "extractor"),
    [
        ("{", "{}"),
        ("[]", "{}"),
        ('{"model_type": "wav2vec2", "hidden_size": "large"}', "{}"),
        ('{"model_type": "wav2vec2", "conv_stride": 5}', "{}"),
        ('{"model_type": "wav2vec2"}', "[]"),
        ('{"model_type": "wav2vec2"}', '{"feature_extractor_type": "ViTFeatureExtractor"}'),
    ],
)
def test_broken_configurations_are_one_line(config, extractor, tmp_path):
    (tmp_path / "config.json").write_text(config)
    (tmp_path / "preprocessor_config.json").write_text(extractor)
    with pytest.raises(InputError, match="cannot be loaded.*model.safetensors") as caught:
        get_audio_feature(f"hf:{tmp_path}")
    assert "\n" not in str(caught.value)


def test_a_model_that_gives_nan_is_refused(encoders, speech, tmp_path):
    model = HubertModel.from_pretrained(encoders["hubert"])
    with torch.no_grad():
        next(model.encoder.layers.parameters()).fill_(torch.nan)
    model.save_pretrained(tmp_path)
    Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    with pytest.raises(InputError, match="hf:.*NaN"):
        get_audio_feature(f"hf:{tmp_path}").compute(speech)


def test_pickled_and_damaged_weights_are_refused(encoders, tmp_path):
    model = HubertModel.from_pretrained(encoders["hubert"])
    model.config.save_pretrained(tmp_path)
    Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(InputError, match="cannot be loaded"):
        get_audio_feature(f"hf:{tmp_path}")
    (tmp_path / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(InputError, match="cannot be loaded"):
        get_audio_feature(f"hf:{tmp_path}")


def test_weights_of_another_network_are_refused(encoders, tmp_path):
    """transformers would fill what is missing with random numbers."""
    text_model = BertModel(BertConfig(vocab_size=30, hidden_size=24, num_hidden_layers=1, num_attention_heads=2))
    text_model.save_pretrained(tmp_path)
    HubertConfig(**SMALL).save_pretrained(tmp_path)
    Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    with pytest.raises(InputError, match="lacks the weights"):
        get_audio_feature(f"hf:{tmp_path}")


def test_models_of_another_kind_or_rate_are_refused(encoders, tmp_path):
    HubertConfig(**SMALL).save_pretrained(tmp_path)
    Wav2Vec2FeatureExtractor(sampling_rate=8000).save_pretrained(tmp_path)
    with pytest.raises(InputError, match="8000 Hz"):
        get_audio_feature(f"hf:{tmp_path}")
    Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    BertConfig().save_pretrained(tmp_path)
    with pytest.raises(InputError, match="of type bert"):
        get_audio_feature(f"hf:{tmp_path}")
