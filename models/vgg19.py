"""VGG19 features for the perceptual loss, through torchvision."""

import logging
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.models import VGG19_Weights, vgg19

from config.errors import InputError

LAYERS = (1, 6, 11, 20, 29)  # relu1_1, relu2_1, relu3_1, relu4_1, relu5_1 in torchvision's numbering
RANDOM_SEED = 19
log = logging.getLogger(__name__)


class VGG19Features(nn.Module):
    """Five feature maps of RGB images in [0, 1], frozen.

    `weights`: "imagenet" (torchvision's, from its cache or downloaded), "auto" (ImageNet if in the cache, otherwise
    fixed random weights), "random", or the path of a state dict of torchvision's vgg19.
    """

    def __init__(self, weights: str = "imagenet"):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(RANDOM_SEED)
            network = vgg19(weights=None)
        state = load_state(weights)
        if state is None:
            log.warning("perceptual loss: VGG19 with fixed random weights, not ImageNet's")
        else:
            load_into(network, state, weights)
        self.features = network.features[: LAYERS[-1] + 1]
        for layer in self.features:
            if isinstance(layer, nn.ReLU):
                layer.inplace = False
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False).eval()

    def forward(self, images: Tensor) -> list[Tensor]:
        x = (images - self.mean) / self.std
        maps = []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in LAYERS:
                maps.append(x)
        return maps


def load_state(weights: str) -> dict[str, Tensor] | None:
    """The state dict that `weights` names; None for random weights. Raises InputError when it cannot be had."""
    url = VGG19_Weights.IMAGENET1K_V1.url
    cached = Path(torch.hub.get_dir()) / "checkpoints" / Path(url).name
    if weights == "random" or (weights == "auto" and not cached.exists()):
        return None
    if weights in ("auto", "imagenet"):
        try:
            return torch.hub.load_state_dict_from_url(url, weights_only=True, check_hash=True)
        except (OSError, RuntimeError) as error:
            raise InputError(
                f"--perceptual_weights imagenet: cannot download {url} ({error}); "
                f"save that file as {cached}, give its path, or use 'random'"
            ) from error
    if not Path(weights).is_file():
        raise InputError(f"--perceptual_weights {weights}: no such file; give auto, imagenet, random or a path")
    return torch.load(weights, weights_only=True, map_location="cpu")


def load_into(network: nn.Module, state: dict[str, Tensor], name: str) -> None:
    try:
        network.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise InputError(f"--perceptual_weights {name}: not a state dict of torchvision's vgg19") from error
