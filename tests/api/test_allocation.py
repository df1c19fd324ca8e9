"""Allocate, Release, Extend, GetHold, GetAvailability: what a storefront is promised."""

import asyncio

from google.protobuf.timestamp_pb2 import Timestamp

from protos.cardkeep.v1 import allocation_pb2, types_pb2
from tests.api.failures import failure
from tests.api.small_house import (
    SmallHouse,
    lasting,
    money,
    new_id,
    wish,
)

ACTIVE, RELEASED, EXPIRED = types_pb2.HOLD_STATE_ACTIVE, types_pb2.HOLD_STATE_RELEASED, types_pb2.HOLD_STATE_EXPIRED


async def test_a_hold_says_everything_about_itself(house: SmallHouse) -> None:
    """Names, times, price, place in the journal; every field that a fresh hold can have."""
    sku = await house.sku(3, unit_price=money(990))
    before_ms = house.clock.now_ms()
    hold = await house.allocate(sku, 2, order_ref="order-1")
    assert (hold.name, hold.state, hold.order_ref, hold.quantity) == (f"{sku}/holds/1", ACTIVE, "order-1", 2)
    assert [card.name for card in hold.cards] == [f"{sku}/cards/1-0", f"{sku}/cards/1-1"]
    assert {card.batch for card in hold.cards} == {f"{sku}/batches/1"}
    assert hold.unit_price == money(990)
    assert before_ms <= hold.create_time.ToMilliseconds() <= house.clock.now_ms()
    assert hold.expire_time.ToMilliseconds() - hold.create_time.ToMilliseconds() == 15 * 60_000, "15 min unless said"
    assert not hold.HasField("end_time")
    assert (hold.payment_ref, list(hold.refunds_due), hold.replayed) == ("", [], False)
    assert hold.epoch == 1
    assert hold.sequence > 0


async def test_what_expires_first_goes_first_and_says_when(house: SmallHouse) -> None:
    """First expired, first out; a card that never expires has no expire_time."""
    sku = await house.sku()
    await house.stock(sku, ["lives for ever"])
    soon = _in_hours(house, 48)
    await house.stock(sku, ["two days"], expire_time=soon)
    hold = await house.allocate(sku, 2)
    assert [card.batch for card in hold.cards] == [f"{sku}/batches/2", f"{sku}/batches/1"]
    assert hold.cards[0].expire_time == soon
    assert not hold.cards[1].HasField("expire_time")


async def test_a_floor_of_remaining_life_is_kept(house: SmallHouse) -> None:
    """A card that ends before the floor is neither counted nor given."""
    sku = await house.sku()
    await house.stock(sku, ["two days"], expire_time=_in_hours(house, 48))
    question = allocation_pb2.GetAvailabilityRequest(parent=sku, min_remaining_life=lasting(3 * 86_400))
    assert (await house.allocation.GetAvailability(question)).available == 0
    refused = await failure(house.allocate(sku, min_remaining_life=lasting(3 * 86_400)))
    assert (refused.reason, refused.facts["available"]) == ("OUT_OF_STOCK", "0")
    assert (await house.allocate(sku, min_remaining_life=lasting(86_400))).quantity == 1


async def test_all_or_none_unless_a_part_will_do(house: SmallHouse) -> None:
    """Three are wanted, two are there."""
    sku = await house.sku(2)
    refused = await failure(house.allocate(sku, 3))
    assert (refused.reason, refused.facts) == ("OUT_OF_STOCK", {"requested": "3", "available": "2"})
    assert (await house.cards(sku)).held == 0
    assert (await house.allocate(sku, 3, allow_partial=True)).quantity == 2


async def test_a_hold_lasts_as_long_as_asked(house: SmallHouse) -> None:
    """To the millisecond before its end it is ACTIVE, from then on EXPIRED, and its card is free."""
    sku = await house.sku(1)
    hold = await house.allocate(sku, hold_for=lasting(60))
    assert hold.expire_time.ToMilliseconds() - hold.create_time.ToMilliseconds() == 60_000
    house.move_on(seconds=55)
    assert (await _look(house, hold.name)).state == ACTIVE
    house.move_on(seconds=5)
    seen = await _look(house, hold.name)
    assert (seen.state, list(seen.cards), seen.end_time) == (EXPIRED, [], hold.expire_time)
    assert (await house.allocate(sku)).cards[0].name == hold.cards[0].name


async def test_the_same_request_gets_the_same_hold(house: SmallHouse) -> None:
    """The second answer says that it is one."""
    sku = await house.sku(2)
    request = wish(sku)
    first = await house.allocation.Allocate(request)
    again = await house.allocation.Allocate(request)
    assert (first.replayed, again.replayed) == (False, True)
    assert again.name == first.name
    assert list(again.cards) == list(first.cards)
    assert (await house.cards(sku)).held == 1


async def test_five_at_once_with_one_request_id_are_one(house: SmallHouse) -> None:
    """A repetition in flight joins the first: one effect, five answers, four of them replayed."""
    sku = await house.sku(9)
    request = wish(sku)
    holds = await asyncio.gather(*(house.allocation.Allocate(request) for _ in range(5)))
    assert {hold.name for hold in holds} == {f"{sku}/holds/1"}
    assert sorted(hold.replayed for hold in holds) == [False, True, True, True, True]
    assert (await house.cards(sku)).held == 1


async def test_a_refusal_is_remembered_too(house: SmallHouse) -> None:
    """The same id hears OUT_OF_STOCK again although stock came in; a new id gets a card."""
    sku = await house.sku()
    request = wish(sku)
    assert (await failure(house.allocation.Allocate(request))).reason == "OUT_OF_STOCK"
    await house.stock(sku, ["fresh"])
    assert (await failure(house.allocation.Allocate(request))).reason == "OUT_OF_STOCK"
    request.request_id = new_id()
    assert (await house.allocation.Allocate(request)).quantity == 1


async def test_the_same_order_under_another_request_gets_its_hold(house: SmallHouse) -> None:
    """One hold per order and SKU: a caller that makes a new request_id for each retry buys once."""
    sku = await house.sku(2)
    first = await house.allocate(sku, order_ref="order-1")
    again = await house.allocate(sku, order_ref="order-1")
    assert again.name == first.name
    assert (await house.cards(sku)).held == 1


async def test_a_quota_counts_what_one_buyer_holds(house: SmallHouse) -> None:
    """Two unpaid cards per device; paying or giving back makes room; another device is not meant."""
    sku = await house.sku(9, held_quotas={"device": 2})
    mine, other = types_pb2.Principal(device="mine"), types_pb2.Principal(device="other")
    first = await house.allocate(sku, 2, principal=mine)
    refused = await failure(house.allocate(sku, principal=mine))
    assert refused.facts == {"principal": "device", "held": "2", "max": "2"}
    assert (await house.allocate(sku, 2, principal=other)).quantity == 2
    await house.confirm(first)
    assert (await house.allocate(sku, 2, principal=mine)).quantity == 2


async def test_a_release_gives_the_cards_back(house: SmallHouse) -> None:
    """The hold is RELEASED, names no cards, and releasing it again under any id is success."""
    sku = await house.sku(1)
    hold = await house.allocate(sku)
    request = allocation_pb2.ReleaseRequest(name=hold.name, request_id=new_id())
    gone = await house.allocation.Release(request)
    assert (gone.state, list(gone.cards), gone.quantity) == (RELEASED, [], 1)
    assert gone.HasField("end_time")
    assert (await house.allocation.Release(request)).replayed
    request.request_id = new_id()
    assert (await house.allocation.Release(request)).state == RELEASED
    assert (await house.cards(sku)).available == 1


async def test_releasing_an_expired_hold_is_success(house: SmallHouse) -> None:
    """It stays EXPIRED: that is how it ended."""
    hold = await house.allocate(await house.sku(1), hold_for=lasting(1))
    house.move_on(seconds=2)
    gone = await house.allocation.Release(allocation_pb2.ReleaseRequest(name=hold.name, request_id=new_id()))
    assert gone.state == EXPIRED


async def test_extend_prolongs_and_never_shortens(house: SmallHouse) -> None:
    """Half an hour from now is later than the 15 minutes it had; one minute from now is not."""
    hold = await house.allocate(await house.sku(1))
    request = allocation_pb2.ExtendRequest(name=hold.name, hold_for=lasting(1800), request_id=new_id())
    longer = await house.allocation.Extend(request)
    assert longer.expire_time.ToMilliseconds() >= hold.create_time.ToMilliseconds() + 1_800_000
    assert [card.name for card in longer.cards] == [card.name for card in hold.cards]
    short = allocation_pb2.ExtendRequest(name=hold.name, hold_for=lasting(60), request_id=new_id())
    assert (await house.allocation.Extend(short)).expire_time == longer.expire_time
    assert (await house.allocation.Extend(request)).replayed


async def test_extend_stops_at_the_longest_life(house: SmallHouse) -> None:
    """However long is asked for, a hold ends with its SKU's hold_lifetime_max."""
    sku = await house.sku(1, hold_lifetime_max=lasting(1200))
    hold = await house.allocate(sku)
    request = allocation_pb2.ExtendRequest(name=hold.name, hold_for=lasting(1800), request_id=new_id())
    longest = await house.allocation.Extend(request)
    assert longest.expire_time.ToMilliseconds() == hold.create_time.ToMilliseconds() + 1_200_000


async def test_a_hold_is_found_by_name_and_by_order_with_masks(house: SmallHouse) -> None:
    """Masks, never codes: nothing but the end of a code can be read."""
    sku = await house.sku()
    await house.stock(sku, ["ABCD-EFGH-IJKL-MNOP"])
    hold = await house.allocate(sku, order_ref="order-1")
    by_order = allocation_pb2.GetHoldRequest(order=allocation_pb2.HoldOfOrder(parent=sku, order_ref="order-1"))
    for seen in (await _look(house, hold.name), await house.allocation.GetHold(by_order)):
        assert seen.name == hold.name
        assert [card.mask for card in seen.cards] == ["****MNOP"]
        assert b"EFGH" not in seen.SerializeToString()


async def test_the_later_of_two_answers_has_the_greater_sequence(house: SmallHouse) -> None:
    """A caller may throw away what it heard first; a change of owner shows in the epoch."""
    sku = await house.sku(1)
    hold = await house.allocate(sku)
    gone = await house.allocation.Release(allocation_pb2.ReleaseRequest(name=hold.name, request_id=new_id()))
    assert gone.sequence > hold.sequence
    await house.restart_owner(await house.owner_of(sku))
    seen = await _look(house, hold.name)
    assert (seen.epoch, seen.state) == (hold.epoch + 1, RELEASED)
    assert seen.sequence >= gone.sequence


async def test_availability_is_what_an_allocate_could_take(house: SmallHouse) -> None:
    """Neither held nor quarantined cards count; a paused SKU has none to give."""
    sku = await house.sku(5, unit_price=money(500))
    await house.allocate(sku, 2)
    question = allocation_pb2.GetAvailabilityRequest(parent=sku)
    seen = await house.allocation.GetAvailability(question)
    assert (seen.sku, seen.available, seen.unit_price, seen.paused) == (sku, 3, money(500), False)
    await house.update(sku, "paused", paused=True)
    seen = await house.allocation.GetAvailability(question)
    assert (seen.available, seen.paused) == (0, True)


async def test_ten_thousand_microseconds_do_not_round_up(house: SmallHouse) -> None:
    """Durations are whole milliseconds, rounded down."""
    duration = lasting(60)
    duration.nanos = 999_999
    hold = await house.allocate(await house.sku(1), hold_for=duration)
    assert hold.expire_time.ToMilliseconds() - hold.create_time.ToMilliseconds() == 60_000


def _in_hours(house: SmallHouse, hours: int) -> Timestamp:
    moment = Timestamp()
    moment.FromMilliseconds(house.clock.now_ms() + hours * 3_600_000)
    return moment


async def _look(house: SmallHouse, name: str) -> types_pb2.Hold:
    hold: types_pb2.Hold = await house.allocation.GetHold(allocation_pb2.GetHoldRequest(name=name))
    return hold
