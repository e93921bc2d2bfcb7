"""A running average of a network's weights, which draws better than the weights of any single step."""

import copy

import torch
from torch import Tensor, nn


class WeightAverage:
    """Exponential moving average of everything in a network's state dict, as a second network in evaluation mode.

    The decay rises to `decay` as min(decay, (1 + n) / (10 + n)) after n updates, so that the average of a short stage
    does not remember its start (the rule of TensorFlow's ExponentialMovingAverage; torch's AveragedModel has a constant
    decay). `trained` must keep its tensors: move it to its device before.
    """

    def __init__(self, trained: nn.Module, decay: float):
        self.decay, self.updates = decay, 0
        self.network = copy.deepcopy(trained).requires_grad_(False).eval()
        pairs = list(zip(tensors(self.network), tensors(trained), strict=True))
        self.weights = [pair for pair in pairs if pair[0].is_floating_point()]
        self.counters = [pair for pair in pairs if not pair[0].is_floating_point()]

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights that the network has now. Allocates nothing."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        averaged, current = zip(*self.weights, strict=True)
        torch._foreach_lerp_(averaged, current, 1 - decay)
        for kept, counter in self.counters:
            kept.copy_(counter)


def tensors(network: nn.Module) -> list[Tensor]:
    """All that a state dict holds, detached."""
    return [tensor.detach() for tensor in network.state_dict(keep_vars=True).values()]
