"""Train one stage (--config_path) or every stage coarse to fine, in one process on all visible GPUs or the CPU."""

from config.errors import run_script
from training.flags import read_flags


def main() -> int:
    run, flags = read_flags(__doc__)
    from training.parallel import single_process
    from training.sequence import train_sequence

    return train_sequence(run, flags, single_process)


if __name__ == "__main__":
    run_script(main)
