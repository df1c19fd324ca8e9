"""A shop that takes the place of a client: it sells cards one after another, and does wrong when it is told to."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any, Self

from cardkeep_client import Card, Hold, HoldState, Money

from bench.run.buyers import PRICE

_LASTS_FOR = timedelta(minutes=10)


class Shop:
    """One SKU's. `before` is called with the order at each allocate, and may raise or wait."""

    def __init__(self, before: Callable[[str], object] = lambda _order: None, *, doubles: bool = False) -> None:
        self._before = before
        self._doubles = doubles
        self._holds, self._seqs = count(1), count(1)

    def __call__(self, *_: object, **__: object) -> Self:
        """A connection."""
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def allocate(self, sku: str, *, order_ref: str, request_id: str) -> Hold:
        """See Client. A shop that doubles gives its second buyer the first one's card."""
        assert request_id
        self._before(order_ref)
        number, now = next(self._holds), _now()
        card = 1 if self._doubles and number == 2 else number
        name = f"tenants/default/skus/{sku}"
        return Hold(
            name=f"{name}/holds/{number}",
            state=HoldState.ACTIVE,
            cards=(Card(f"{name}/cards/1-{card}", f"{name}/batches/1", None, ""),),
            order_ref=order_ref,
            create_time=now,
            expire_time=now + _LASTS_FOR,
            end_time=None,
            unit_price=None,
            quantity=1,
            payment_ref="",
            refunds_due=(),
            epoch=1,
            sequence=next(self._seqs),
            replayed=False,
            replacements=(),
        )

    def confirm(self, hold: Hold, *, payment_ref: str, paid_amount: Money, request_id: str) -> Any:
        """See Client."""
        assert (payment_ref, paid_amount) == (hold.name, PRICE)
        assert request_id
        sold = replace(hold, state=HoldState.CONFIRMED, end_time=_now(), sequence=next(self._seqs))
        return SimpleNamespace(hold=sold)


def _now() -> datetime:
    """As a house says it: whole milliseconds."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
