"""The feature "hf:<name or folder>": the last layer of a speech encoder, through Hugging Face transformers.

Two kinds are known: encoders of the wave itself (wav2vec 2.0, HuBERT, WavLM), and Whisper's encoder of log-mel windows
of 30 seconds. Long sound is encoded in windows that share some context, so memory does not grow with its length.
"""

import math
import os
import sys
from collections.abc import Callable, Iterator

import numpy as np
import torch
from transformers import (
    AutoConfig,
    AutoFeatureExtractor,
    AutoModel,
    PreTrainedConfig,
    PreTrainedModel,
    SequenceFeatureExtractor,
)

from audio.sound import check_sound, check_values, sounding_part
from config.constants import SAMPLE_RATE
from config.errors import InputError

WINDOW_SECONDS = 20  # of sound that a wave encoder sees at once; Whisper's own is 30
CONTEXT_SECONDS = 1  # at either end of a window, encoded but left to the neighbouring window
WHISPER_STRIDE = 2  # log-mel frames per output row

EncodeRows = Callable[[int, int], torch.Tensor]  # rows first .. last-1 of a recording, at least (last - first, dim)


class HuggingFaceFeature:
    """`dim` values of the encoder's last hidden state, 50 rows a second for every published model."""

    future = math.inf  # attention sees the whole of a window, which begins and ends as the recording's length has it

    def __init__(self, source: str, device: str = "cpu") -> None:
        """Load the model by its name on huggingface.co or from a folder, from safetensors only (no pickle).

        Raises InputError when it cannot be loaded or is no speech encoder of a known kind.
        """
        self.name = f"hf:{source}"
        self.device = torch.device(device)
        self.extractor, model = load_pretrained(source)
        self.is_whisper = model.config.model_type == "whisper"
        if self.is_whisper:
            self.step = self.extractor.hop_length * WHISPER_STRIDE  # samples a row
            self.window = model.config.max_source_positions  # rows
            model = model.get_encoder()
        else:
            self.step = math.prod(model.config.conv_stride)
            self.window = WINDOW_SECONDS * SAMPLE_RATE // self.step
        self.model = model.eval().to(self.device)
        self.dim: int = model.config.hidden_size
        self.rate = SAMPLE_RATE / self.step

    @torch.inference_mode()
    def compute(self, wave: np.ndarray) -> np.ndarray:
        """Float32 16 kHz mono (samples,) in [-1, 1] -> float32 (n, dim) at `rate` rows a second.

        Raises InputError for sound, and for a model, whose values are not finite.
        """
        check_sound(wave)
        encode = self.whisper_encoder(wave) if self.is_whisper else self.wave_encoder(wave)
        count = max(1, math.ceil(len(wave) / self.step))
        dense = np.empty((count, self.dim), np.float32)
        for first, last, keep in windows(count, self.window, round(CONTEXT_SECONDS * self.rate)):
            hidden = encode(first, last)[keep.start - first : keep.stop - first]
            dense[keep] = hidden.float().cpu().numpy()
        return check_values(dense, f"audio feature {self.name}")

    def wave_encoder(self, wave: np.ndarray) -> EncodeRows:
        """For models whose convolutions read the wave.

        Half a receptive field of silence before the sound centres row i on i / rate; unpadded it would be 12.5 ms late.
        """
        field = receptive_field(self.model.config)
        values = np.pad(self.normalised(wave), (field // 2, field))

        def encode(first: int, last: int) -> torch.Tensor:
            part = torch.from_numpy(values[first * self.step : (last - 1) * self.step + field])
            return self.model(part[None].to(self.device)).last_hidden_state[0]

        return encode

    def normalised(self, wave: np.ndarray) -> np.ndarray:
        """The sound as the model's extractor prepares it, by the statistics of the part that sounds."""
        part = sounding_part(wave)
        values = np.zeros(len(wave), np.float32)
        if len(wave):
            values[part] = self.extractor(wave[part], sampling_rate=SAMPLE_RATE, return_tensors="np").input_values[0]
        return values

    def whisper_encoder(self, wave: np.ndarray) -> EncodeRows:
        """For Whisper, whose extractor pads every piece of sound to its window of 30 seconds."""

        def encode(first: int, last: int) -> torch.Tensor:
            part = wave[first * self.step : last * self.step]
            inputs = self.extractor(part, sampling_rate=SAMPLE_RATE, return_tensors="pt").input_features
            return self.model(inputs.to(self.device)).last_hidden_state[0]

        return encode


def load_pretrained(source: str) -> tuple[SequenceFeatureExtractor, PreTrainedModel]:
    """The extractor and the network of a speech encoder for 16 kHz sound. Raises InputError."""
    if source.startswith(("/", ".", "~")) and not os.path.isdir(source):
        raise InputError(f"audio feature hf:{source} cannot be loaded: it is no folder; give one that exists")
    try:
        extractor, model, loaded = from_disk_or_network(source)
    except (InputError, MemoryError):
        raise
    except Exception as error:  # a folder's files are the user's, and transformers raises almost anything for bad ones
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"audio feature hf:{source} cannot be loaded ({reason}); give the name of a model on huggingface.co (the "
            "first time needs the network) or a folder with config.json, preprocessor_config.json, model.safetensors"
        ) from error
    # What is missing would be random. Masking belongs to training, and of Whisper only the encoder is used.
    missing = [key for key in loaded["missing_keys"] if key != "masked_spec_embed" and not key.startswith("decoder.")]
    if missing:
        raise InputError(
            f"audio feature hf:{source} lacks the weights of {len(missing)} parts of the network, such as "
            f"{min(missing)}; give a complete model"
        )
    return extractor, model


def from_disk_or_network(source: str) -> tuple[SequenceFeatureExtractor, PreTrainedModel, dict]:
    """What `load_parts` gives. The network is asked only for a model that is not whole in the local cache."""
    try:
        return load_parts(source, local_files_only=True)
    except OSError:
        if os.path.isdir(source):
            raise
    print(f"audio feature hf:{source} is not in the local cache: asking huggingface.co", file=sys.stderr)
    return load_parts(source, local_files_only=False)


def load_parts(source: str, local_files_only: bool) -> tuple[SequenceFeatureExtractor, PreTrainedModel, dict]:
    """The extractor, the network, and what transformers says about its loading."""
    where = {"local_files_only": local_files_only}
    config = AutoConfig.from_pretrained(source, **where)
    extractor = AutoFeatureExtractor.from_pretrained(source, **where)
    check_kind(source, config, extractor)
    # The sound is float32, the weights of large models are stored in float16.
    model, loaded = AutoModel.from_pretrained(
        source, config=config, use_safetensors=True, output_loading_info=True, dtype=torch.float32, **where
    )
    return extractor, model, loaded


def check_kind(source: str, config: PreTrainedConfig, extractor: SequenceFeatureExtractor) -> None:
    if config.model_type != "whisper" and not hasattr(config, "conv_stride"):
        raise InputError(
            f"audio feature hf:{source} is a model of type {config.model_type}; "
            "expected wav2vec 2.0, HuBERT, WavLM or Whisper"
        )
    if extractor.sampling_rate != SAMPLE_RATE:
        raise InputError(
            f"audio feature hf:{source} takes sound of {extractor.sampling_rate} Hz; give a model for {SAMPLE_RATE} Hz"
        )


def receptive_field(config: PreTrainedConfig) -> int:
    """Samples that one row of the convolutions sees: 400 in the published models."""
    field, stride = 1, 1
    for kernel, step in zip(config.conv_kernel, config.conv_stride, strict=True):
        field += (kernel - 1) * stride
        stride *= step
    return field


def windows(count: int, window: int, context: int) -> Iterator[tuple[int, int, slice]]:
    """Cover rows 0 .. count-1: (first, last, keep) encodes rows first .. last-1, at most `window` of them, and keeps
    rows `keep`, which lie at least `context` rows inside the window except at the recording's own ends."""
    step = window - 2 * context if count > window else count
    for begin in range(0, count, step):
        end = min(begin + step, count)
        last = min(end + context, count)
        yield max(0, last - window), last, slice(begin, end)
