"""Fixtures that the whole test suite shares."""

import signal
from pathlib import Path

import pytest

# A shell starts what it runs in the background with SIGINT ignored, and scripts that the tests interrupt inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = REPOSITORY.parent / "shared"
# The files that take longest begin first: one that began last would keep one process waiting for the other.
LONGEST = (
    *("harm/test_harm.py", "training/test_training.py", "preprocessing/test_replaced.py"),
    *("preprocessing/footage/test_raw_footage.py", "test_data_processing.py", "evaluation/test_evaluate.py"),
    *("preprocessing/test_places.py", "tools/test_demo.py", "training/test_failing_processes.py"),
    *("serving/test_jobs_served.py", "preprocessing/test_jobs.py", "test_make_dataset.py", "audio/test_hf_chain.py"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {REPOSITORY / "tests" / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.fixture(scope="session")
def real_clip():
    """Path of a real recording by file name; skips where the recordings are not at hand."""

    def find(name: str) -> Path:
        path = SHARED / "data" / name
        if not path.exists():
            pytest.skip(f"{name} is not at hand")
        return path

    return find
