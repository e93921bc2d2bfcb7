"""Which samples a process draws: a deterministic shuffle cut into global batches, each process taking its share."""

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler


class GlobalBatchSampler(Sampler):
    """Batches of (epoch, index) keys for one of `world_size` processes.

    The union over processes of batch k is the same global batch whatever the number of processes. The last, short
    batch of an epoch is dropped, unless it is the only one: then it is filled by drawing again.
    """

    def __init__(self, length: int, batch_size: int, seed: int, rank: int = 0, world_size: int = 1):
        self.length, self.batch_size, self.seed = length, batch_size, seed
        self.rank, self.world_size = rank, world_size
        self.epoch = 0

    def __len__(self) -> int:
        return max(1, self.length // self.batch_size)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        order = np.random.default_rng((self.seed, self.epoch)).permutation(max(self.length, self.batch_size))
        for number in range(len(self)):
            batch = order[number * self.batch_size : (number + 1) * self.batch_size]
            yield [(self.epoch, int(index)) for index in batch[self.rank :: self.world_size]]
