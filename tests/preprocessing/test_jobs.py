"""The same work in processes and on a cluster, and workers that die."""

import os
from pathlib import Path

import dask
import pytest
from distributed import LocalCluster
from programs import run_program

from preprocessing.jobs import Outcome, run_jobs
from sample_speaker.speech import Voice
from sample_speaker.videos import make_speaker_videos

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def cluster_address(tmp_path_factory):
    """Two worker processes that find the project, as `PYTHONPATH=. dask worker` does; one death ends a job."""
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("PYTHONPATH", os.pathsep.join((str(ROOT), str(Path(__file__).parent))))
        patch.chdir(tmp_path_factory.mktemp("elsewhere"))  # workers run in another folder than the scripts
        with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
            yield cluster.scheduler_address


@pytest.fixture(scope="module")
def raw(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    make_speaker_videos(folder, [["Bob may map it."], ["We saw a boat."]], [Voice("en-us+f1", 160, 50)] * 2, size=256)
    return folder


def make_set(root: Path, raw: Path, *flags: str) -> dict[str, bytes]:
    """Every file of a training set, and of the folder beside it, as the two scripts make them."""
    for script, arguments in (
        ("make_dataset.py", ["--root_folder", raw, "--output_folder", root / "out", "--keep_all"]),
        ("data_processing.py", ["--all", "--extract_video_frame_multithreading"]),
    ):
        result = run_program(script, *arguments, "--training_data_path", root / "set", *flags)
        assert result.returncode == 0, result.stdout + result.stderr
    root = ROOT / root  # a relative one is the scripts'
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def die_or_return(name: str, outcome: Outcome | None) -> Outcome:
    return outcome or os._exit(1)


def test_a_cluster_makes_the_same_files_as_processes(cluster_address, raw, tmp_path):
    expected = make_set(tmp_path / "here", raw, "--num_workers", "2")
    found = make_set(Path(os.path.relpath(tmp_path / "there", ROOT)), raw, "--scheduler", cluster_address)
    assert found.keys() == expected.keys() and len(found) > 100
    assert [name for name in found if found[name] != expected[name]] == []


def test_a_process_that_dies_is_reported():
    outcomes = run_jobs("dying", os._exit, [(1,), (2,)], num_workers=2)
    assert [outcome.status for outcome in outcomes] == ["failed"] * 2
    assert "worker process died" in outcomes[0].detail


def test_a_cluster_works_on_when_a_worker_dies(cluster_address):
    """The second job hands its argument back: an outcome, as a step would make it."""
    good = Outcome("good", "done")
    outcomes = run_jobs("dying", die_or_return, [("bad", None), ("good", good)], scheduler=cluster_address)
    assert [outcome.status for outcome in outcomes] == ["failed", "done"]
    assert "worker process died" in outcomes[0].detail


def test_a_scheduler_that_does_not_answer_is_one_line(raw, tmp_path):
    flags = ["--root_folder", raw, "--output_folder", tmp_path, "--scheduler", "tcp://127.0.0.1:9"]
    result = run_program("make_dataset.py", *flags)
    assert result.returncode == 2 and "--scheduler tcp://127.0.0.1:9" in result.stderr.splitlines()[-1]
