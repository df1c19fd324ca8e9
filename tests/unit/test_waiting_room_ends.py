"""Who waits for cards when the pool moves, stops, breaks or is opened anew, and when the store is away."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from actors.asking import Answer
from actors.owner_gate import OwnerGate
from actors.wire import Address
from engine import limits
from engine.errors import InvariantBroken, NotDone, PoolClosed
from engine.ports import Seat
from engine.stock.commands import Allocate, Wait
from engine.stock.outcomes import Reason, Refused
from tests.unit.corridor import POOL, TOKEN, allocate, ask, ask_one, chunk, until
from tests.unit.lobby import Lobby, held

_OUT = Reason.OUT_OF_STOCK

#: A UUIDv7 of the first millisecond of 1970: whether memory has forgotten its answer, only the archive can say.
_MADE_LONG_AGO = "00000000-0001-7000-8000-000000000001"


@pytest.fixture(params=["at home", "elsewhere"])
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Lobby]:
    """See Lobby."""
    house = Lobby(is_home=request.param == "at home")
    await house.open(tmp_path)
    yield house
    house.corner.road.reopen()
    await house.dispatch.close()
    await house.gate.close()


async def test_guests_of_a_pool_that_moves_wait_on_at_its_new_owner(house: Lobby, tmp_path: Path) -> None:
    """The old owner finds out by its next step; nobody is refused, nobody is served twice."""
    await house.sell_out()
    call = house.buys("a")
    await until(lambda: house.guests)
    new = house.corner.owner()
    await new.open(POOL)
    gate = OwnerGate(new, TOKEN)
    address = await gate.open(Address("unix", str(tmp_path / "new.sock")))
    await house.registry.announce(Seat("new", str(address), 1, "here", 1))
    await house.registry.place({POOL: "new"})
    await house.owner.prove(POOL)
    await until(lambda: (hosted := new.find(POOL)) is not None and hosted.guests)
    await ask_one(new, chunk(1, 1, first=2))
    assert held(await call) == ["order-a"]
    await house.dispatch.close()
    await gate.close()


async def test_an_owner_that_ends_sends_its_guests_away(house: Lobby) -> None:
    """At once, and nothing has happened to them."""
    await house.sell_out()
    call = house.buys("a", within_ms=400)
    await until(lambda: house.guests)
    async with asyncio.timeout(2):
        await house.gate.close()
    with pytest.raises(NotDone):
        await call


async def test_a_pool_that_stops_tells_its_guests(house: Lobby) -> None:
    """As it tells everybody who comes later."""
    await house.sell_out()
    call = house.buys("a")
    await until(lambda: house.guests)
    hosted = house.owner.find(POOL)
    assert hosted is not None
    house.owner._stop(hosted, InvariantBroken("a law is broken"))
    with pytest.raises(InvariantBroken, match="a law"):
        await call


async def test_a_pool_that_breaks_while_guests_are_served_tells_them(
    house: Lobby, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those who were decided, and those who were not."""
    await house.sell_out()
    calls = [house.buys("a"), house.buys("b")]
    await until(lambda: len(house.guests) == 2)
    hosted = house.owner.find(POOL)
    assert hosted is not None
    decide, left = hosted.pool.decide, [None]

    def _decide(turn: object, command: object) -> object:
        if isinstance(command, Allocate) and not left:
            raise RuntimeError("broken")
        if isinstance(command, Allocate):
            left.clear()
        return decide(turn, command)  # type: ignore[arg-type]

    monkeypatch.setattr(hosted.pool, "decide", _decide)
    await ask_one(house.owner, chunk(1, 2, first=2))
    for call in calls:
        with pytest.raises(InvariantBroken, match="broken"):
            await call


async def test_while_the_store_is_away_the_last_call_decides_nothing(house: Lobby) -> None:
    """The guest hears that nothing happened, and may ask again."""
    await house.sell_out()
    hearer: asyncio.Future[Sequence[Answer]] = asyncio.get_running_loop().create_future()
    house.owner.take(POOL, [(house.corner.clock.now_ms() + 200, Wait(allocate("a")))], hearer)
    await until(lambda: house.guests)
    house.owner._committer.is_stalled = True
    with pytest.raises(NotDone, match="the store does not answer"):
        await hearer
    house.owner._committer.is_stalled = False


async def test_a_pool_that_was_opened_anew_does_not_decide_for_guests_of_before(house: Lobby) -> None:
    """They hear that nothing happened."""
    await house.sell_out()
    hearer: asyncio.Future[Sequence[Answer]] = asyncio.get_running_loop().create_future()
    house.owner.take(POOL, [(house.corner.clock.now_ms() + 200, Wait(allocate("a")))], hearer)
    await until(lambda: house.guests)
    await house.owner.open(POOL)
    with pytest.raises(PoolClosed, match="opened anew"):
        await hearer


async def test_a_guest_who_is_gone_takes_no_card(house: Lobby) -> None:
    """What he would have had goes to the next."""
    await house.sell_out()
    hearer: asyncio.Future[Sequence[Answer]] = asyncio.get_running_loop().create_future()
    house.owner.take(POOL, [(house.corner.clock.now_ms() + 5_000, Wait(allocate("gone")))], hearer)
    await until(lambda: house.guests)
    hearer.cancel()
    call = house.buys("a")
    await until(lambda: len(house.guests) == 2)
    await ask_one(house.owner, chunk(1, 1, first=2))
    assert held(await call) == ["order-a"]
    assert house.guests == []


async def test_what_has_left_memory_is_looked_up_for_guests_too(house: Lobby) -> None:
    """A request answered long ago is answered the same, though there are no cards and everybody waits."""
    first = await house.buys("first")
    await house.buys("second")
    house.corner.clock.at_ms += limits.HOUR_MS
    await house.fold()
    assert await house.buys("first") == first
    (answer,) = await ask(house.owner, Wait(allocate("first")), deadline_ms=house.corner.clock.now_ms() + 5_000)
    assert answer.outcome == first
    assert answer.replayed


async def test_a_guest_whose_request_was_refused_and_forgotten_while_he_waited_hears_that_refusal(house: Lobby) -> None:
    """What was looked up for him when he came says nothing of what the archive has been given since."""
    await house.sell_out()
    house.corner.clock.at_ms += limits.HOUR_MS
    await house.fold()
    await asyncio.gather(house.buys("third"), house.buys("fourth"))
    waiting = house.buys("a", within_ms=2 * limits.HOUR_MS, request_id=_MADE_LONG_AGO)
    await until(lambda: house.guests)
    refused = await house.buys("a", within_ms=0, request_id=_MADE_LONG_AGO)
    assert refused == Refused(_OUT, (("requested", "1"), ("available", "0")))
    house.corner.clock.at_ms += limits.HOUR_MS
    await house.fold()
    await ask_one(house.owner, chunk(1, 1, first=2))
    assert await waiting == refused
