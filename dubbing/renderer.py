"""From a source frame to a generated face."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from face.masks import source_mask
from face.paste import MouthPaster
from models.device import autocast, resolve_precision
from models.dinet import ReferenceFeatures
from models.folding import fold_batch_norms
from models.loading import LoadedNetwork


class Renderer:
    """One generator, and the features of one video's reference frames, which `encode` gives or a cache.

    All images are BGR uint8. precision: see models.device.autocast. The generator is changed for inference.
    """

    def __init__(self, generator: LoadedNetwork, device: torch.device, precision: str):
        size = generator.spec.mouth_size
        self.device, self.precision = device, resolve_precision(device, precision)
        self.mouth_size = size
        self.paster = MouthPaster(size)
        self.mask = torch.from_numpy(source_mask(generator.spec.mask, size)).to(device)
        self.network = fold_batch_norms(generator.network).to(device, memory_format=torch.channels_last)
        self.reference: ReferenceFeatures | None = None

    def encode(self, references: Sequence[np.ndarray]) -> ReferenceFeatures:
        """Features of five crops (h, w, 3) as `network_crop` makes them."""
        # The five frames become the channels of one image: (5, 3, h, w) -> (1, 15, h, w).
        images = self.to_network(np.stack(references)).flatten(0, 1)[None]
        with torch.inference_mode(), autocast(self.device, self.precision):
            return self.network.encode_reference(images)

    def to_network(self, crops: np.ndarray) -> Tensor:
        """BGR uint8 (B, h, w, 3) -> RGB float (B, 3, h, w) in [0, 1] on the device."""
        rgb = torch.from_numpy(np.ascontiguousarray(crops[..., ::-1])).to(self.device)
        return rgb.permute(0, 3, 1, 2).float() / 255

    def generate(self, crops: np.ndarray, windows: np.ndarray) -> np.ndarray:
        """Faces (B, h, w, 3) for crops (B, h, w, 3) and audio windows (B, 5, dim)."""
        audio = torch.from_numpy(windows).to(self.device).transpose(1, 2)  # (B, dim, 5)
        with torch.inference_mode(), autocast(self.device, self.precision):
            faces = self.network.generate(self.to_network(crops) * self.mask, self.reference, audio)
            pixels = (faces.float().clamp(0, 1) * 255).round().to(torch.uint8)
        return pixels.permute(0, 2, 3, 1).cpu().numpy()[..., ::-1]
