"""What makes a trained network faster without changing what it computes."""

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from models.blocks import ConvBlock, PreNormResBlock

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
PRODUCTS = (nn.Conv1d, nn.Conv2d, nn.Linear)


def for_inference(network: nn.Module, device: torch.device, precision: str) -> nn.Module:
    """Change a network in evaluation mode for the device and "bf16" or "fp32". Returns it; bf16 runs under autocast."""
    fold_batch_norms(network)
    if precision == "bf16":
        keep_weights_in_bf16(network)
    return network.to(device, memory_format=torch.channels_last)


def fold_batch_norms(network: nn.Module) -> nn.Module:
    """Fold batch norm into the convolutions before it, for fewer passes over memory.

    The first norm of a residual block stands before its convolution and stays.
    """
    for block in network.modules():
        if isinstance(block, ConvBlock) and isinstance(block.norm, NORMS):
            block.conv, block.norm = fuse_conv_bn_eval(block.conv, block.norm), nn.Identity()
        elif isinstance(block, PreNormResBlock) and isinstance(block.norm2, NORMS):
            block.conv1, block.norm2 = fuse_conv_bn_eval(block.conv1, block.norm2), nn.Identity()
    return network


def keep_weights_in_bf16(network: nn.Module) -> nn.Module:
    """Store the weights that bf16 autocast would otherwise convert anew for every frame."""
    for module in network.modules():
        if isinstance(module, PRODUCTS):
            module.to(torch.bfloat16)
    return network
