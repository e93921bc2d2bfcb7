"""train_sequence.py under torchrun: one process a GPU, on one or several machines, with DistributedDataParallel."""

from config.errors import run_script
from training.flags import read_flags


def main() -> int:
    run, flags = read_flags(__doc__)
    from training.parallel import all_end_together, join_processes
    from training.sequence import train_sequence

    with all_end_together():
        return train_sequence(run, flags, join_processes)


if __name__ == "__main__":
    run_script(main)
