"""VGG19 features for the perceptual loss, through torchvision."""

import logging
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.models import VGG19_Weights, vgg19

from config.errors import InputError
from models.loading import check_state, read_weights, tensors_of

FLAG = "--perceptual_weights"
LAYERS = (1, 6, 11, 20, 29)  # relu1_1, relu2_1, relu3_1, relu4_1, relu5_1 in torchvision's numbering
NUM_LAYERS = LAYERS[-1] + 1
RANDOM_SEED = 19
URL = VGG19_Weights.IMAGENET1K_V1.url
log = logging.getLogger(__name__)


class VGG19Features(nn.Module):
    """Five feature maps of RGB images in [0, 1], frozen.

    `weights`: "imagenet" (torchvision's, from its cache or downloaded), "auto" (ImageNet if in the cache, otherwise
    fixed random weights), "random", or the path of a state dict of torchvision's vgg19. Raises InputError where they
    cannot be had.
    """

    def __init__(self, weights: str = "imagenet"):
        super().__init__()
        path = find_weights(weights)
        if path is None and weights == "imagenet":
            path = download_weights()
        if path is None:
            log.warning("perceptual loss: VGG19 with fixed random weights, not ImageNet's")
        self.features = random_features() if path is None else features_of(path, weights)
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


def cached_weights() -> Path:
    """Where torchvision's ImageNet weights lie once they are downloaded."""
    return Path(torch.hub.get_dir()) / "checkpoints" / Path(URL).name


def find_weights(weights: str) -> Path | None:
    """The file that `weights` names, as VGG19Features takes it; nothing is downloaded.

    None for random weights, and for "imagenet" where `download_weights` must be called first. Raises InputError for a
    path without a file.
    """
    if weights == "random":
        return None
    if weights in ("auto", "imagenet"):
        return cached if (cached := cached_weights()).is_file() else None
    if not Path(weights).is_file():
        raise InputError(f"{FLAG} {weights}: not a file; give auto, imagenet, random or a path")
    return Path(weights)


def check_weights(weights: str) -> None:
    """Raise InputError unless the file that `weights` names, if there is one, fits. Nothing is built or downloaded."""
    path = find_weights(weights)
    if path:
        read_state(path, weights)


def download_weights() -> Path:
    """Put torchvision's ImageNet weights into its cache, and check their hash. Raises InputError without a network."""
    cached = cached_weights()
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(URL, str(cached), hash_prefix=cached.stem.partition("-")[2], progress=False)
    except (OSError, RuntimeError) as error:
        raise InputError(
            f"{FLAG} imagenet: cannot download {URL} ({error}); save that file as {cached}, give its path, "
            "or use 'random'"
        ) from error
    return cached


def random_features() -> nn.Sequential:
    """The layers that are used, with weights that are the same in every run."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(RANDOM_SEED)
        return vgg19(weights=None).features[:NUM_LAYERS]


def empty_features() -> nn.Sequential:
    """The same layers without memory for weights."""
    with torch.device("meta"):
        return vgg19(weights=None, init_weights=False).features[:NUM_LAYERS]


def features_of(path: Path, weights: str) -> nn.Sequential:
    features = empty_features()
    features.load_state_dict(read_state(path, weights), assign=True)
    return features


def read_state(path: Path, weights: str) -> dict[str, Tensor]:
    """The float32 weights of the layers that are used, from a state dict of torchvision's vgg19."""
    flag = f"{FLAG} {weights}:" if weights in ("auto", "imagenet") else FLAG
    where = f"{flag} {path}"
    state = tensors_of({"vgg19": read_weights(path, flag)}, "vgg19", where)
    expected = empty_features().state_dict()
    used = {name: state[f"features.{name}"] for name in expected if f"features.{name}" in state}
    check_state(expected, used, "torchvision's vgg19", where)
    return {name: tensor.float() for name, tensor in used.items()}
