"""From a source frame to a generated face."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from config.config import InferenceOptions
from config.errors import InputError
from face.geometry import crop_size
from face.masks import source_mask
from face.paste import MouthPaster
from models.device import PRECISION_TYPES, autocast, choose_device, resolve_precision
from models.dinet import ReferenceFeatures
from models.folding import fold_batch_norms, store_weights
from models.loading import LoadedNetwork, load_generator

DECIDING = ("pretrained_clip_DINet_path", "device", "precision")  # options that decide which renderer is loaded


def load_renderer(options: InferenceOptions) -> "Renderer":
    """The generator on its device. Raises InputError when the checkpoint or the device cannot be used."""
    device = choose_device(options.device)
    generator = load_generator(options.pretrained_clip_DINet_path, "--pretrained_clip_DINet_path")
    return Renderer(generator, device, options.precision)


class Renderer:
    """One generator, and the features of one video's reference frames, which `encode` gives or a cache.

    All images are BGR uint8. precision: see models.device.autocast. The generator is changed for inference.
    """

    def __init__(self, generator: LoadedNetwork, device: torch.device, precision: str):
        self.spec = generator.spec
        size = generator.spec.mouth_size
        self.device, self.precision = device, resolve_precision(device, precision)
        self.mouth_size = size
        self.paster = MouthPaster(size)
        self.mask = torch.from_numpy(source_mask(generator.spec.mask, size)).to(device)
        self.network = fold_batch_norms(generator.network).to(device, memory_format=torch.channels_last)
        store_weights(self.network, self.precision)
        self.reference: ReferenceFeatures | None = None

    def encode(self, references: Sequence[np.ndarray]) -> ReferenceFeatures:
        """Features of five crops (h, w, 3) as `network_crop` makes them."""
        # The five frames become the channels of one image: (5, 3, h, w) -> (1, 15, h, w).
        images = self.to_network(np.stack(references)).flatten(0, 1)[None]
        with torch.inference_mode(), autocast(self.device, self.precision):
            features = self.network.encode_reference(images)
        for tensor in features:
            self.check_finite(tensor)
        return features

    def placed(self, features: Iterable[Tensor]) -> ReferenceFeatures:
        """What `encode` gave, where and laid out as the generator has it, wherever it was kept."""
        layout = torch.channels_last
        return ReferenceFeatures(*(tensor.to(self.device).contiguous(memory_format=layout) for tensor in features))

    def is_reference(self, tensors: dict[str, Tensor]) -> bool:
        """Whether these are the fields of what `encode` gives, in kind, size and range."""
        height, width = (side // 4 for side in crop_size(self.mouth_size))
        shape = (1, 4 * self.network.source_in_conv[0].conv.out_channels, height, width)
        kinds = {torch.float32, PRECISION_TYPES[self.precision]}
        return tensors.keys() == set(ReferenceFeatures._fields) and all(
            tensor.shape == shape and tensor.dtype in kinds and bool(tensor.isfinite().all())
            for tensor in tensors.values()
        )

    def to_network(self, crops: np.ndarray) -> Tensor:
        """BGR uint8 (B, h, w, 3) -> RGB float (B, 3, h, w) in [0, 1] on the device."""
        rgb = torch.from_numpy(np.ascontiguousarray(crops[..., ::-1])).to(self.device)
        return rgb.permute(0, 3, 1, 2).float() / 255

    def generate(self, crops: np.ndarray, windows: np.ndarray) -> np.ndarray:
        """Faces (B, h, w, 3) for crops (B, h, w, 3) and audio windows (B, 5, dim)."""
        # A copy: float32 products differ in the last bit by how the memory that NumPy gives is aligned.
        audio = torch.tensor(windows, device=self.device).transpose(1, 2)  # (B, dim, 5)
        with torch.inference_mode(), autocast(self.device, self.precision):
            faces = self.network.generate(self.to_network(crops) * self.mask, self.reference, audio)
            self.check_finite(faces)
            pixels = (faces.float().clamp(0, 1) * 255).round().to(torch.uint8)
        return pixels.permute(0, 2, 3, 1).cpu().numpy()[..., ::-1]

    def check_finite(self, values: Tensor) -> None:
        """Raise InputError for values that would be dubbed as black."""
        if not values.isfinite().all():
            remedy = "use --precision fp32, or another checkpoint"
            if self.precision == "fp32":
                remedy = "the checkpoint is at fault, or this video's pictures or sound; give others"
            raise InputError(
                f"--pretrained_clip_DINet_path: the generator gives values that are not finite in {self.precision}; "
                f"{remedy}"
            )
