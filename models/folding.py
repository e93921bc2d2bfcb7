"""A network made ready for inference: batch norm folded into the convolutions before it, weights in their precision."""

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from models.blocks import ConvBlock, PreNormResBlock
from models.device import PRECISION_TYPES
from models.warp import AdaAT, LocalAffineWarp

MULTIPLYING = (nn.Conv1d, nn.Conv2d, nn.Linear)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


def fold_batch_norms(network: nn.Module) -> nn.Module:
    """Change a network in evaluation mode so that it gives the same with fewer passes over memory. Returns it.

    The first norm of a residual block stands before its convolution and stays.
    """
    for block in network.modules():
        if isinstance(block, ConvBlock) and isinstance(block.norm, NORMS):
            block.conv, block.norm = fuse_conv_bn_eval(block.conv, block.norm), nn.Identity()
        elif isinstance(block, PreNormResBlock) and isinstance(block.norm2, NORMS):
            block.conv1, block.norm2 = fuse_conv_bn_eval(block.conv1, block.norm2), nn.Identity()
    return network


def store_weights(network: nn.Module, precision: str) -> None:
    """Keep the weights of products in `precision`: autocast would convert them anew for every batch.

    Those that say how far a warp moves channels stay in float32.
    """
    warps = [module for module in network.modules() if isinstance(module, AdaAT | LocalAffineWarp)]
    exact = {layer for warp in warps for layer in warp.modules()}
    for layer in network.modules():
        if isinstance(layer, MULTIPLYING) and layer not in exact:
            layer.to(PRECISION_TYPES[precision])
