"""A street for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cluster.street import Street

#: Some 2,000 a second were taken on two cores, for 20 seconds at most.
_CARDS = 200_000


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    """A store, an owner's process, and more cards than eight buyers can take while a test runs: a "no" is a mistake."""
    street = Street(tmp_path, seed=4711)
    try:
        await street.open(cards=_CARDS)
        yield street
    finally:
        await street.close()
