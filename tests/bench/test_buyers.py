"""Buyers beside a scenario: who stops buying for a reason of its own is told of, and who hangs."""

import threading
from types import SimpleNamespace
from typing import Any, Self

import pytest

from bench.run import buyers
from bench.run.buyers import Buyers
from bench.waiting import until


class Shop:
    """Takes the place of a client: each hold is as `allocate` makes it."""

    def __init__(self, allocate: Any) -> None:
        self._allocate = allocate

    def __call__(self, *_: object, **__: object) -> "Shop":
        """A connection."""
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def allocate(self, sku: str, *, order_ref: str) -> Any:
        """See Client."""
        return self._allocate(sku, order_ref)

    def confirm(self, *_: object, **__: object) -> None:
        """See Client."""


def test_what_they_bought_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each hold, and when it was asked for; the end waits for what is under way."""
    monkeypatch.setattr(buyers, "Client", Shop(lambda _sku, order: SimpleNamespace(name=order)))
    buying = Buyers("h:1", ["a", "b"])
    buying.start()
    assert until(lambda: all(buying.bought.values()), 10.0)
    buying.stop()
    assert buying.failures == []
    assert len(buying.calls) == sum(map(len, buying.bought.values()))


def test_a_buyer_that_breaks_is_told_of_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the API refuses is a failed purchase; anything else is a failed run."""

    def break_down(_sku: str, _order: str) -> None:
        raise ValueError("no such thing")

    monkeypatch.setattr(buyers, "Client", Shop(break_down))
    buying = Buyers("h:1", ["a"])
    buying.start()
    with pytest.raises(ValueError, match="no such thing"):
        buying.stop()


def test_a_buyer_that_hangs_is_told_of_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """After all the time that its calls may take."""
    go_on = threading.Event()

    def hang(_sku: str, order: str) -> Any:
        go_on.wait()
        return SimpleNamespace(name=order)

    monkeypatch.setattr(buyers, "Client", Shop(hang))
    buying = Buyers("h:1", ["a"], patience_s=0.05)
    buying.start()
    with pytest.raises(TimeoutError):
        buying.stop()
    go_on.set()
