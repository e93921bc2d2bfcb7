"""Batches in processes of their own: the same samples however they start, one line whatever goes wrong."""

import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tiny_set import make_tiny_set

from config.errors import InputError
from dataset.images import cached_load_crop
from dataset.loader import Loader, make_loader
from dataset.manifest import load_manifest
from dataset.sampler import GlobalBatchSampler
from dataset.samples import GeneratorSamples, SyncSamples

REPOSITORY = Path(__file__).resolve().parents[2]
VIDEOS, BATCH = 3, 4


@pytest.fixture
def tiny_json(tmp_path):
    return make_tiny_set(tmp_path / "set", videos=VIDEOS, clips=6)


def loader_of(
    path: Path, num_workers: int, draws: int = 64, kind: type = GeneratorSamples, mouth_size: int = 64
) -> Loader:
    options = {"videos": load_manifest(path).videos, "mouth_size": mouth_size, "augment_num": draws, "seed": 3}
    samples = kind(**options, **({"frames": 5} if kind is GeneratorSamples else {}))
    return make_loader(samples, GlobalBatchSampler(len(samples), BATCH, 0), num_workers, pin_memory=False)


def failure(loader: Loader, during: Callable[[int], None]) -> str:
    """What a loop says that calls `during(step)` and must fail. Nothing keeps its frames, and so its workers, alive."""
    try:
        for step, _ in enumerate(loader):
            during(step)
    except InputError as error:
        return str(error)
    raise AssertionError("nothing failed")


@pytest.fixture
def start_method():
    before = multiprocessing.get_start_method()
    yield lambda name: multiprocessing.set_start_method(name, force=True)
    multiprocessing.set_start_method(before, force=True)


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_batches_are_the_same_in_any_kind_of_process(tiny_json, start_method, method):
    start_method(method)
    for kind in (GeneratorSamples, SyncSamples):
        alone, shared = (loader_of(tiny_json, workers, 8, kind) for workers in (0, 1))
        for _ in range(2 if method == "fork" else 1):
            expected, found = list(alone), list(shared)
            assert len(expected) == len(found) == 6
            for one, other in zip(expected, found, strict=True):
                assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_every_epoch_has_batches_of_its_own_from_the_same_processes(tiny_json):
    loader = loader_of(tiny_json, 1, 8)
    epochs, workers = [], []
    for epoch in range(2):
        loader.batches.sampler.epoch = epoch
        epochs.append(torch.cat([batch["audio"] for batch in loader]))
        workers.append([child.pid for child in multiprocessing.active_children()])
    assert not torch.equal(*epochs) and workers[0] == workers[1]


@pytest.mark.parametrize("num_workers", [0, 1, 2])
@pytest.mark.parametrize("fault", ["missing", "broken", "empty", "a folder"])
def test_a_crop_that_goes_wrong_on_the_way_is_one_line_that_names_it(tiny_json, num_workers, fault):
    crops = sorted((tiny_json.parent / "split_video_25fps_crop_face").glob("*/*/*.jpg"))

    def damage(step: int) -> None:
        cached_load_crop.cache_clear()
        for crop in crops if step == 1 else []:
            crop.unlink()
            if fault == "a folder":
                crop.mkdir()
            elif fault != "missing":
                crop.write_bytes(b"\xff\xd8 no picture" if fault == "broken" else b"")

    message = failure(loader_of(tiny_json, num_workers), damage)
    assert "\n" not in message and any(str(crop) in message for crop in crops)


@pytest.mark.parametrize("num_workers", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGBUS, signal.SIGTERM])
def test_a_loading_process_that_dies_is_one_line_that_says_what_to_lower(tiny_json, capfd, num_workers, number):
    before = workers()

    def kill(step: int) -> None:
        if step == 1:
            os.kill(min(workers() - before), number)

    message = failure(loader_of(tiny_json, num_workers, draws=4000), kill)
    assert message.startswith("--num_workers: ") and "\n" not in message
    assert not capfd.readouterr().err


def workers() -> set[int]:
    return {child.pid for child in multiprocessing.active_children()}


def test_a_loading_process_that_dies_while_the_main_one_computes_is_the_same_line(tiny_json):
    before = workers()

    def compute(step: int) -> None:
        if step == 1:
            os.kill((workers() - before).pop(), signal.SIGKILL)
            while True:
                torch.ones(9).sum()

    message = failure(loader_of(tiny_json, 1, draws=4000), compute)
    assert message.startswith("--num_workers: a loading process ended")


SCRIPT = """
import sys
from pathlib import Path
sys.path[:0] = {folders!r}
from config.errors import run_script

def main():
    import resource, os, multiprocessing
    from test_loader import loader_of
    loader = loader_of(Path({path!r}), {workers}, draws=100000, mouth_size={mouth_size})
    for number, batch in enumerate(loader):
        if number == 2:
            print(*[child.pid for child in multiprocessing.active_children()], flush=True)
            {fault}
    return 0

if __name__ == "__main__":
    run_script(main)
"""


def script(path: Path, workers: int, fault: str = "pass", mouth_size: int = 64) -> list[str]:
    """A program that trains on nothing, and prints its workers' numbers when it is under way."""
    folders = [str(REPOSITORY / folder) for folder in ("", "tests", "tests/dataset")]
    options = {"folders": folders, "path": str(path), "workers": workers, "mouth_size": mouth_size}
    return [sys.executable, "-c", SCRIPT.format(**options, fault=fault)]


def one_line(command: list[str]) -> str:
    """Run a script that must end with one line and status 2."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=REPOSITORY)
    lines = done.stderr.splitlines()
    assert done.returncode == 2 and len(lines) == 1 and lines[0].startswith("error:"), done.stderr
    return lines[0]


def test_shared_memory_that_is_full_is_one_line(tiny_json):
    """A container's /dev/shm in small, in a mount namespace of its own."""
    small = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o size=512k none /dev/shm && exec "$@"', "sh"]
    if subprocess.run([*small, "true"], capture_output=True).returncode:
        pytest.skip("this system lets nobody mount a file system of his own")
    line = one_line(small + script(tiny_json, 2))
    assert "/dev/shm" in line and "--num_workers 0" in line


@pytest.mark.parametrize("num_workers", [0, 2])
def test_memory_and_open_files_that_run_out_are_one_line(tiny_json, num_workers):
    files = "free = os.dup(0); os.close(free); resource.setrlimit(resource.RLIMIT_NOFILE, (free, free))"
    assert "ulimit -n" in one_line(script(tiny_json, num_workers, files))
    used = "int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()"
    memory = f"resource.setrlimit(resource.RLIMIT_AS, ({used} + 2**20,) * 2)"
    assert "not enough memory" in one_line(script(tiny_json, num_workers, memory, mouth_size=256))


@pytest.mark.parametrize(
    "number, whole_group, status",
    [
        (signal.SIGINT, True, 130),
        (signal.SIGTERM, False, 143),
        (signal.SIGTERM, True, 143),
        (signal.SIGKILL, False, -signal.SIGKILL),
    ],
)
def test_no_worker_outlives_the_main_process(tiny_json, number, whole_group, status):
    process = subprocess.Popen(
        script(tiny_json, 2), stdout=-1, stderr=-1, text=True, cwd=REPOSITORY, start_new_session=True
    )
    children = [int(pid) for pid in process.stdout.readline().split()]
    assert len(children) == 2
    (os.killpg if whole_group else os.kill)(process.pid, number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == status and said.strip() in ("", "interrupted")
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in children):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_many_workers_may_open_more_files_than_a_shell_allows(tiny_json):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
        loader_of(tiny_json, 64)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(1024 + 64 * 32, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
