"""Tiny speech encoders with random weights, saved to a folder and loaded as a user's would be."""

import numpy as np
import pytest
import torch
from transformers import (
    BertConfig,
    BertModel,
    HubertConfig,
    HubertModel,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2Model,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperModel,
)

from audio.features import frame_features, get_audio_feature
from audio.hf import windows
from config.errors import InputError

SMALL = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": [16] * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}


def save_whisper(folder) -> None:
    sizes = {"d_model": 24, "encoder_layers": 1, "decoder_layers": 1, "vocab_size": 60, "pad_token_id": 0}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32}
    WhisperModel(WhisperConfig(**sizes, **heads)).save_pretrained(folder)
    WhisperFeatureExtractor().save_pretrained(folder)


@pytest.fixture(scope="session")
def folders(tmp_path_factory) -> dict[str, str]:
    """Folders of a wav2vec 2.0, a HuBERT and a Whisper model."""
    torch.manual_seed(0)
    made = {kind: tmp_path_factory.mktemp(f"tiny {kind}") for kind in ("wav2vec2", "hubert", "whisper")}
    Wav2Vec2Model(Wav2Vec2Config(**SMALL)).save_pretrained(made["wav2vec2"])
    Wav2Vec2FeatureExtractor().save_pretrained(made["wav2vec2"])
    HubertModel(HubertConfig(**SMALL, feat_extract_norm="layer")).save_pretrained(made["hubert"])
    Wav2Vec2FeatureExtractor(do_normalize=False).save_pretrained(made["hubert"])
    save_whisper(made["whisper"])
    return {kind: str(folder) for kind, folder in made.items()}


KINDS = ("wav2vec2", "hubert", "whisper")


@pytest.mark.parametrize("kind", KINDS)
def test_shape_rate_and_count(folders, speech, kind):
    feature = get_audio_feature(f"hf:{folders[kind]}")
    dense = feature.compute(speech)
    assert (feature.name, feature.dim, feature.rate) == (f"hf:{folders[kind]}", 24, 50)
    assert dense.shape == (200, 24) and dense.dtype == np.float32 and np.isfinite(dense).all()
    for frames in (1, 60, 130):
        assert frame_features(feature, speech, frames).shape == (frames, 24)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("samples", [0, 1, 500])
def test_very_short_sound(folders, speech, kind, samples):
    dense = get_audio_feature(f"hf:{folders[kind]}").compute(speech[:samples])
    assert dense.shape == (max(1, -(-samples // 320)), 24) and np.isfinite(dense).all()


def test_wave_encoder_equals_the_model_itself(folders, speech):
    """The rows are those of the model on sound with half a receptive field of silence before, up to the last row."""
    feature = get_audio_feature(f"hf:{folders['wav2vec2']}")
    model = Wav2Vec2Model.from_pretrained(folders["wav2vec2"]).eval()
    offset = 0.3 * speech + 0.01
    normal = (offset - offset.mean()) / np.sqrt(offset.var() + 1e-7)
    padded = np.pad(normal, (200, 0))[: 199 * 320 + 400]
    with torch.no_grad():
        expected = model(torch.from_numpy(padded)[None]).last_hidden_state[0].numpy()
    np.testing.assert_allclose(feature.compute(offset), expected, atol=1e-4)


def test_whisper_equals_the_model_itself(folders, speech):
    model = WhisperModel.from_pretrained(folders["whisper"]).eval()
    inputs = WhisperFeatureExtractor()(speech, sampling_rate=16000, return_tensors="pt").input_features
    with torch.no_grad():
        expected = model.encoder(inputs).last_hidden_state[0, :200].numpy()
    np.testing.assert_allclose(get_audio_feature(f"hf:{folders['whisper']}").compute(speech), expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["wav2vec2", "hubert"])
def test_sound_in_windows_equals_the_whole(folders, speech, kind):
    feature = get_audio_feature(f"hf:{folders[kind]}")
    wave = np.tile(speech, 6)  # 24 seconds: two windows of 20
    cut = feature.compute(wave)
    feature.window = 2000
    whole = feature.compute(wave)
    spread = (whole - whole.mean(axis=0)).std()
    assert np.abs(cut - whole).mean() < 0.1 * spread
    assert np.abs(cut[1:] - whole[:-1]).mean() > 0.3 * spread  # one row off would show


def test_whisper_in_windows_keeps_the_time(folders, speech):
    """Whisper adds positions, so its windows differ from the whole; each must equal its own 30 seconds of sound."""
    feature = get_audio_feature(f"hf:{folders['whisper']}")
    wave = np.tile(speech, 10)  # 40 seconds: rows 0 .. 1449 and 500 .. 1999, joined at row 1400
    dense = feature.compute(wave)
    assert dense.shape == (2000, 24)
    np.testing.assert_allclose(dense[:1400], feature.compute(wave[: 1450 * 320])[:1400], atol=1e-6)
    np.testing.assert_allclose(dense[1400:], feature.compute(wave[500 * 320 :])[900:], atol=1e-6)


@pytest.mark.parametrize("offset", [-100, 0, 100])
def test_rows_are_centred_on_their_time(folders, speech, offset):
    feature = get_audio_feature(f"hf:{folders['hubert']}")
    clicked = speech.copy()
    clicked[60 * 320 + offset] += 0.9
    change = np.abs(feature.compute(clicked) - feature.compute(speech)).sum(axis=1)
    assert change.argmax() == 60


def test_silence_after_the_speech_does_not_change_how_it_is_normalised(folders, speech):
    feature = get_audio_feature(f"hf:{folders['wav2vec2']}")
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


def test_folder_that_is_missing_or_empty(tmp_path):
    for source in (tmp_path, tmp_path / "missing"):
        with pytest.raises(InputError, match="cannot be loaded.*model.safetensors") as caught:
            get_audio_feature(f"hf:{source}")
        assert "\n" not in str(caught.value)


def test_pickled_and_damaged_weights_are_refused(folders, tmp_path):
    model = HubertModel.from_pretrained(folders["hubert"])
    model.config.save_pretrained(tmp_path)
    Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(InputError, match="cannot be loaded"):
        get_audio_feature(f"hf:{tmp_path}")
    (tmp_path / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(InputError, match="cannot be loaded"):
        get_audio_feature(f"hf:{tmp_path}")


def test_weights_of_another_network_are_refused(folders, tmp_path):
    """transformers would fill what is missing with random numbers."""
    text_model = BertModel(BertConfig(vocab_size=30, hidden_size=24, num_hidden_layers=1, num_attention_heads=2))
    text_model.save_pretrained(tmp_path)
    HubertConfig(**SMALL).save_pretrained(tmp_path)
    Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    with pytest.raises(InputError, match="lacks the weights"):
        get_audio_feature(f"hf:{tmp_path}")


def test_models_of_another_kind_or_rate_are_refused(folders, tmp_path):
    HubertConfig(**SMALL).save_pretrained(tmp_path)
    Wav2Vec2FeatureExtractor(sampling_rate=8000).save_pretrained(tmp_path)
    with pytest.raises(InputError, match="8000 Hz"):
        get_audio_feature(f"hf:{tmp_path}")
    Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    BertConfig().save_pretrained(tmp_path)
    with pytest.raises(InputError, match="of type bert"):
        get_audio_feature(f"hf:{tmp_path}")
