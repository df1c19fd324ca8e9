"""The stash: what a ledger's append attached waits there until it is dropped, in every store."""

from collections.abc import Mapping

from engine.names import SupplierName
from engine.ports import Append, Journal
from engine.supply.ports import STASH, Stash

BOOK = SupplierName("contract", "acme").book


async def _attach(journal: Journal, fields: Mapping[bytes, bytes]) -> None:
    epoch, seq = (await journal.claim(BOOK)).position
    await journal.append([Append(BOOK, epoch, seq, 1, b"record", {STASH: fields})])


async def test_what_an_append_attached_waits_until_it_is_dropped(journal: Journal, stash: Stash) -> None:
    """Sealed as it was; dropping twice, or what is not there, is no matter."""
    await stash.unstash(BOOK, list(await stash.stashed(BOOK)))
    await _attach(journal, {b"a-1": b"\x00sealed", b"b-1": b"more"})
    assert await stash.stashed(BOOK) == {b"a-1": b"\x00sealed", b"b-1": b"more"}
    await stash.unstash(BOOK, [b"a-1", b"c-1"])
    await stash.unstash(BOOK, [b"a-1"])
    await stash.unstash(BOOK, [])
    assert await stash.stashed(BOOK) == {b"b-1": b"more"}
    await stash.unstash(BOOK, [b"b-1"])
    assert await stash.stashed(BOOK) == {}
