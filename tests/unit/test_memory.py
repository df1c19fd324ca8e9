"""The memory window: what is young is here, what is old is looked up only when the id cannot prove that it is young."""

import pytest

from engine import limits
from engine.names import HoldNo
from engine.stock.commands import Release
from engine.stock.events import Answered
from engine.stock.memory import Memory, made_at
from engine.stock.outcomes import Reason, Refused
from tests.unit.desk import NOW_MS

_NO = Refused(Reason.HOLD_NOT_FOUND)


def uuid7(made_at_ms: int) -> str:
    """A UUIDv7 of this moment."""
    digits = f"{made_at_ms:012x}"
    return f"{digits[:8]}-{digits[8:]}-7abc-8def-0123456789ab"


def remembering(request_id: str, at_ms: int) -> Memory:
    """A memory with one answer."""
    memory = Memory()
    memory.remember(Answered(at_ms, Release(request_id, HoldNo(1)), _NO))
    return memory


def test_a_uuid7_tells_when_it_was_made() -> None:
    """The example of RFC 9562, appendix A.6."""
    assert made_at("017F22E2-79B0-7CC3-98C4-DC0C0C07398F") == 1_645_557_742_000


@pytest.mark.parametrize(
    "request_id", ["", "r1", uuid7(NOW_MS)[:-1], uuid7(NOW_MS).replace("-7", "-4"), "zzzzzzzz" + uuid7(NOW_MS)[8:]]
)
def test_other_ids_tell_nothing(request_id: str) -> None:
    """Other texts, other versions and other lengths have no time in them."""
    assert made_at(request_id) is None


def test_nothing_is_archived_before_anything_was_forgotten() -> None:
    """A new pool never asks the archive."""
    assert not Memory().may_be_archived("r1")
    assert not Memory().may_be_archived(uuid7(NOW_MS - limits.DAY_MS))


def test_only_answers_older_than_the_moment_are_forgotten() -> None:
    """The moment itself is not yet older."""
    memory = remembering("r1", NOW_MS)
    memory.remember(Answered(NOW_MS + 1, Release("r2", HoldNo(1)), _NO))
    memory.forget_answers(NOW_MS)
    assert set(memory.answers) == {"r1", "r2"}
    memory.forget_answers(NOW_MS + 1)
    assert set(memory.answers) == {"r2"}


def test_a_forgotten_plain_id_is_found_through_the_sieve() -> None:
    """It cannot prove its age, so the sieve remembers it; others are not looked up."""
    memory = remembering("r1", NOW_MS)
    memory.forget_answers(NOW_MS + 1)
    assert memory.may_be_archived("r1")
    assert not memory.may_be_archived("r2")


def test_a_forgotten_uuid7_is_found_by_its_own_time() -> None:
    """Old ids are looked up, young ones are not, and neither costs a bit in the sieve."""
    memory = remembering(uuid7(NOW_MS), NOW_MS)
    memory.forget_answers(NOW_MS + 1)
    assert memory.may_be_archived(uuid7(NOW_MS))
    assert not memory.may_be_archived(uuid7(NOW_MS + limits.clock_ahead_ms_max + 1))
    assert memory.sieve.layers() == ()


def test_a_uuid7_from_a_clock_far_ahead_is_found_through_the_sieve() -> None:
    """Its time would say it is too young to be forgotten; it is not believed."""
    ahead = uuid7(NOW_MS + limits.HOUR_MS)
    memory = remembering(ahead, NOW_MS)
    memory.forget_answers(NOW_MS + 1)
    assert memory.may_be_archived(ahead)


def test_a_uuid7_from_a_clock_a_little_ahead_is_still_found() -> None:
    """Exactly at the bound the id is believed, and its time still counts as old."""
    ahead = uuid7(NOW_MS + limits.clock_ahead_ms_max)
    memory = remembering(ahead, NOW_MS)
    memory.forget_answers(NOW_MS + 1)
    assert memory.may_be_archived(ahead)


def test_forgetting_never_goes_back() -> None:
    """An earlier moment after a later one changes nothing."""
    memory = Memory()
    memory.forget_answers(NOW_MS)
    memory.forget_answers(NOW_MS - 1)
    assert memory.forgotten_before_ms == NOW_MS


def test_a_forgotten_reference_is_in_the_sieve_and_an_unknown_one_is_not() -> None:
    """Orders and payments are unique for ever, so the sieve remembers them."""
    memory = Memory()
    memory.orders["o1"] = HoldNo(1)
    memory.payments["p1"] = HoldNo(1)
    for reference in ("o1", "o2"):
        memory.forget_order(reference)
    for reference in ("p1", "p2"):
        memory.forget_payment(reference)
    assert ("order/o1" in memory.sieve, "payment/p1" in memory.sieve) == (True, True)
    assert ("order/o2" in memory.sieve, "payment/p2" in memory.sieve) == (False, False)
    assert (memory.orders, memory.payments) == ({}, {})
