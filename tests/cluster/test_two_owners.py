"""Two live copies of one owner: the older was frozen while the newer took over, and then goes on."""

import asyncio
import signal

import pytest

from actors.asking import Answer
from actors.link import Link
from actors.wire import parse_address
from engine.stock import commands as ask
from engine.stock.outcomes import Held
from tests.cluster.street import POOL, REPLACED, TOKEN, Street


def _soon_s(after_s: float) -> float:
    return asyncio.get_running_loop().time() + after_s


def _orders(names: str) -> list[ask.Allocate]:
    return [ask.Allocate(f"request-{name}", f"order-{name}", 1, 600_000) for name in names]


@pytest.mark.parametrize("meanwhile", ["efgh", ""], ids=["with sales meanwhile", "with nothing written meanwhile"])
async def test_an_owner_that_was_frozen_while_another_took_over_answers_nothing_any_more(
    street: Street, meanwhile: str
) -> None:
    """Neither what lay in its socket when it was stopped nor what comes later; the newer one goes on undisturbed.

    With nothing written meanwhile the old one's seq still fits: the epoch alone tells them apart.
    """
    old = street.owner
    line = Link(parse_address((await street.seat(old)).address), TOKEN)
    await line.open()
    (first,) = _orders("a")
    assert isinstance((await line.ask(POOL, first, 0, until_s=_soon_s(5))).outcome, Held)
    old.send_signal(signal.SIGSTOP)
    repeated = [asyncio.ensure_future(line.ask(POOL, first, 0, until_s=_soon_s(20)))]
    buffered = [asyncio.ensure_future(line.ask(POOL, order, 0, until_s=_soon_s(20))) for order in _orders("bcd")]
    await asyncio.sleep(0.1)
    new = street.start_owner()
    await street.seat(new)
    for order in _orders(meanwhile):
        assert isinstance(await street.insist(order), Held)
    again = await street.insist(first)
    assert isinstance(again, Held)
    old.send_signal(signal.SIGCONT)
    late = [asyncio.ensure_future(line.ask(POOL, order, 0, until_s=_soon_s(20))) for order in _orders("ijk")]
    heard = await asyncio.gather(*repeated, *buffered, *late, return_exceptions=True)
    assert not [answer for answer in heard if isinstance(answer, Answer)]
    assert await asyncio.to_thread(old.wait, 20) == REPLACED
    assert isinstance(await street.insist(_orders("l")[0]), Held)
    ledger = await street.settle()
    assert street.mistakes == []
    happened = {name.removeprefix("request-") for name in ledger.outcomes if name.startswith("request-")}
    assert happened == set("al" + meanwhile)
    assert new.poll() is None
