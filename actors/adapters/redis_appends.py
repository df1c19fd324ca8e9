"""Appending to journals: one command of the store's own for each pool, where the connection proves that it is right.

A journal is a stream whose entries are called `epoch-seq`, by the seq of their last event. The store takes an entry
only above all that came before, so one of an older epoch, or one sent twice, is refused by the stream itself. What a
stream does not see is a gap. So an append goes plainly only where the last answer on this very connection said that
the journal ends where the append begins: then nobody but a newer epoch can have written since. Every other append,
the first on a connection say, is compared in the store (`append` in append.lua), as is one with attachments.
"""

from collections.abc import Sequence
from typing import Any

from actors.adapters.redis_keys import pool_key
from actors.adapters.redis_line import Command, RedisLine, Refusal, plain
from engine.errors import InDoubt, StoreUnavailable
from engine.names import PoolName
from engine.ports import Append, Position

#: The one field of an entry.
_RECORD = b"r"

_new = tuple.__new__


class RedisAppends:
    """Appends over a line that nobody else uses."""

    def __init__(self, line: RedisLine) -> None:
        self._line = line
        #: Where journals end, by the last answer on the present connection.
        self._ends: dict[PoolName, Position] = {}
        self._connection = 0

    async def append(self, appends: Sequence[Append]) -> Sequence[Position]:
        """See Journal. All appends travel in one pipeline, and so share one sync of the disk."""
        connection = await self._line.connected()
        if connection != self._connection:
            self._connection = connection
            self._ends.clear()
        ends = self._ends
        proven: list[bool] = []
        commands: list[Command] = []
        for each in appends:
            pool, epoch, seq_before, events, record, attachments = each
            is_proven = not attachments and ends.get(pool) == (epoch, seq_before)
            proven.append(is_proven)
            if not is_proven:
                commands.append(_compared(each))
            elif events:
                commands.append(("XADD", pool_key(pool, "journal"), f"{epoch}-{seq_before + events}", _RECORD, record))
            else:
                commands.append(("HGET", pool_key(pool, "meta"), "epoch"))
        try:
            replies = await self._line.attempt(commands, counts=True)
            positions = await self._positions(appends, proven, replies)
        except BaseException:
            for each in appends:
                ends.pop(each.pool, None)
            raise
        for each, position in zip(appends, positions, strict=True):
            ends[each.pool] = position
        return positions

    async def close(self) -> None:
        """Hang up, after what is under way."""
        await self._line.close()

    async def _positions(
        self, appends: Sequence[Append], proven: Sequence[bool], replies: Sequence[Any]
    ) -> Sequence[Position]:
        """Where each journal ends now. Raises InDoubt, or StoreUnavailable when surely nothing happened."""
        if any(type(reply) is Refusal for reply in replies):
            plain([None if type(reply) is Refusal and reply.is_below_the_end else reply for reply in replies])
        positions: list[Position] = []
        for (pool, epoch, seq_before, events, _, _), is_proven, reply in zip(appends, proven, replies, strict=True):
            if not is_proven:
                positions.append(Position(*reply))
            elif (type(reply) is not Refusal) if events else (reply == b"%d" % epoch):
                positions.append(_new(Position, (epoch, seq_before + events)))
            else:  # A newer epoch has claimed it.
                positions.append(await self._end_of(pool))
        return positions

    async def _end_of(self, pool: PoolName) -> Position:
        try:
            (reply,) = await self._line.ask([position_question(pool)])
        except StoreUnavailable as failure:  # What travelled with the refused append may have been written.
            raise InDoubt(*failure.args) from failure
        return Position(*reply)


def position_question(pool: PoolName) -> Command:
    """Where a journal ends: epoch and seq."""
    return ("FCALL", "cardkeep_position", 2, pool_key(pool, "meta"), pool_key(pool, "journal"))


def _compared(append: Append) -> Command:
    pool, epoch, seq_before, events, record, attachments = append
    keys = [pool_key(pool, "meta"), pool_key(pool, "journal"), *(pool_key(pool, name) for name in attachments)]
    command: list[bytes | str | int] = ["FCALL", "cardkeep_append", len(keys), *keys, epoch, seq_before, events, record]
    for fields in attachments.values():
        command.append(2 * len(fields))
        for pair in fields.items():
            command += pair
    return command
