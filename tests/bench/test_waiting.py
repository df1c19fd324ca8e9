"""Waiting ends when it is so, or when the time is over; and what will never come is not waited for."""

from collections.abc import Iterator

import pytest
from cardkeep_client import CardkeepError
from cardkeep_client.errors import Facts

from bench.waiting import until, when_back


class Shy:
    """Answers after so many refusals, all of one reason."""

    def __init__(self, refusals: int, reason: str) -> None:
        self._refusals: Iterator[int] = iter(range(refusals))
        self._reason = reason

    def ask(self) -> str:
        """Raises CardkeepError, until it answers."""
        for _ in self._refusals:
            raise CardkeepError("not now", Facts(self._reason, "UNAVAILABLE"))
        return "here"


def test_waiting_says_whether_it_came() -> None:
    """At once, later, or not in time."""
    looks = iter((False, True))
    assert until(lambda: True, 0.0)
    assert until(lambda: next(looks), 10.0)
    assert not until(lambda: False, 0.0)


def test_whoever_comes_back_is_heard_and_whoever_does_not_is_told_of() -> None:
    """In time, that is; a pool that has stopped does not come back."""
    assert when_back(Shy(2, "ACTOR_RECOVERING").ask, 10.0) == "here"
    with pytest.raises(CardkeepError, match="ACTOR_RECOVERING"):
        when_back(Shy(1, "ACTOR_RECOVERING").ask, -1.0)
    with pytest.raises(CardkeepError, match="POOL_STOPPED"):
        when_back(Shy(1, "POOL_STOPPED").ask, 10.0)
