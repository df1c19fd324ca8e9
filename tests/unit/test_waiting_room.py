"""Who waits for cards: in order, until cards come or a little before the deadline, wherever the call came in."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actors import home_line as at_home
from actors import line as lining
from actors import waiting_room
from engine import limits
from engine.names import BatchNo, card_at
from engine.stock.commands import QUARANTINE, RESTORE, Allocate, OpenBatch, Release, Wait, Withdraw
from engine.stock.outcomes import WAITS, Held, Reason, Refused
from tests.unit.corridor import POOL, allocate, ask, ask_one, chunk, until
from tests.unit.lobby import Lobby, held

_OUT = Reason.OUT_OF_STOCK


@pytest.fixture(params=["at home", "elsewhere"])
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Lobby]:
    """See Lobby."""
    house = Lobby(is_home=request.param == "at home")
    await house.open(tmp_path)
    yield house
    house.corner.road.reopen()
    await house.dispatch.close()
    await house.gate.close()


async def test_who_finds_no_card_waits_until_one_comes_and_in_order(house: Lobby) -> None:
    """Three wait, two cards come: the first two have them, and the third goes on waiting."""
    await house.sell_out()
    calls = []
    for name in ("a", "b", "c"):
        calls.append(house.buys(name))
        await until(lambda: f"order-{name}" in house.guests)  # noqa: B023
    await ask_one(house.owner, chunk(1, 2, first=2))
    assert held(*await asyncio.gather(*calls[:2])) == ["order-a", "order-b"]
    assert house.guests == ["order-c"]
    assert not calls[2].done()
    await ask_one(house.owner, chunk(2, 1, first=4))
    assert held(await calls[2]) == ["order-c"]


@pytest.mark.parametrize("way", ["release", "expiry", "restore"])
async def test_a_card_that_comes_back_is_a_card(house: Lobby, way: str) -> None:
    """Released, expired, restored."""
    first = await house.buys("first", hold_for_ms=1_000)
    assert isinstance(first, Held)
    last = await ask_one(house.owner, Withdraw("w1", QUARANTINE, BatchNo(1), (card_at(BatchNo(1), 1),), "a test"))
    assert last
    call = house.buys("a", within_ms=60_000)
    await until(lambda: house.guests)
    if way == "release":
        await ask_one(house.owner, Release("r1", first.hold))
    elif way == "restore":
        await ask_one(house.owner, Withdraw("w2", RESTORE, BatchNo(1), (card_at(BatchNo(1), 1),), "a test"))
    else:
        house.corner.clock.at_ms += 1_001
        hosted = house.owner.find(POOL)
        assert hosted is not None
        house.owner._sweep(hosted)
    assert held(await call) == ["order-a"]


async def test_shortly_before_its_deadline_a_guest_hears_a_definite_no(house: Lobby) -> None:
    """In time; and the no is remembered, as every other."""
    await house.sell_out()
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    assert await house.buys("a", within_ms=200) == Refused(_OUT, (("requested", "1"), ("available", "0")))
    assert 0.1 <= loop.time() - began_s <= 0.2
    await ask_one(house.owner, chunk(1, 1, first=2))
    assert held(await house.buys("a")) == [_OUT]
    assert house.guests == []


async def test_who_has_no_deadline_or_too_little_time_is_refused_at_once(house: Lobby) -> None:
    """Nobody would know until when."""
    await house.sell_out()
    assert held(await house.buys("a", within_ms=0)) == [_OUT]
    assert held(await house.buys("b", within_ms=waiting_room.last_call_before_ms)) == [_OUT]


async def test_nobody_waits_at_a_sku_without_the_setting(house: Lobby) -> None:
    """Nor where it was taken away; who waits then stays."""
    await house.sell_out()
    waiting = house.buys("a")
    await until(lambda: house.guests)
    await house.lets_wait(0)
    assert held(await house.buys("b")) == [_OUT]
    await ask_one(house.owner, chunk(1, 1, first=2))
    assert held(await waiting) == ["order-a"]


async def test_the_room_is_bounded(house: Lobby, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the SKU's setting, by what any setting may be, and by what an owner bears."""
    await house.sell_out()
    await house.lets_wait(1)
    waiting = house.buys("a")
    await until(lambda: house.guests)
    assert held(await house.buys("b")) == [_OUT]
    await house.lets_wait(50)
    monkeypatch.setattr(limits, "wait_max", 1)
    assert held(await house.buys("c")) == [_OUT]
    monkeypatch.setattr(limits, "wait_max", 50)
    monkeypatch.setattr(waiting_room, "guests_max", 1)
    assert held(await house.buys("d")) == [_OUT]
    # Who was told to wait and finds the room full is decided as it stands.
    (answer,) = await ask(house.owner, Wait(allocate("e")), deadline_ms=house.corner.clock.now_ms() + 5_000)
    assert held(answer.outcome) == [_OUT]  # type: ignore[arg-type]
    await ask_one(house.owner, chunk(1, 1, first=2))
    assert held(await waiting) == ["order-a"]


async def test_the_same_request_asked_twice_waits_twice_and_gets_one_card(house: Lobby) -> None:
    """Both hear the same."""
    await house.sell_out()
    first = house.buys("a")
    await until(lambda: len(house.guests) == 1)
    second = house.buys("a")
    await until(lambda: len(house.guests) == 2)
    await ask_one(house.owner, chunk(1, 1, first=2))
    one, two = await asyncio.gather(first, second)
    assert one == two
    assert held(one) == ["order-a"]


async def test_who_asks_for_more_than_came_is_passed_over_and_keeps_his_place(house: Lobby) -> None:
    """Two small ones are served, then he before a third who came later; some of it is enough for who says so."""
    await house.sell_out()
    large = house.buys("large", 3)
    await until(lambda: house.guests)
    small = house.buys("small")
    await until(lambda: len(house.guests) == 2)
    some = house.buys("some", 9, partial=True)
    await until(lambda: len(house.guests) == 3)
    await ask_one(house.owner, chunk(1, 2, first=2))
    assert held(*await asyncio.gather(small, some)) == ["order-small", "order-some"]
    later = house.buys("later")
    await until(lambda: len(house.guests) == 2)
    await ask_one(house.owner, chunk(2, 3, first=4))
    assert held(await large) == ["order-large"]
    assert not later.done()
    later.cancel()


async def test_cards_of_too_short_a_life_keep_their_guest_waiting(house: Lobby) -> None:
    """What came is not for him, and the next is served."""
    await house.sell_out()
    choosy = house.buys("choosy", life_ms_min=10**9)
    await until(lambda: house.guests)
    plain = house.buys("plain")
    await until(lambda: len(house.guests) == 2)
    soon_ms = house.corner.clock.now_ms() + 10**6
    await ask_one(house.owner, chunk(1, 1, first=2)._replace(lots=((1, soon_ms),)))
    assert held(await plain) == ["order-plain"]
    assert house.guests == ["order-choosy"]
    choosy.cancel()


async def test_of_a_party_each_waits_for_himself(house: Lobby) -> None:
    """The one that has a card and the one that is refused for another reason are answered with the one that waits."""
    await house.buys("first")
    commands = [allocate("a"), allocate("b"), Allocate("request-c", "order-c", 101, 60_000)]
    deadline_ms = house.corner.clock.now_ms() + 5_000
    party = asyncio.ensure_future(house.dispatch.ask_all(POOL, commands, deadline_ms))
    await until(lambda: house.guests == ["order-b"])
    await ask_one(house.owner, chunk(1, 1, first=2))
    answers = await party
    assert held(*[answer.outcome for answer in answers]) == ["order-a", "order-b", Reason.INVALID_QUANTITY]


async def test_nobody_waits_behind_those_who_wait(house: Lobby, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes meanwhile is answered, however many wait, and is not told that the house is full."""
    for module in (lining, at_home):
        monkeypatch.setattr(module, "commands_per_batch_max", 4)
    monkeypatch.setattr(lining, "first_waits_for_max_s", 0.0)
    await house.sell_out()
    waiting = []
    for number in range(20):
        waiting.append(house.buys(str(number)))
        await until(lambda: len(house.guests) == len(waiting))
    assert held(await house.buys("now", within_ms=0)) == [_OUT]
    if house.is_home:
        assert house.dispatch.waiting == 20
    await ask_one(house.owner, chunk(1, 20, first=2))
    assert len({outcome.cards for outcome in await asyncio.gather(*waiting)}) == 20  # type: ignore[union-attr]


async def test_the_refill_hears_of_who_waits_and_of_a_shelf_that_ran_dry(house: Lobby) -> None:
    """Once when the last card goes, once for each who comes."""
    await house.buys("first")
    assert house.nudged == []
    await house.buys("second")
    assert house.nudged == [POOL]
    call = house.buys("a")
    await until(lambda: house.guests)
    assert house.nudged == [POOL, POOL]
    call.cancel()


async def test_the_refill_hears_of_a_shelf_that_will_be_dry_soon(house: Lobby) -> None:
    """Looked at four times a second: what sold in between, in the time to the refill's next look."""
    await ask_one(house.owner, chunk(1, 998, first=2))
    hosted = house.owner.find(POOL)
    assert hosted is not None
    house.owner._sweep(hosted)
    house.nudged.clear()
    await asyncio.gather(*(house.buys(f"few-{number}") for number in range(40)))
    house.owner._sweep(hosted)
    assert house.nudged == []
    await asyncio.gather(*(house.buys(f"many-{number}") for number in range(60)))
    house.owner._sweep(hosted)
    assert house.nudged == [POOL]


async def test_an_import_does_not_rest_while_somebody_waits_for_it(house: Lobby) -> None:
    """However much is sold beside it, and however long the last chunk took."""
    await house.sell_out()
    call = house.buys("a")
    await until(lambda: house.guests)
    loop, pace = asyncio.get_running_loop(), house.owner._pace
    pace._rests_until_s = pace._sold_at_s = rests_until_s = loop.time() + 10.0
    await ask_one(house.owner, chunk(1, 1, first=2))
    assert held(await call) == ["order-a"]
    assert loop.time() < rests_until_s


async def test_two_imports_of_the_same_code_put_it_in_once_though_somebody_waits(house: Lobby) -> None:
    """In a hurry, too, what is in stock is looked up while no other chunk comes in."""
    await house.sell_out()
    await ask_one(house.owner, OpenBatch("open-2", "file-2", "supplier", "staff", None, None, b"key"))
    calls = [house.buys("a"), house.buys("b")]
    await until(lambda: len(house.guests) == 2)
    chunks = [chunk(1, 1, first=2, prints=[b"the same"]), chunk(0, 1, batch=2, prints=[b"the same"])]
    received = await asyncio.gather(*(ask_one(house.owner, each) for each in chunks))
    assert sorted(type(each).__name__ for each in received) == ["Received", "Refused"]
    assert len(house.guests) == 1
    for call in calls:
        call.cancel()


async def test_a_wait_that_comes_with_others_is_no_wait(house: Lobby) -> None:
    """It would hold up their answers; the pool is none the worse for it."""
    with pytest.raises(ValueError, match="too many values"):
        await ask(house.owner, allocate("a"), Wait(allocate("b")))
    assert held(await house.buys("c")) == ["order-c"]


async def test_an_allocate_that_may_wait_is_not_remembered_as_refused(house: Lobby) -> None:
    """It was not decided."""
    await house.sell_out()
    (answer,) = await ask(house.owner, allocate("a"), deadline_ms=house.corner.clock.now_ms() + 5_000)
    assert answer.outcome == WAITS
    await ask_one(house.owner, chunk(1, 1, first=2))
    assert held(await house.buys("a")) == ["order-a"]
