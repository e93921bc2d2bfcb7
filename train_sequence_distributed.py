"""train_sequence.py under torchrun: one process a GPU, on one or several machines, with DistributedDataParallel."""

import torch.distributed

from config.errors import run_script
from training.parallel import join_processes
from training.sequence import train_sequence


def main() -> int:
    try:
        return train_sequence(__doc__, join_processes)
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


if __name__ == "__main__":
    run_script(main)
