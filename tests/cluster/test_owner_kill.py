"""Kill -9 of the owner under load, again and again; the test starts it anew, as Ray would."""

import asyncio
from time import monotonic

import pytest

from tests.cluster.street import Street

_KILLS = 5
_BUYERS = 8


async def test_an_owner_killed_under_load_loses_nothing_acknowledged(
    street: Street, capsys: pytest.CaptureFixture[str]
) -> None:
    """A caller sees a slow answer, since the next incarnation knows every request the journal knows."""
    buyers = [asyncio.ensure_future(street.buy()) for _ in range(_BUYERS)]
    outages_s: list[float] = []
    for _ in range(_KILLS):
        await street.wait_answer()
        epoch = street.epoch
        await asyncio.sleep(street.random.uniform(0.05, 0.6))
        street.owner.kill()
        street.owner.wait()
        killed_s = monotonic()
        street.start_owner()
        await street.wait_answer(after_epoch=epoch)
        outages_s.append(monotonic() - killed_s)
    for buyer in buyers:
        buyer.cancel()
    await asyncio.gather(*buyers, return_exceptions=True)
    ledger = await street.settle()
    with capsys.disabled():
        outages = ", ".join(f"{outage_s:.2f}" for outage_s in outages_s)
        print(f"\nkilled owner to next answer, process start included: {outages} s; {ledger.events} events,", end=" ")  # noqa: T201
        print(f"ends: {dict(street.ends)}")  # noqa: T201
    assert street.mistakes == []
    assert street.ends["Confirmed"] > 100
