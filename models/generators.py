"""The generators there are, and what else of training and inference depends on which one it is."""

from dataclasses import dataclass

from torch import nn

from models.dinet import DINet
from models.lawdnet import LawDNet


@dataclass(frozen=True)
class Generator:
    """One kind of generator.

    network: its class; mask: what is hidden of the source, "box" or "smooth" (face/masks.py); pixel_weight: weight of
    the pixel MSE that it was published with.
    """

    network: type[nn.Module]
    mask: str
    pixel_weight: float


GENERATORS = {
    "dinet": Generator(DINet, mask="box", pixel_weight=0.0),
    "lawdnet": Generator(LawDNet, mask="smooth", pixel_weight=1.0),
}
