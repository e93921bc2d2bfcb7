"""LawDNet: local affine warping deformation network (arXiv 2409.09326), with the published state-dict names."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.blocks import PlainResBlock, alignment_encoder, audio_encoder, concat, decoder, image_encoder, match_batch
from models.dinet import ReferenceFeatures
from models.warp import LocalAffineWarp

ALIGNMENT_SIZE = (8, 6)  # rows, columns that the attention's projections are built for


class AttentionReadout(nn.Module):
    """(B, 2 * base, 4 * base) -> (B, 4 * base)."""

    def __init__(self, base: int):
        super().__init__()
        self.conv1 = nn.Conv1d(base * 2, base, 3, padding=1)
        self.fc = nn.Linear(base * base * 2, base * 4)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool1d(F.relu(self.conv1(x)), 2)
        return F.relu(self.fc(x.flatten(1)))


class CrossAttention(nn.Module):
    """Audio features ask, image features answer: (B, C, 8, 6) and (B, C, 2) -> code (B, 2 C), C = 2 * base."""

    def __init__(self, base: int):
        super().__init__()
        channels, width, cells = base * 2, base * 4, ALIGNMENT_SIZE[0] * ALIGNMENT_SIZE[1]
        self.positional_encoding_video = nn.Parameter(torch.randn(channels, *ALIGNMENT_SIZE))
        self.positional_encoding_audio = nn.Parameter(torch.randn(channels, 2))
        self.query_proj = nn.Linear(2, width)
        self.key_proj = nn.Linear(cells, width)
        self.value_proj = nn.Linear(cells, width)
        self.final_linear = nn.Linear(width, width)
        self.output_reshape = AttentionReadout(base)

    def forward(self, image: Tensor, audio: Tensor) -> Tensor:
        image = (image + self.positional_encoding_video).flatten(2)
        query = self.query_proj(audio + self.positional_encoding_audio)
        # One head, with an axis of its own: ONNX knows no attention without.
        heads = (projected[:, None] for projected in (query, self.key_proj(image), self.value_proj(image)))
        attended = F.scaled_dot_product_attention(*heads)[:, 0]
        return self.output_reshape(self.final_linear(attended))


class LawDNet(nn.Module):
    """Same task and tensors as DINet (models/dinet.py), without batch norm and with local affine warps.

    Published weights hold `warp_layer_num` warps, each fed by the reference features, of which only the last one's
    output is used; the others are kept for the state dict, frozen, and not computed.
    """

    def __init__(
        self,
        source_channel: int = 3,
        ref_channel: int = 15,
        audio_channel: int = 29,
        warp_layer_num: int = 2,
        num_kpoints: int = 5,
        standard_grid_size: int = 60,
        *,
        base_channels: int = 64,
    ):
        super().__init__()
        base = base_channels
        self.source_in_conv = image_encoder(source_channel, base, norm=False)
        self.ref_in_conv = image_encoder(ref_channel, base, norm=False)
        self.trans_conv = alignment_encoder(base, norm=False)
        self.audio_encoder = audio_encoder(audio_channel, base, norm=False)
        self.appearance_conv_list = nn.ModuleList(
            nn.Sequential(*(PlainResBlock(2, base * 4) for _ in range(2))) for _ in range(warp_layer_num)
        )
        self.lawLayer_list = nn.ModuleList(
            LocalAffineWarp(base * 4, base * 4, num_kpoints, standard_grid_size) for _ in range(warp_layer_num)
        )
        self.out_conv = decoder(base, norm=False)
        self.cross_attention = CrossAttention(base)
        for unused in (*self.appearance_conv_list[:-1], *self.lawLayer_list[:-1]):
            unused.requires_grad_(False)

    def encode_reference(self, reference: Tensor) -> ReferenceFeatures:
        """The part that sees only the reference frames (B, 15, H, W): run it once per video."""
        encoded = self.ref_in_conv(reference)
        return ReferenceFeatures(encoded, self.appearance_conv_list[-1](encoded))

    def generate(self, source: Tensor, reference: ReferenceFeatures, audio: Tensor) -> Tensor:
        """Faces (B, 3, H, W) in [0, 1]. Reference features of batch size 1 serve every frame of the batch."""
        source_features = self.source_in_conv(source)
        batch = source.shape[0]
        alignment = self.trans_conv(concat(source_features, match_batch(reference.encoded, batch)))
        if alignment.shape[2:] != ALIGNMENT_SIZE:
            alignment = F.interpolate(alignment, ALIGNMENT_SIZE, mode="bilinear", align_corners=True)
        code = self.cross_attention(alignment, self.audio_encoder(audio))
        deformed = self.lawLayer_list[-1](match_batch(reference.appearance, batch), code)
        return self.out_conv(concat(source_features, deformed))

    def forward(self, source: Tensor, reference: Tensor, audio: Tensor) -> Tensor:
        return self.generate(source, self.encode_reference(reference), audio)
