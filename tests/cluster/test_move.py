"""A pool moved back and forth under load, between two owners' processes that live all the while."""

import asyncio

import pytest

from tests.cluster.street import OWNER_ID, POOL, Street

_MOVES = 20
_BUYERS = 8

#: Two looks at the placement, a claim, and one asking again, on a busy machine; a client would wait for seconds.
_SLOW_S = 1.0


async def test_a_pool_is_moved_under_load_and_no_caller_hears_more_than_one_slow_answer(
    street: Street, capsys: pytest.CaptureFixture[str]
) -> None:
    """No card is lost or sold twice, no request answered in two ways, and nobody is told of an error."""
    await street.seat(street.owner)
    await street.seat(street.start_owner("owner-1"))
    buyers = [asyncio.ensure_future(street.buy()) for _ in range(_BUYERS)]
    await street.wait_answer()
    gaps_s: list[float] = []
    for move in range(_MOVES):
        epoch, answers = street.epoch, len(street.answers_s)
        await street.registry.place({POOL: ("owner-1", OWNER_ID)[move % 2]})
        await street.wait_answer(after_epoch=epoch)
        await asyncio.sleep(street.random.uniform(0.0, 0.2))
        gaps_s.append(max(street.answers_s[answers:]))
    for buyer in buyers:
        buyer.cancel()
    await asyncio.gather(*buyers, return_exceptions=True)
    ledger = await street.settle()
    slow_ms = [round(gap_s * 1000) for gap_s in sorted(gaps_s)]
    with capsys.disabled():
        print(f"\nslowest answer of each move: median {slow_ms[_MOVES // 2]}, worst {slow_ms[-1]} ms;", end=" ")  # noqa: T201
        print(f"{ledger.events} events, ends: {dict(street.ends)}")  # noqa: T201
    assert street.mistakes == []
    assert street.epoch == 1 + _MOVES
    assert set(street.ends) == {"ImportReady", "Received", "Held", "Confirmed", "Audited"}
    assert street.ends["Confirmed"] > 100
    assert max(gaps_s) < _SLOW_S
