"""A running average of a network's weights, which draws better than the weights of any single step."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


class WeightAverage:
    """Exponential moving average of everything in a network's state dict.

    The decay rises to `decay` as min(decay, (1 + n) / (10 + n)) after n updates, so that the average of a short stage
    does not remember its start (the rule of TensorFlow's ExponentialMovingAverage).
    """

    def __init__(self, network: nn.Module, decay: float):
        self.network, self.decay, self.updates = network, decay, 0
        self.state = {name: tensor.clone() for name, tensor in network.state_dict().items()}

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights that the network has now."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        current = self.network.state_dict()
        weights = [name for name, tensor in current.items() if tensor.is_floating_point()]
        torch._foreach_lerp_([self.state[name] for name in weights], [current[name] for name in weights], 1 - decay)
        for name in current.keys() - set(weights):  # counters
            self.state[name].copy_(current[name])

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """The network with the averaged weights, for as long as it is needed."""
        self.exchange()
        try:
            yield
        finally:
            self.exchange()

    @torch.no_grad()
    def exchange(self) -> None:
        for name, tensor in self.network.state_dict().items():
            kept = tensor.clone()
            tensor.copy_(self.state[name])
            self.state[name].copy_(kept)
