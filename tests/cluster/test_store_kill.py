"""Kill -9 of the store under load, again and again, between commands and their answers."""

import asyncio

import pytest

from tests.cluster.street import Street

_KILLS = 8
_BUYERS = 8


async def test_a_store_killed_between_a_command_and_its_answer_loses_nothing_acknowledged(
    street: Street, capsys: pytest.CaptureFixture[str]
) -> None:
    """Callers hear slow answers or an honest "not now" or "in doubt", never a wrong no; nothing is done twice."""
    buyers = [asyncio.ensure_future(street.buy()) for _ in range(_BUYERS)]
    for _ in range(_KILLS):
        await street.wait_answer()
        await asyncio.sleep(street.random.uniform(0.05, 0.6))
        await street.restart_store()
    await street.wait_answer()
    for buyer in buyers:
        buyer.cancel()
    await asyncio.gather(*buyers, return_exceptions=True)
    ledger = await street.settle()
    with capsys.disabled():
        print(f"\n{_KILLS} kills of the store, {ledger.events} events, ends: {dict(street.ends)}")  # noqa: T201
    assert street.mistakes == []
    assert street.ends["Confirmed"] > 100
