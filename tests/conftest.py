"""Fixtures that the whole test suite shares."""

from pathlib import Path

import pytest

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
