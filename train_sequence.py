"""Train one stage (--config_path) or every stage coarse to fine, in one process on all visible GPUs or the CPU."""

from config.errors import run_script
from models.device import choose_device
from training.parallel import Parallel
from training.sequence import train_sequence


def main() -> int:
    return train_sequence(__doc__, lambda device: Parallel(choose_device(device)))


if __name__ == "__main__":
    run_script(main)
