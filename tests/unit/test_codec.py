"""The codec: everything reads back as it was written, damage is found, and the numbers stay what they are."""

from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, NewType, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import framing
from engine.errors import InvariantBroken
from engine.money import Money
from engine.names import BatchNo, HoldNo
from engine.stock import codec, events
from engine.stock import commands as ask
from engine.stock import outcomes as said
from engine.stock.hold import HoldRecord
from engine.stock.terms import HeldQuotas, Terms
from tests.examples import examples
from tests.unit.desk import NOW_MS, card

_PLAIN = {
    int: st.integers(-(2**63), 2**63 - 1),
    str: st.text(max_size=5),
    bytes: st.binary(max_size=5),
    bool: st.booleans(),
    NoneType: st.none(),
}


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Any value of an annotated type."""
    origin, parts = get_origin(hint), get_args(hint)
    if hint in _PLAIN:
        return _PLAIN[hint]
    if isinstance(hint, NewType):
        return values(hint.__supertype__)
    if origin in (Union, UnionType):
        return st.one_of([values(part) for part in parts])
    if origin is tuple and parts[-1] is Ellipsis:
        return st.lists(values(parts[0]), max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*(values(part) for part in parts))
    if issubclass(hint, StrEnum):
        return st.sampled_from(list(hint))
    return st.tuples(*(values(part) for part in get_type_hints(hint).values())).map(lambda fields: hint(*fields))


@settings(max_examples=examples(10))
@pytest.mark.parametrize("kind", codec.COMMANDS.values())
@given(st.data())
def test_a_command_reads_back(kind: type, data: Any) -> None:
    """Field by field, and as the same type."""
    command = data.draw(values(kind))
    again = codec.read_command(framing.unpack(framing.pack(codec.plain(command))))
    assert again == command
    assert type(again) is kind


@settings(max_examples=examples(10))
@pytest.mark.parametrize("kind", codec.OUTCOMES.values())
@given(st.data())
def test_an_outcome_reads_back(kind: type, data: Any) -> None:
    """Down to the enums in it: a state that comes back as bare text would fail `is`."""
    outcome = data.draw(values(kind))
    again = codec.read_outcome(framing.unpack(framing.pack(codec.plain(outcome))))
    assert repr(again) == repr(outcome)


@settings(max_examples=examples(10))
@pytest.mark.parametrize("kind", codec.EVENTS.values())
@given(st.data())
def test_an_event_reads_back(kind: type, data: Any) -> None:
    """Within its record, with epoch and seq."""
    event = data.draw(values(kind))
    record = codec.read_record(codec.pack_record(7, 42, [event, event]))
    assert repr(record) == repr(codec.Record(7, 42, [event, event]))


@settings(max_examples=examples(10))
@given(values(HoldRecord), values(said.Held), values(ask.Allocate), values(events.CardsHeld))
def test_an_archive_entry_reads_back_by_the_kind_its_key_names(
    hold: Any, outcome: Any, command: Any, held: Any
) -> None:
    """Answers, holds, and the number of the hold a reference belongs to."""
    for answer in (events.Answered(NOW_MS, command, outcome), held):
        assert codec.read_archived("request/r1", codec.pack_answer(answer)) == answer
    assert repr(codec.read_archived("hold/1", framing.pack(hold))) == repr(hold)
    assert codec.read_archived("order/a/b", framing.pack(HoldNo(17))) == 17


def _record() -> bytes:
    held = events.HoldExpired(NOW_MS, HoldNo(1))
    received = events.CardsReceived(NOW_MS, BatchNo(1), 0, ((2, None), (1, NOW_MS)))
    return codec.pack_record(3, 10, [held, received])


def test_a_damaged_byte_anywhere_is_found() -> None:
    """Each byte of a record, head and body, turned over in its turn."""
    record = _record()
    for at in range(len(record)):
        damaged = bytearray(record)
        damaged[at] ^= 0xFF
        with pytest.raises(InvariantBroken):
            codec.read_record(bytes(damaged))


def test_a_record_that_is_cut_or_longer_is_found() -> None:
    """Every length but the right one."""
    record = _record()
    for length in range(len(record)):
        with pytest.raises(InvariantBroken):
            codec.read_record(record[:length])
    with pytest.raises(InvariantBroken):
        codec.read_record(record + b"\0")


def test_a_record_whose_count_is_not_its_contents_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A right checksum over a wrong count is a fault of the writer, and is not replayed either."""
    record = bytearray(_record())
    record[27] = 3
    monkeypatch.setattr(framing, "crc32", lambda _bytes: int.from_bytes(record[4:8], "big"))
    with pytest.raises(InvariantBroken, match="has 2 events, not 3"):
        codec.read_record(bytes(record))


def test_what_is_no_msgpack_and_what_has_no_meaning_is_refused() -> None:
    """Bytes of another format, and a number from a later version."""
    with pytest.raises(InvariantBroken, match="not msgpack"):
        framing.unpack(b"\xc1")
    with pytest.raises(InvariantBroken, match="number 99 stands for nothing"):
        codec.read_event((99, ()))
    with pytest.raises(InvariantBroken, match="number 33 stands for nothing"):
        codec.read_event((14, (NOW_MS, (33, (0,)), (0, ("OUT_OF_STOCK", ())))))


def test_a_record_from_before_a_field_was_added_gets_its_default() -> None:
    """A journal outlives a version: the last fields of an Allocate may be missing."""
    assert codec.read_command((1, ("r1", "o1", 1, 1_000))) == ask.Allocate("r1", "o1", 1, 1_000)


def test_an_audit_by_an_owner_of_the_version_before_says_no_moment() -> None:
    """While machines are upgraded one after the other, an answer comes from either version."""
    shelf = said.Shelf(Terms(), 1, 1, 1, 0, 0, 0, 0, 1)
    assert codec.read_outcome((36, (shelf, ()))) == said.Audited(shelf, (), 0)


def test_a_refund_from_when_it_was_only_a_payment_ref_still_reads() -> None:
    """Holds and events of that time name the payment alone; nobody knows why, and so it is final."""
    hold = (1, "EXPIRED", (), "o", 1, ("", "", "", ""), 1, 2, 2, 3, 0, None, "", False, ("p",), ())
    assert codec.read_archived("hold/1", framing.pack(hold)).refunds_due == (said.RefundDue("p"),)
    assert said.RefundDue("p") == said.RefundDue("p", None, None, is_final=True)
    raised = codec.read_event((7, (NOW_MS, 1, "p", None)))
    assert raised == events.RefundRaised(NOW_MS, HoldNo(1), "p", None, reason=None, is_final=True)


def test_terms_from_before_people_could_wait_still_read() -> None:
    """Bytes of that time, in an event and in an answer: nobody waits."""
    record = codec.read_record(bytes.fromhex(_TERMS_OF_OLD))
    terms = Terms("Steam", Money(500, "EUR"), "EUR", paused=True, quotas=HeldQuotas(user=3), revision=0)
    changed = ask.Configure("r1", terms, ("title", "price"))
    answered = events.Answered(NOW_MS, changed, said.Configured(terms._replace(revision=1)))
    assert record == codec.Record(2, 7, [events.TermsSet(NOW_MS, changed), answered])
    assert terms.wait_max == 0


def test_the_first_journal_still_reads() -> None:
    """Bytes written by the first version. If this fails, old journals no longer replay: add, never change."""
    record = bytes.fromhex(_FIRST_JOURNAL)
    assert codec.read_record(record) == codec.Record(1, 0, _FIRST_EVENTS)


def test_what_is_written_now_stays_what_it_is() -> None:
    """The same events in today's bytes: an Allocate has a channel by now. If this fails, a next version is in doubt."""
    record = bytes.fromhex(_TODAYS_JOURNAL)
    assert codec.pack_record(1, 0, _FIRST_EVENTS) == record
    assert codec.read_record(record) == codec.Record(1, 0, _FIRST_EVENTS)


_FIRST_EVENTS: list[events.Event] = [
    events.CardsHeld(
        NOW_MS, ask.Allocate("r1", "o1", 1, 60_000, ask.Principal("ann")), HoldNo(1), (card(0),), NOW_MS + 60_000, None
    ),
    events.Answered(NOW_MS, ask.Release("r2", HoldNo(2)), said.Refused(said.Reason.HOLD_NOT_FOUND, (("a", "b"),))),
]
_FIRST_JOURNAL = (
    "00000063121c3200000000000000000100000000000000000000000292920196cf000001a3185c500098a27231a26f3101cd"
    "ea6094a3616e6ea0a0a000c0c20191cf0000000100000000cf000001a3185d3a60c0920e93cf000001a3185c5000920392a2"
    "723202920092ae484f4c445f4e4f545f464f554e449192a161a162"
)
_TODAYS_JOURNAL = (
    "00000064250de6d9000000000000000100000000000000000000000292920196cf000001a3185c500099a27231a26f3101cd"
    "ea6094a3616e6ea0a0a000c0c2a00191cf0000000100000000cf000001a3185d3a60c0920e93cf000001a3185c5000920392"
    "a2723202920092ae484f4c445f4e4f545f464f554e449192a161a162"
)
_TERMS_OF_OLD = (
    "000000d2cab0f93e000000000000000200000000000000070000000292920d92cf000001a3185c500094a272319ca5537465"
    "616d92cd01f4a3455552a3455552c0ce000dbba0ce006ddd00ce05265c0064ce02932e009403000000c30092a57469746c65"
    "a57072696365c2920e93cf000001a3185c5000920a94a272319ca5537465616d92cd01f4a3455552a3455552c0ce000dbba0"
    "ce006ddd00ce05265c0064ce02932e009403000000c30092a57469746c65a57072696365c2920a919ca5537465616d92cd01"
    "f4a3455552a3455552c0ce000dbba0ce006ddd00ce05265c0064ce02932e009403000000c301"
)
