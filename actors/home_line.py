"""A front end's line to the owner in its own process: what comes in one turn of the loop is decided at its end.

No bytes, no wire, no other process to wake: a command is decided where its call was read. What a link does with its
buses the journal's groups do here, since what is decided while an append is under way shares the next one.

Of a pool that a crowd wants only so many are decided in one turn, and fewer while others are wanted, too. Then the loop
looks at everything else: whoever wants another pool waits for some of the crowd, not for all of it.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from itertools import chain

from actors.asking import Answer, Asked, Hearer
from actors.line import Line, NotOwner, Party, commands_per_batch_max, fail, look_every_s, make_room
from actors.owner import Owner
from actors.wire import Address
from engine.errors import Fenced, InDoubt, PoolClosed
from engine.names import PoolName
from engine.stock.commands import Command, Receive, Wait

#: Commands of one pool that are decided in one turn of the loop, or those of one caller: with all that belongs to them
#: they take the process two to four milliseconds.
commands_per_turn_max = 64

#: The same of a pool whose crowd fills more than one turn, while another pool is asked for, too: who asks for that
#: waits for about four turns until he has his answer, each of which takes the process a millisecond then.
commands_beside_others_max = 16

#: How long it counts that two pools were asked for in one breath: a buyer a second keeps his neighbours' turns short.
_beside_for_s = 1.0


class HomeLine(Line):
    """See above. `address` is where the same owner listens for others."""

    def __init__(self, owner: Owner, address: Address) -> None:
        self.address = address
        self._owner = owner
        self._is_open = False
        #: The next turns of each pool that was asked and has its turn still to come.
        self._gathering: dict[PoolName, deque[_Turn]] = {}
        #: Turns whose commands are decided and not written, the oldest first.
        self._under_way: dict[_Turn, None] = {}
        #: Turns of those who wait for cards: nobody waits behind them.
        self._staying: dict[_Turn, None] = {}
        #: Commands of each pool that have no answer.
        self._waiting: dict[PoolName, int] = {}
        self._looking: asyncio.TimerHandle | None = None
        #: Until when no crowd has the loop to itself.
        self._others_until_s = 0.0

    @property
    def is_open(self) -> bool:
        """See Line."""
        return self._is_open

    @property
    def waiting(self) -> int:
        """See Line."""
        return sum(self._waiting.values()) + len(self._staying)

    async def open(self) -> None:
        """See Line; also again after `close`."""
        self._is_open = True

    def close(self) -> None:
        """See Line. What is under way at home ends there."""
        self._is_open = False

    def board(
        self,
        pool: PoolName,
        commands: Sequence[Command],
        deadline_ms: int,
        until_s: float,
        hearer: Hearer,
    ) -> None:
        """See Line."""
        if not self._is_open:
            raise PoolClosed("this process owns nothing any more")
        loop = self._loop
        now_s = loop.time()
        party = Party(deadline_ms, until_s, commands, hearer, now_s)
        if self._looking is None:
            self._looking = loop.call_later(look_every_s, self._look_for_late)
        if type(commands[0]) is Wait:
            turn = _Turn(self, pool)
            turn.add(party)
            self._decide(turn, self._staying)
            return
        waiting = self._waiting.get(pool, 0)
        if waiting >= commands_per_batch_max:
            make_room(pool, waiting, self._first(pool), now_s)
        self._waiting[pool] = waiting + len(commands)
        if type(commands[0]) is Receive:  # It has to wait for its turn, and nobody should wait with it.
            turn = _Turn(self, pool)
            turn.add(party)
            self._decide(turn, self._under_way)
            return
        gathering = self._gathering
        if not gathering:
            loop.call_soon(self._decide_all)
        turns = gathering.get(pool) or gathering.setdefault(pool, deque((_Turn(self, pool),)))
        if len(turns[-1].asked) >= commands_beside_others_max and self._is_full(turns, now_s):
            turns.append(_Turn(self, pool))
        turns[-1].add(party)

    def ended(self, turn: "_Turn") -> None:
        """A turn's callers have heard."""
        if turn in self._staying:
            del self._staying[turn]
            return
        del self._under_way[turn]
        waiting = self._waiting[turn.pool] - len(turn.asked)
        if waiting:
            self._waiting[turn.pool] = waiting
        else:
            del self._waiting[turn.pool]

    def _is_full(self, turns: "deque[_Turn]", now_s: float) -> bool:
        """Whether who comes now has to take the turn after the last of these."""
        is_beside_others = len(turns) > 1 and now_s < self._others_until_s
        return is_beside_others or len(turns[-1].asked) >= commands_per_turn_max

    def _decide_all(self) -> None:
        """The next turn of each pool; what is left comes after whatever else the loop has to do."""
        if len(self._gathering) > 1:
            self._others_until_s = self._loop.time() + _beside_for_s
        turns = [turns.popleft() for turns in self._gathering.values()]
        self._gathering = {pool: rest for pool, rest in self._gathering.items() if rest}
        if self._gathering:
            self._loop.call_soon(self._decide_all)
        for turn in turns:
            self._decide(turn, self._under_way)

    def _decide(self, turn: "_Turn", beside: "dict[_Turn, None]") -> None:
        beside[turn] = None
        try:
            self._owner.take(turn.pool, turn.asked, turn)
        except Exception as mistake:  # noqa: BLE001 - whoever asked would wait for ever
            turn.set_exception(InDoubt(f"the owner made a mistake: {mistake!r}"))

    def _first(self, pool: PoolName) -> Party | None:
        """Who has waited longest of those that have no answer."""
        waiting = (turn for turn in chain(self._under_way, self._gathering.get(pool, ())) if turn.pool == pool)
        return next((turn.parties[0] for turn in waiting), None)

    def _look_for_late(self) -> None:
        loop = self._loop
        now_s = loop.time()
        for turn in (*self._under_way, *self._staying):
            late = [party for party in turn.parties if party.until_s <= now_s]
            fail(late, InDoubt("the owner did not answer in time"))
        is_busy = bool(self._waiting or self._staying)
        self._looking = loop.call_later(look_every_s, self._look_for_late) if is_busy else None


class _Turn:
    """What the callers of one pool asked in one turn: hears what was decided, and tells each his part."""

    __slots__ = ("_has_heard", "_line", "asked", "parties", "pool")

    def __init__(self, line: HomeLine, pool: PoolName) -> None:
        self._line = line
        self._has_heard = False
        self.pool = pool
        self.parties: list[Party] = []
        self.asked: list[Asked] = []

    def add(self, party: Party) -> None:
        """Let a caller join, before it is decided."""
        self.parties.append(party)
        deadline_ms, _, commands, _, _ = party
        for command in commands:
            self.asked.append((deadline_ms, command))

    def done(self) -> bool:
        """See Hearer."""
        return self._has_heard

    def set_result(self, answers: Sequence[Answer]) -> None:
        """See Hearer."""
        self._end()
        at = 0
        for _, _, commands, hearer, _ in self.parties:
            after = at + len(commands)
            if not hearer.done():
                hearer.set_result(answers[at:after])
            at = after

    def set_exception(self, failure: Exception) -> None:
        """See Hearer."""
        self._end()
        fail(self.parties, NotOwner(*failure.args) if isinstance(failure, Fenced) else failure)

    def _end(self) -> None:
        self._has_heard = True
        self._line.ended(self)
