"""A street for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cluster.street import Street


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    """A store, an owner's process, twenty thousand cards."""
    street = Street(tmp_path, seed=4711)
    try:
        await street.open(cards=20_000)
        yield street
    finally:
        await street.close()
