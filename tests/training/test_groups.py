"""Processes that are to train together: whether all have GPUs, and what a failure of their communication says."""

from threading import Thread

import pytest
import torch.distributed as dist

from config.errors import InputError
from training.parallel import as_of_group, require_like_devices


def ends_of(kinds: list[str]) -> list[BaseException | None]:
    """How processes with these devices end, by rank; threads stand for them."""
    store, ends = dist.HashStore(), [None] * len(kinds)

    def join(rank: int) -> None:
        try:
            require_like_devices(store, rank, len(kinds), kinds[rank])
        except BaseException as error:
            ends[rank] = error

    threads = [Thread(target=join, args=(rank,)) for rank in range(len(kinds))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    return ends


def test_a_machine_without_a_gpu_among_others_ends_all_before_they_wait_for_each_other():
    assert ends_of(["cuda", "cuda"]) == ends_of(["cpu", "cpu"]) == [None, None]
    first, second, third = ends_of(["cuda", "cpu", "cuda"])
    assert isinstance(first, InputError) and "process 1 (cpu on " in str(first) and "--device cpu" in str(first)
    assert isinstance(second, SystemExit) and isinstance(third, SystemExit)


@pytest.mark.parametrize(
    "error, words",
    [
        (dist.DistBackendError("NCCL error in: init\nError while creating /dev/shm/nccl-1"), "NCCL.*/dev/shm/nccl-1"),
        (dist.DistBackendError("[gloo/transport/tcp/pair.cc] Connection closed by peer"), "another process .* above"),
        (RuntimeError("gloo: timed out"), "another process .* above"),
    ],
)
def test_a_failure_of_nccl_is_told_and_that_of_a_lost_process_is_not_repeated(monkeypatch, error, words):
    monkeypatch.setenv("RANK", "3")
    with pytest.raises(InputError, match=words):
        raise as_of_group(error)
    mistake = ZeroDivisionError("ours")
    assert as_of_group(mistake) is mistake
