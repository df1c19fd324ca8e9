"""Attempts that the ledger has forgotten, found again in the archive when there is news of them."""

from collections.abc import Iterable, Mapping, Sequence

from actors.supply.written_ledger import WrittenLedger
from engine.errors import NotDone
from engine.names import PoolName
from engine.ports import Archive
from engine.supply.attempts import AttemptId, EntryRecord
from engine.supply.entry import Entry
from engine.supply.ports import StatementRow
from engine.supply.snapshot import attempt_key, order_key, read_archived_entry, read_archived_name

#: Entries asked of the archive in one round.
_PER_ROUND_MAX = 500


class AttemptUnknown(NotDone):
    """There is no attempt by this name, nor was there one that the archive still has."""


class AttemptDelivered(NotDone):
    """It stands delivered already, and codes that are told with no new order of the supplier's belong to nothing."""


class Recollection:
    """One ledger's memory and archive as one."""

    def __init__(self, book: PoolName, archive: Archive, written: WrittenLedger) -> None:
        self._book = book
        self._archive = archive
        self._written = written

    async def find(self, attempt: AttemptId) -> Entry | None:
        """The attempt, back in memory if it had been forgotten; None when there is none. Raises StoreUnavailable."""
        entries = self._written.ledger.entries
        if attempt in entries:
            return entries[attempt]
        (packed,) = await self._archive.recall(self._book, [attempt_key(attempt)])
        if packed is not None and attempt not in entries:
            written = self._written
            written.write(written.ledger.recall(read_archived_entry(packed), written.now_ms()))
        return entries.get(attempt)

    async def existing(self, attempt: AttemptId) -> Entry:
        """The attempt. Raises AttemptUnknown or StoreUnavailable."""
        entry = await self.find(attempt)
        if entry is None:
            raise AttemptUnknown(f"there is no attempt {attempt}")
        return entry

    async def forgotten(self, rows: Sequence[StatementRow]) -> Sequence[EntryRecord]:
        """What the archive has of the attempts in a statement that are not in memory. Raises StoreUnavailable."""
        entries = self._written.ledger.entries
        numbers = {number for entry in entries.values() for number in entry.order_nos}
        unknown = [row for row in rows if row.order_no not in numbers and AttemptId(row.attempt) not in entries]
        named = [attempt_key(row.attempt) for row in unknown if row.attempt]
        owners = await self._recalled(order_key(row.order_no) for row in unknown if row.order_no)
        named += [attempt_key(read_archived_name(packed)) for packed in owners.values()]
        records = [read_archived_entry(packed) for packed in (await self._recalled(named)).values()]
        return [record for record in records if record.attempt.attempt not in entries]

    async def _recalled(self, keys: Iterable[str]) -> Mapping[str, bytes]:
        wanted, found = list(dict.fromkeys(keys)), dict[str, bytes]()
        for start in range(0, len(wanted), _PER_ROUND_MAX):
            part = wanted[start : start + _PER_ROUND_MAX]
            values = await self._archive.recall(self._book, part)
            found.update({key: value for key, value in zip(part, values, strict=True) if value is not None})
        return found
