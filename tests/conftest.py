"""Fixtures that the whole test suite shares."""

import signal
from pathlib import Path

import pytest

# A shell starts what it runs in the background with SIGINT ignored, and scripts that the tests interrupt inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = REPOSITORY.parent / "shared"


@pytest.fixture(scope="session")
def real_clip():
    """Path of a real recording by file name; skips where the recordings are not at hand."""

    def find(name: str) -> Path:
        path = SHARED / "data" / name
        if not path.exists():
            pytest.skip(f"{name} is not at hand")
        return path

    return find
