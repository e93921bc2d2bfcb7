"""Two processes over gloo: one that fails ends the other, and both agree on where they start or stop."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny_set import make_tiny_set

from config.errors import InputError
from training.parallel import check_environment

ROOT = Path(__file__).resolve().parents[2]
STAGE = """stage = "frame"
base_channels = 8
lamb_perception = 0.0
lamb_gan = 0.0
lamb_mouth = 1.0
non_decay = {epochs}
decay = 0
batch_size = 2
augment_num = 2
num_workers = 0
checkpoint_every = 1
"""
LATEST_END = 30  # seconds after which no process may be left
# Raises in the loop, between two collectives, as a mistake of the program would.
FAULTY = """import sys
sys.argv[0] = "train_sequence_distributed.py"
import train_sequence_distributed, training.loop
from config.errors import run_script
step, calls = training.loop.train_step, []
def faulty(*arguments):
    calls.append(1)
    if len(calls) == 3:
        raise ZeroDivisionError("a mistake of the program")
    return step(*arguments)
training.loop.train_step = faulty
run_script(train_sequence_distributed.main)
"""


class Pair:
    """Two processes of one training, started as torchrun would on two machines.

    By rank: flags, the folders that they run in, and the program where it is not the project's own script.
    """

    def __init__(self, folder: Path, flags: list, run_in: tuple[Path, Path], program: tuple | None):
        script = [str(ROOT / "train_sequence_distributed.py")]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.logs = [folder / f"rank_{rank}.log" for rank in (0, 1)]
        self.processes = []
        for rank in (0, 1):
            place = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2"}
            place |= {
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
                "OMP_NUM_THREADS": "1",
                "PYTHONPATH": str(ROOT),
            }
            command = [sys.executable, *(program[rank] if program else script), "--device", "cpu", *flags[rank]]
            with self.logs[rank].open("w") as log:
                self.processes.append(
                    subprocess.Popen(command, cwd=run_in[rank], env={**os.environ, **place}, stdout=log, stderr=log)
                )

    def ends(self) -> list[int]:
        """Both statuses. The second process must end within LATEST_END seconds of the first."""
        while all(process.poll() is None for process in self.processes):
            time.sleep(0.1)
        return [process.wait(timeout=LATEST_END) for process in self.processes]

    def said(self, rank: int) -> list[str]:
        return [line for line in self.logs[rank].read_text().splitlines() if line.startswith("error: ")]

    def wait_for(self, path: Path) -> None:
        while not path.exists():
            assert all(process.poll() is None for process in self.processes), self.logs[0].read_text()
            time.sleep(0.1)

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return make_tiny_set(tmp_path_factory.mktemp("set"))


@pytest.fixture
def start(tmp_path, data):
    """Start a pair; `own` are flags by rank, and each reads the training set of the folder that it runs in.

    Whatever is left of it at the end of the test is killed.
    """
    pairs = []

    def begin(own=((), ()), epochs: int = 200, program=None, run_in=(data.parent, data.parent)) -> Pair:
        stage = tmp_path / "stage.py"
        stage.write_text(STAGE.format(epochs=epochs))
        common = ["--config_path", str(stage), "--name", "run", "--train_data", data.name, "--wandb", "disabled"]
        flags = [
            common
            + ([] if "--result_path" in own[rank] else ["--result_path", str(tmp_path / "out")])
            + list(own[rank])
            for rank in (0, 1)
        ]
        pairs.append(Pair(tmp_path, flags, run_in, program))
        return pairs[-1]

    yield begin
    for pair in pairs:
        pair.stop()


def test_a_process_that_raises_says_why_and_ends_the_other(start):
    script = [str(ROOT / "train_sequence_distributed.py")]
    pair = start(program=(script, ["-c", FAULTY]))
    assert pair.ends() == [2, 1]
    assert "ZeroDivisionError: a mistake of the program" in pair.logs[1].read_text()
    assert len(pair.said(0)) == 1 and "another process of this run has ended" in pair.said(0)[0]


def test_a_process_that_is_killed_ends_the_other_and_keeps_the_checkpoints(start, tmp_path):
    pair = start()
    pair.wait_for(tmp_path / "out" / "run" / "stage" / "epoch_000001.pth")
    pair.processes[1].send_signal(signal.SIGKILL)
    assert pair.ends() == [2, -signal.SIGKILL]
    assert len(pair.said(0)) == 1 and "Traceback" not in pair.logs[0].read_text()
    assert list((tmp_path / "out" / "run" / "stage").glob("epoch_*.pth"))


def test_a_missing_picture_is_named_by_the_process_that_needs_it(start, tmp_path, data):
    copy = tmp_path / "set"
    shutil.copytree(data.parent, copy)
    for crops in copy.glob("split_video_25fps_crop_face/*/*"):
        for picture in sorted(crops.glob("*.jpg"))[1:]:  # the first is looked for before training
            picture.unlink()
    pair = start(run_in=(data.parent, copy))
    assert pair.ends() == [2, 2]
    assert len(pair.said(1)) == 1 and ".jpg" in pair.said(1)[0]
    assert "Traceback" not in pair.logs[0].read_text() + pair.logs[1].read_text()


def test_machines_that_do_not_share_the_results_stop_before_training_also_with_resume(start, tmp_path):
    whole = start(epochs=1)
    assert whole.ends() == [0, 0], whole.logs[0].read_text()
    apart = (("--resume",), ("--resume", "--result_path", str(tmp_path / "elsewhere")))
    pair = start(apart, epochs=2)
    assert set(pair.ends()) == {2}
    said = pair.said(0) + pair.said(1)
    assert len(said) == 1 and "--result_path: process 1" in said[0]
    assert not list((tmp_path / "out" / "run" / "stage").glob("epoch_000002.pth"))


def test_different_training_sets_are_no_agreement(start, tmp_path, data):
    other = make_tiny_set(tmp_path / "other", clips=5)
    pair = start(run_in=(data.parent, other.parent))
    assert set(pair.ends()) == {2}
    said = pair.said(0) + pair.said(1)
    assert len(said) == 1 and "differ in --train_data" in said[0]


def test_a_training_set_that_one_machine_has_not_is_one_line(start, data, tmp_path):
    pair = start(run_in=(data.parent, tmp_path))
    assert pair.ends() == [2, 2]
    assert not pair.said(1) and len(pair.said(0)) == 1
    assert "process 1 on " in pair.said(0)[0] and f"--train_data {data.name}: no such file" in pair.said(0)[0]


@pytest.mark.parametrize("flags", [["--accumulate", "9"], ["--lamb_contrast", "1"], ["--precision", "fp16"]])
def test_what_cannot_be_done_is_said_by_the_main_process_alone(start, flags):
    pair = start((flags, flags))
    assert pair.ends() == [2, 2]
    assert not pair.said(1) and len(pair.said(0)) == 1 and flags[0] in pair.said(0)[0]


def test_outside_torchrun_the_missing_variable_is_named(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "WORLD_SIZE"} | {"RANK": "0"}
    command = [sys.executable, str(ROOT / "train_sequence_distributed.py"), "--name", "run", "--device", "cpu"]
    command += ["--result_path", str(tmp_path)]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert result.returncode == 2 and result.stderr.startswith("error: ") and "WORLD_SIZE is not set" in result.stderr


PLACE = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}


@pytest.mark.parametrize(
    "name, value",
    [
        *((name, value) for name in PLACE for value in (None, "")),
        *((name, value) for name in PLACE if name != "MASTER_ADDR" for value in ("x", "-1", "1.0", "9" * 5000)),
        ("RANK", "2"),
        ("LOCAL_RANK", "2"),
        ("WORLD_SIZE", "0"),
        ("MASTER_PORT", "0"),
        ("MASTER_PORT", "65536"),
        ("MASTER_ADDR", "no.such.host.invalid"),
        ("MASTER_ADDR", "a" * 200),
    ],
)
def test_what_torchrun_would_not_set_is_named(monkeypatch, name, value):
    for variable, text in {**PLACE, name: value}.items():
        monkeypatch.delenv(variable, raising=False) if text is None else monkeypatch.setenv(variable, text)
    with pytest.raises(InputError, match=f"^{name}.*start train_sequence_distributed.py with torchrun"):
        check_environment()


def test_what_torchrun_sets_is_taken(monkeypatch):
    for variable, text in PLACE.items():
        monkeypatch.setenv(variable, text)
    assert check_environment() == 1


def test_a_port_in_use_is_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        place = {**PLACE, "RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0"}
        place["MASTER_PORT"] = str(taken.getsockname()[1])
        command = [sys.executable, str(ROOT / "train_sequence_distributed.py"), "--name", "run", "--device", "cpu"]
        command += ["--result_path", str(tmp_path)]
        result = subprocess.run(command, cwd=ROOT, env={**os.environ, **place}, capture_output=True, text=True)
    errors = [line for line in result.stderr.splitlines() if "error:" in line]
    assert result.returncode == 2 and len(errors) == 1 and errors[0].startswith("error: MASTER_ADDR, MASTER_PORT:")
