"""Data-dependent initialisation: what makes a deep network without norm layers start to learn.

With PyTorch's default weights the signal that differs between inputs shrinks from layer to layer until SyncNet answers
the same to everything; training then stays at chance for as long as one waits. Here every convolution is scaled and
shifted so that its outputs on one real batch have mean 0 and variance 1 (Kraehenbuehl et al., ICLR 2016,
arXiv 1511.06856). The network itself stays the published one.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn


@torch.no_grad()
def normalise_outputs(network: nn.Module, run: Callable[[], object]) -> None:
    """Rescale every convolution of `network`, in the order in which `run` calls them.

    `run` passes a batch through the network. Statistics are those of each output channel over batch and space.
    """
    done: set[nn.Module] = set()

    def rescale(layer: nn.Module, _inputs: tuple, output: Tensor) -> Tensor:
        if layer in done:
            return output
        done.add(layer)
        values = output.float().transpose(0, 1).flatten(1)
        mean, std = values.mean(1), values.std(1).clamp_min(1e-4)
        layer.weight.div_(std.view(-1, *[1] * (layer.weight.dim() - 1)))
        layer.bias.sub_(mean).div_(std)
        shape = (1, -1, *[1] * (output.dim() - 2))
        return (output - mean.view(shape)) / std.view(shape)

    handles = [m.register_forward_hook(rescale) for m in network.modules() if isinstance(m, nn.Conv1d | nn.Conv2d)]
    try:
        run()
    finally:
        for handle in handles:
            handle.remove()
