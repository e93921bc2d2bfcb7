"""Tiny speech encoders with random weights, saved to a folder as a user's would be."""

from pathlib import Path

import torch
from transformers import (
    HubertConfig,
    HubertModel,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2Model,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperModel,
)

SMALL = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": [16] * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}


def save_whisper(folder: Path) -> None:
    sizes = {"d_model": 24, "encoder_layers": 1, "decoder_layers": 1, "vocab_size": 60, "pad_token_id": 0}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32}
    WhisperModel(WhisperConfig(**sizes, **heads)).save_pretrained(folder)
    WhisperFeatureExtractor().save_pretrained(folder)


def save_encoders(root: Path) -> dict[str, str]:
    """Folders of a wav2vec 2.0, a HuBERT and a Whisper model, in `root`."""
    torch.manual_seed(0)
    made = {kind: root / f"tiny {kind}" for kind in ("wav2vec2", "hubert", "whisper")}
    Wav2Vec2Model(Wav2Vec2Config(**SMALL)).save_pretrained(made["wav2vec2"])
    Wav2Vec2FeatureExtractor().save_pretrained(made["wav2vec2"])
    HubertModel(HubertConfig(**SMALL, feat_extract_norm="layer")).save_pretrained(made["hubert"])
    Wav2Vec2FeatureExtractor(do_normalize=False).save_pretrained(made["hubert"])
    save_whisper(made["whisper"])
    return {kind: str(folder) for kind, folder in made.items()}
