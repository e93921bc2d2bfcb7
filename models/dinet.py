"""DINet: deformation inpainting network (AAAI 2023, arXiv 2303.03988), with the published state-dict names."""

from typing import NamedTuple

from torch import Tensor, nn

from models.blocks import (
    PreNormResBlock,
    alignment_encoder,
    audio_encoder,
    concat,
    decoder,
    image_encoder,
    match_batch,
)
from models.warp import AdaAT, mix_neighbours


class ReferenceFeatures(NamedTuple):
    """What a generator keeps of the reference frames: `encoded` for alignment, `appearance` to be deformed."""

    encoded: Tensor  # (B, 4 * base, H / 4, W / 4)
    appearance: Tensor  # the same shape


class DINet(nn.Module):
    """Fills the mouth of a face from reference frames and audio.

    source (B, 3, H, W): face crops whose mouth is hidden; reference (B, 15, H, W): five RGB frames; audio
    (B, audio_channel, 5): five 40 ms steps around the frame. Images are RGB in [0, 1]; H, W as in face/geometry.py.
    `base_channels` 64 is the published width.
    """

    def __init__(
        self, source_channel: int = 3, ref_channel: int = 15, audio_channel: int = 29, *, base_channels: int = 64
    ):
        super().__init__()
        base = base_channels
        self.source_in_conv = image_encoder(source_channel, base, norm=True)
        self.ref_in_conv = image_encoder(ref_channel, base, norm=True)
        self.trans_conv = alignment_encoder(base, norm=True)
        self.audio_encoder = audio_encoder(audio_channel, base, norm=True)
        self.appearance_conv_list = nn.ModuleList(
            nn.Sequential(*(PreNormResBlock(2, base * 4) for _ in range(4))) for _ in range(2)
        )
        self.adaAT = AdaAT(base * 4, base * 4)
        self.out_conv = decoder(base, norm=True)

    def encode_reference(self, reference: Tensor) -> ReferenceFeatures:
        """The part that sees only the reference frames (B, 15, H, W): run it once per video."""
        encoded = self.ref_in_conv(reference)
        return ReferenceFeatures(encoded, mix_neighbours(self.appearance_conv_list[0](encoded)))

    def generate(self, source: Tensor, reference: ReferenceFeatures, audio: Tensor) -> Tensor:
        """Faces (B, 3, H, W) in [0, 1]. Reference features of batch size 1 serve every frame of the batch."""
        source_features = self.source_in_conv(source)
        batch = source.shape[0]
        alignment = self.trans_conv(concat(source_features, match_batch(reference.encoded, batch))).mean((2, 3))
        code = concat(alignment, self.audio_encoder(audio).mean(2))  # (B, 4 * base)
        deformed = self.adaAT(match_batch(reference.appearance, batch), code)
        return self.out_conv(concat(source_features, self.appearance_conv_list[1](deformed)))

    def forward(self, source: Tensor, reference: Tensor, audio: Tensor) -> Tensor:
        return self.generate(source, self.encode_reference(reference), audio)
