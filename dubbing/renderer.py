"""From a source frame to a generated face."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from config.config import InferenceOptions
from config.errors import InputError
from face.geometry import crop_size
from face.masks import source_mask
from face.paste import MouthPaster
from models.device import PRECISION_TYPES, autocast, choose_device, resolve_precision
from models.dinet import ReferenceFeatures
from models.folding import fold_batch_norms
from models.loading import LoadedNetwork, load_generator

if TYPE_CHECKING:
    from dubbing.int8 import Draw, Int8Generator

MULTIPLYING = (nn.Conv1d, nn.Conv2d, nn.Linear)
LEAST_PSNR = 50  # dB of int8 faces beside float32 ones
# Options that decide which renderer is loaded.
DECIDING = ("pretrained_clip_DINet_path", "device", "precision", "engine")


def load_renderer(options: InferenceOptions) -> "Renderer":
    """The generator on its device. Raises InputError when the checkpoint or the device cannot be used."""
    device = choose_device(options.device)
    generator = load_generator(options.pretrained_clip_DINet_path, "--pretrained_clip_DINet_path")
    if options.engine == "torch":
        return Renderer(generator, device, options.precision)
    check_engine(options, device, generator.spec.network)
    from dubbing.int8 import Int8Generator  # what it needs is not always installed

    renderer = Renderer(generator, device, "fp32")
    renderer.int8 = Int8Generator(LoadedNetwork(renderer.spec, renderer.network))
    return renderer


def check_engine(options: InferenceOptions, device: torch.device, network: str) -> None:
    """Raise InputError where --engine openvino cannot be had, or gains nothing."""
    if device.type != "cpu":
        raise InputError(f"--engine {options.engine} draws on the CPU, not on {device.type}; give --device cpu")
    if options.precision not in ("auto", "fp32"):
        raise InputError(f"--engine {options.engine} draws in int8; leave --precision {options.precision} out")
    if resolve_precision(device, "auto") == "bf16":
        print(f"--engine {options.engine}: this processor multiplies in bf16 too; see which is faster here")
    if network != "dinet":
        raise InputError(f"--engine {options.engine} is no faster for {network}; leave it out")


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
        for layer in self.network.modules():
            if isinstance(layer, MULTIPLYING):  # autocast would convert their weights anew for every batch
                layer.to(PRECISION_TYPES[self.precision])
        self.reference: ReferenceFeatures | None = None
        self.int8: Int8Generator | None = None
        self.draw_in_int8: Draw | None = None

    def encode(self, references: Sequence[np.ndarray]) -> ReferenceFeatures:
        """Features of five crops (h, w, 3) as `network_crop` makes them."""
        # The five frames become the channels of one image: (5, 3, h, w) -> (1, 15, h, w).
        images = self.to_network(np.stack(references)).flatten(0, 1)[None]
        with torch.inference_mode(), autocast(self.device, self.precision):
            features = self.network.encode_reference(images)
        for tensor in features:
            self.check_finite(tensor)
        return features

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
        audio = torch.from_numpy(windows).to(self.device).transpose(1, 2)  # (B, dim, 5)
        with torch.inference_mode(), autocast(self.device, self.precision):
            faces = (self.draw_in_int8 or self.draw_by_pytorch)(self.to_network(crops), audio)
            self.check_finite(faces)
            pixels = (faces.float().clamp(0, 1) * 255).round().to(torch.uint8)
        return pixels.permute(0, 2, 3, 1).cpu().numpy()[..., ::-1]

    def draw_by_pytorch(self, sources: Tensor, audio: Tensor) -> Tensor:
        return self.network.generate(sources * self.mask, self.reference, audio)

    def calibrate(self, crops: np.ndarray, windows: np.ndarray) -> None:
        """Draw in int8 from now on, with these references, if it comes near enough to float32 for such input."""
        sources, audio = self.to_network(crops), torch.from_numpy(windows).transpose(1, 2)
        with torch.inference_mode():
            draw = self.int8.fit(self.reference, sources, audio)
            one_by_one = zip(sources.split(1), audio.split(1), strict=True)
            errors = [(draw(*pair) - self.draw_by_pytorch(*pair)).square().mean().item() for pair in one_by_one]
        psnr = -10 * math.log10(max(float(np.mean(errors)), 1e-12))
        self.draw_in_int8 = draw if psnr >= LEAST_PSNR else None
        if not self.draw_in_int8:
            print(f"int8 is {psnr:.1f} dB from float32 here, {LEAST_PSNR} is asked for: drawn in float32 instead")

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
