"""The ledger's codec: every event reads back as it was written, and the numbers stay what they are."""

from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, NewType, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from engine.errors import InvariantBroken
from engine.framing import pack
from engine.money import Money
from engine.names import PoolName, SupplierName
from engine.supply import attempts as at
from engine.supply import codec
from engine.supply.breaker import Override
from engine.supply.ledger import Caution
from engine.supply.ports import Good
from engine.supply.refilling import Marks
from engine.supply.suppliers import Idempotency, Source, Sourcing, Supplier
from tests.examples import examples

_PLAIN = {
    int: some.integers(-(2**63), 2**63 - 1),
    str: some.text(max_size=5),
    bytes: some.binary(max_size=5),
    bool: some.booleans(),
    NoneType: some.none(),
}


def values(hint: Any) -> some.SearchStrategy[Any]:
    """Any value of an annotated type."""
    origin, parts = get_origin(hint), get_args(hint)
    if hint in _PLAIN:
        return _PLAIN[hint]
    if isinstance(hint, NewType):
        return values(hint.__supertype__)
    if origin in (Union, UnionType):
        return some.one_of([values(part) for part in parts])
    if origin is tuple:
        return some.lists(values(parts[0]), max_size=2).map(tuple)
    if issubclass(hint, StrEnum):
        return some.sampled_from(list(hint))
    return some.tuples(*(values(part) for part in get_type_hints(hint).values())).map(lambda fields: hint(*fields))


@settings(max_examples=examples(20))
@pytest.mark.parametrize("kind", codec.EVENTS.values())
@given(some.data())
def test_an_event_reads_back_from_its_record(kind: type, data: Any) -> None:
    """Field by field, and as the same type, down to the finding and the enums in it."""
    event = data.draw(values(kind))
    record = codec.read_ledger_record(codec.pack_ledger_record(3, 17, [event, event]))
    assert (record.epoch, record.first_seq) == (3, 17)
    assert repr(record.events) == repr([event, event])
    assert type(record.events[0]) is kind


def test_the_numbers_are_for_ever() -> None:
    """Those of the first release; a new kind gets a new number."""
    assert [kind.__name__ for kind in codec.EVENTS.values()] == [
        *("Begun", "Sent", "Learned", "Disputed", "Stocked"),
        *("Vouched", "Differed", "Resolved", "Forgotten", "Recalled"),
    ]
    assert [kind.__name__ for kind in codec.FINDINGS.values()] == [
        *("NotSent", "Refused", "Accepted", "Silent", "Delivered", "Failed", "NotFound", "Reversed"),
    ]
    assert list(codec.EVENTS) == list(range(1, 11))
    assert list(codec.FINDINGS) == list(range(1, 9))


def test_a_record_as_it_was_first_written_still_reads() -> None:
    """These bytes stand in journals."""
    attempt = at.Attempt(at.AttemptId("a"), PoolName("t", "s"), at.Kind.CODES, 2, Money(100, "CNY"))
    events = [
        at.Begun(1, attempt, "P-1"),
        at.Learned(2, at.AttemptId("a"), at.Refused("no stock"), at.Standing.FAILED),
    ]
    written = bytes.fromhex(
        "0000003b0a579fcb000000000000000100000000000000010000000292"
        "9201940196a16192a174a173a5434f444553029264a3434e59a0a3502d31c400"
        "92039502a161920291a86e6f2073746f636ba64641494c454400"
    )
    assert codec.read_ledger_record(written).events == events


def test_damage_and_what_a_later_version_wrote_are_found() -> None:
    """Any byte that was changed; a number that stands for nothing."""
    record = codec.pack_ledger_record(1, 1, [at.Sent(1, at.AttemptId("a"))])
    for place in range(len(record)):
        damaged = bytearray(record)
        damaged[place] ^= 1
        with pytest.raises(InvariantBroken):
            codec.read_ledger_record(bytes(damaged))


def test_goods_read_back() -> None:
    """Any text, with or without an end, with or without somebody who told them; none, too."""
    goods = [Good("A-1", None), Good("\u5361\u5bc6", 1_800_000_000_000)]
    for told in (goods, []):
        for who in ("", "ann"):
            assert codec.read_goods(codec.pack_goods(told, who)) == (told, who)
    assert codec.pack_goods(goods) == pack([*goods]), "what stashes held before there was a name in them"


def test_what_staff_set_reads_back() -> None:
    """Down to the enums and the amounts, whose types count."""
    name = SupplierName("shop", "acme")
    caution = Caution(600_000, 100, Money(50_000, "CNY"), 86_400_000)
    supplier = Supplier(
        *(name, "Acme", "signed", "https://a.example", "CNY", {"sign": "md5"}, b"sealed", Idempotency.NONE, 0, caution),
        *(2.5, 10_000),
        override=Override.HELD_OPEN,
        balance_min=Money(1, "CNY"),
    )
    again = codec.read_supplier(codec.pack_supplier(supplier))
    assert again == supplier
    assert repr(again) == repr(supplier)
    sourcing = Sourcing(
        PoolName("shop", "vip"), (Source(name, "P-1", Money(9, "CNY")),), Marks(1, 2, 1), Money(10, "CNY")
    )
    assert repr(codec.read_sourcing(codec.pack_sourcing(sourcing))) == repr(sourcing)
