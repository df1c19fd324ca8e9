"""The hot replies are to the byte what the generated code makes of the same holds (actors.front.replies)."""

import pytest
from google.protobuf.descriptor import Descriptor
from hypothesis import example, given
from hypothesis import strategies as st

from actors.asking import Answer
from actors.front.replies import FIELDS_KNOWN, batch_reply, hold_reply, released_reply
from actors.front.translate import from_view
from engine import limits
from engine.money import Money
from engine.names import SERIAL_MAX, BatchNo, Card, HoldNo, PoolName, card_at
from engine.stock.outcomes import Held, HoldState, HoldView, Reason, RefundDue
from protos.cardkeep.v1 import allocation_pb2, types_pb2

POOL = PoolName("default", "DEMO")
NOON_MS = 1_800_000_000_000

name_parts = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", fullmatch=True)
pools = st.builds(PoolName, name_parts, name_parts)
numbers_64 = st.integers(-(2**63), 2**63 - 1)
moments_ms = st.integers(-62_135_596_800_000, 253_402_300_799_999)
prices = st.none() | st.builds(Money, st.integers(0, limits.money_minor_max), st.sampled_from(["CNY", "USD", ""]))
cards = st.builds(card_at, st.integers(1, 10**9).map(BatchNo), st.integers(0, SERIAL_MAX))
references = st.text(max_size=limits.id_chars_max)


@st.composite
def helds(draw: st.DrawFn) -> Held:
    """Any hold just made, whether or not a pool would make it."""
    pairs = draw(st.lists(st.tuples(cards, st.none() | moments_ms), max_size=20))
    return Held(
        HoldNo(draw(st.integers(1, 10**15))),
        tuple(card for card, _ in pairs),
        draw(references),
        draw(moments_ms),
        draw(moments_ms),
        draw(prices),
        tuple(ends_at_ms for _, ends_at_ms in pairs),
        draw(st.just("") | references),
    )


ended_views = st.builds(
    HoldView,
    hold=st.integers(1, 10**15).map(HoldNo),
    state=st.sampled_from([HoldState.RELEASED, HoldState.EXPIRED]),
    cards=st.lists(cards, max_size=5).map(tuple),
    order_ref=references,
    created_at_ms=moments_ms,
    expires_at_ms=moments_ms,
    ended_at_ms=st.just(0) | moments_ms,
    price=prices,
    payment_ref=st.just("") | references,
    channel=st.just("") | references,
    refunds_due=st.just(()) | st.just((RefundDue("paid-1", Reason.HOLD_RELEASED, Money(990, "CNY")),)),
)

#: With one fact at most: several are written in no certain order by the generated code either.
refusals = st.builds(
    types_pb2.Refusal,
    code=st.integers(0, 16),
    reason=st.sampled_from(Reason).map(str),
    message=st.text(max_size=300),
    metadata=st.dictionaries(st.text(max_size=9), st.text(max_size=300), max_size=1),
)


def held(quantity: int, order_ref: str = "order-1") -> Held:
    """A plain one of so many cards."""
    numbers = tuple(card_at(BatchNo(3), serial) for serial in range(quantity))
    deadline_ms = NOON_MS + 15 * limits.MINUTE_MS
    return Held(HoldNo(17), numbers, order_ref, NOON_MS, deadline_ms, Money(990, "CNY"), (None,) * quantity)


def generated(pool: PoolName, made: Held, epoch: int, seq: int, replayed: bool) -> types_pb2.Hold:
    """The same hold as the ordinary way writes it."""
    answer = Answer(epoch, seq, replayed, made)
    return from_view(pool, made.view, answer, made.cards_expire_at_ms)


@given(pool=pools, made=helds(), epoch=numbers_64, seq=numbers_64, replayed=st.booleans())
@example(pool=POOL, made=held(1), epoch=1, seq=127, replayed=False)
@example(pool=POOL, made=held(1), epoch=0, seq=0, replayed=True)
@example(pool=POOL, made=held(limits.cards_per_hold_max), epoch=1, seq=128, replayed=False)
@example(pool=POOL, made=held(2, "单" * limits.id_chars_max), epoch=2, seq=2**14, replayed=False)
@example(pool=POOL, made=held(1)._replace(created_at_ms=0, expires_at_ms=-1), epoch=1, seq=-1, replayed=False)
def test_a_written_hold_is_the_generated_one_to_the_byte(
    pool: PoolName, made: Held, epoch: int, seq: int, replayed: bool
) -> None:
    """Any number, text, moment, price and count of cards, twice: what is kept changes nothing."""
    expected = generated(pool, made, epoch, seq, replayed).SerializeToString()
    assert hold_reply(pool, made, epoch, seq, replayed) == expected
    assert hold_reply(pool, made, epoch, seq, replayed) == expected


def test_holds_alike_but_for_one_thing_are_not_taken_for_each_other() -> None:
    """What is kept of one reply must not show up in the next: another pool, batch, end, price, epoch."""
    first = held(1)
    others = [
        (POOL, first),
        (PoolName("other", "DEMO"), first),
        (PoolName("default", "OTHER"), first),
        (POOL, first._replace(hold=HoldNo(18))),
        (POOL, first._replace(cards=(card_at(BatchNo(4), 0),))),
        (POOL, first._replace(cards_expire_at_ms=(NOON_MS,))),
        (POOL, first._replace(created_at_ms=NOON_MS + 1)),
        (POOL, first._replace(expires_at_ms=NOON_MS + 1)),
        (POOL, first._replace(price=None)),
        (POOL, first._replace(price=Money(990, "USD"))),
        (POOL, first._replace(order_ref="order-2")),
        (POOL, first._replace(channel="taobao")),
    ]
    written = {hold_reply(pool, made, 1, 5, False) for pool, made in others}
    written |= {hold_reply(POOL, first, 2, 5, False), hold_reply(POOL, first, 1, 6, False)}
    expected = {generated(pool, made, 1, 5, False).SerializeToString() for pool, made in others}
    expected |= {generated(POOL, first, 2, 5, False).SerializeToString()}
    expected |= {generated(POOL, first, 1, 6, False).SerializeToString()}
    assert written == expected
    assert len(written) == len(others) + 2


def test_cards_without_their_ends_are_not_left_out_quietly() -> None:
    """An answer that names fewer cards than are held would lose them."""
    with pytest.raises(ValueError, match="shorter"):
        hold_reply(POOL, held(3)._replace(cards_expire_at_ms=(None,)), 1, 1, False)


@given(pool=pools, view=ended_views, epoch=numbers_64, seq=numbers_64, replayed=st.booleans())
def test_a_written_release_is_the_generated_one_to_the_byte(
    pool: PoolName, view: HoldView, epoch: int, seq: int, replayed: bool
) -> None:
    """Given back or run out, with and without payments that are owed."""
    expected = from_view(pool, view, Answer(epoch, seq, replayed, None)).SerializeToString()
    assert released_reply(pool, view, epoch, seq, replayed) == expected


@given(st.lists(helds() | refusals, max_size=5))
@example([held(quantity) for quantity in (1, 3, 120, limits.cards_per_hold_max)])
def test_a_written_batch_is_the_generated_one_to_the_byte(answers: list[Held | types_pb2.Refusal]) -> None:
    """Holds and refusals of any length, in their order; and an answer to Releases looks the same."""
    written: list[bytes | types_pb2.Refusal] = []
    allocated, released = allocation_pb2.BatchAllocateResponse(), allocation_pb2.BatchReleaseResponse()
    for answer in answers:
        if isinstance(answer, Held):
            hold = generated(POOL, answer, 1, 5, False)
            allocated.results.add(hold=hold)
            released.results.add(hold=hold)
            written.append(hold_reply(POOL, answer, 1, 5, False))
        else:
            allocated.results.add(refusal=answer)
            released.results.add(refusal=answer)
            written.append(answer)
    assert batch_reply(written) == allocated.SerializeToString() == released.SerializeToString()


def test_a_refusal_with_many_facts_arrives_whole() -> None:
    """Their order is nobody's promise, so this one is read again."""
    facts = {name: name * 3 for name in ("requested", "available", "min", "max")}
    refusal = types_pb2.Refusal(code=8, reason="OUT_OF_STOCK", metadata=facts)
    read = allocation_pb2.BatchAllocateResponse.FromString(batch_reply([refusal]))
    assert [result.refusal for result in read.results] == [refusal]


@pytest.mark.parametrize("name", FIELDS_KNOWN)
def test_the_writer_knows_every_field_of_what_it_writes(name: str) -> None:
    """Whoever adds a field to one of these messages decides whether the hot replies set it, and says so there."""
    messages: dict[str, Descriptor] = {
        **types_pb2.DESCRIPTOR.message_types_by_name,
        **allocation_pb2.DESCRIPTOR.message_types_by_name,
    }
    assert {field.number for field in messages[name].fields} == FIELDS_KNOWN[name]


def test_a_card_is_named_after_its_batch_and_serial() -> None:
    """One reply as a client reads it, from reasoning and not from the other writer."""
    read = types_pb2.Hold.FromString(hold_reply(POOL, held(1)._replace(cards=(Card(5 << 32 | 7),)), 3, 200, False))
    sku = "tenants/default/skus/DEMO"
    assert (read.name, read.cards[0].name, read.cards[0].batch) == (
        f"{sku}/holds/17",
        f"{sku}/cards/5-7",
        f"{sku}/batches/5",
    )
    assert (read.create_time.ToMilliseconds(), read.unit_price.minor, read.quantity) == (NOON_MS, 990, 1)
    assert (read.epoch, read.sequence, read.state) == (3, 200, types_pb2.HOLD_STATE_ACTIVE)
