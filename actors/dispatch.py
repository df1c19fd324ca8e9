"""From a SKU to its owner's answer: looks the owner up, asks, and asks again while that is safe and in time.

Asking again is always safe: every write carries its own name (request_id, chunk number), so an owner
that already did it gives the same answer. So a caller sees an owner's death as one slow answer.

Who answered for a pool is asked until it no longer does, whatever the placement says meanwhile: a pool that
moves is served by its old owner until the new one has claimed it.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from actors.asking import Answer, Hearer
from actors.home_line import HomeLine
from actors.in_loop import InLoop
from actors.line import Line, NotOwner
from actors.link import Link
from actors.one_at_a_time import OneAtATime
from actors.signpost import Signpost
from actors.wire import Address, Connect, connect, parse_address
from engine.errors import InDoubt, InvariantBroken, NotDone, Overloaded, PoolClosed, StoreUnavailable
from engine.names import PoolName
from engine.ports import NOBODY, Clock, Registry
from engine.stock.commands import Allocate, Command, Wait
from engine.stock.outcomes import WAITS, Outcome, Refused

#: First pause before asking again, doubled up to the last: an owner is back within a second or two.
pause_first_s = 0.02
pause_last_s = 0.5

#: How long a caller without a deadline waits for an owner in all.
patience_ms = 20_000

#: Between two readings of the placement table when nothing seems wrong.
watch_every_s = 0.5

#: Owners to whom there is a line before anybody asks for one: so many sockets here, and one at each of them.
lines_ready_max = 256

_log = logging.getLogger(__name__)


class UnknownPool(NotDone):
    """No such SKU."""


class Heard(NamedTuple):
    """How a try ended, and which owner was asked; empty: none was found, or it is not known."""

    owner_id: str
    failure: Exception


def may_wait(outcome: Outcome | None) -> bool:
    """Whether an answer says to wait for cards, with the command that `waited` makes."""
    return type(outcome) is Refused and outcome.facts == WAITS.facts


def waited(command: Command) -> Wait:
    """What to ask in place of an Allocate that may wait."""
    assert isinstance(command, Allocate)
    return Wait(command)


class Dispatch(InLoop):
    """The front end's view of all owners; `home` leads to the one in this process, if there is one."""

    def __init__(
        self,
        registry: Registry,
        clock: Clock,
        token: str,
        *,
        connect: Connect = connect,
        home: HomeLine | None = None,
    ) -> None:
        self._registry = registry
        self._clock = clock
        self._token = token
        self._connect = connect
        self._home = home
        self._signpost = Signpost(registry)
        #: Whom we ask for a pool.
        self._routes: dict[PoolName, str] = {}
        self._addresses: Mapping[str, Address] = {}
        self._lines: dict[Address, Line] = {}
        self._opening = OneAtATime(self._open)
        self._reading: asyncio.Task[bool] | None = None

    @property
    def waiting(self) -> int:
        """Commands gathered for all owners."""
        return sum(line.waiting for line in self._lines.values())

    async def ask(self, pool: PoolName, command: Command, deadline_ms: int) -> Answer:
        """One command's answer; see `ask_all`."""
        (answer,) = await self.ask_all(pool, (command,), deadline_ms)
        return answer

    def ask_once(self, pool: PoolName, commands: Sequence[Command], deadline_ms: int, hearer: Hearer) -> str:
        """Ask, when a line to the pool's owner is open: the hearer hears how this one try ends.

        Returns which owner was asked; nobody: empty. Whoever hears of a failure may go on with `ask_all`, and must say
        there what it heard of whom. Raises Overloaded.
        """
        line = self._open_line(pool)
        if line is None:
            return ""
        line.board(pool, commands, deadline_ms, self._until_s(deadline_ms), hearer)
        return self._routes[pool]

    async def ask_all(
        self, pool: PoolName, commands: Sequence[Command], deadline_ms: int, *, heard: Heard | None = None
    ) -> Sequence[Answer]:
        """The commands' answers, however many times they have to be asked within the deadline (0 = `patience_ms`).

        `heard` is how a first try ended, if there was one.
        They are asked together, and again together. Raises UnknownPool; Overloaded at once; InvariantBroken when
        the pool has stopped; at the deadline the last NotDone. Whatever ends it, once any try may have reached an
        owner it raises InDoubt, and no answer says that nothing happened.
        """
        loop = self._loop
        until_s = self._until_s(deadline_ms)
        pause_s = pause_first_s
        doubt = heard.failure if heard is not None and isinstance(heard.failure, InDoubt) else None
        if heard is not None:
            await self._pause(pool, heard, pause_s, until_s)
        while True:
            asked = ""
            try:
                line = self._open_line(pool) or await self._found(pool, until_s)
                asked = self._routes.get(pool, "")
                answers = await line.ask_all(pool, commands, deadline_ms, until_s=until_s)
            except (UnknownPool, Overloaded, InvariantBroken) as failure:
                if doubt is not None:
                    raise doubt from failure
                raise
            except InDoubt as failure:
                doubt = failure
                last: Exception = failure
            except NotDone as failure:
                last = failure
            else:
                if doubt is not None and any(answer.outcome is None for answer in answers):
                    raise doubt
                return await self._waited(pool, commands, answers, deadline_ms, doubt=doubt)
            if loop.time() + pause_s >= until_s:
                raise doubt or last
            await self._pause(pool, Heard(asked, last), pause_s, until_s)
            pause_s = min(pause_s * 2, pause_last_s)

    async def _waited(
        self,
        pool: PoolName,
        commands: Sequence[Command],
        answers: Sequence[Answer],
        deadline_ms: int,
        *,
        doubt: InDoubt | None,
    ) -> Sequence[Answer]:
        """The answers, after those who may wait for cards have waited: each by himself."""
        waiting = [at for at, answer in enumerate(answers) if may_wait(answer.outcome)]
        if not waiting:
            return answers
        waits = [self.ask(pool, waited(commands[at]), deadline_ms) for at in waiting]
        heard = dict(zip(waiting, await asyncio.gather(*waits, return_exceptions=True), strict=True))
        failures = [failure for failure in heard.values() if isinstance(failure, BaseException)]
        if failures:
            # Of those who asked together some were decided: nobody may be told that nothing happened.
            raise failures[0] if len(commands) == 1 and doubt is None else InDoubt(str(failures[0])) from failures[0]
        return [heard.get(at, answer) for at, answer in enumerate(answers)]  # type: ignore[misc] # failures are none

    def is_at_home(self, pool: PoolName) -> bool:
        """Whether the pool's owner lives in this process."""
        return self._home is not None and self._open_line(pool) is self._home

    def _until_s(self, deadline_ms: int) -> float:
        wait_ms = deadline_ms - self._clock.now_ms() if deadline_ms else patience_ms
        return self._loop.time() + wait_ms / 1000

    async def _pause(self, pool: PoolName, after: Heard, for_s: float, until_s: float) -> None:
        """Wait before asking again, and then look up anew whom to ask; a store that is away would not say.

        Who hears for the first time that a pool has moved need not wait: its new owner has claimed it already. And who
        hears of it late asks the one that others have found meanwhile: the pool may have been placed elsewhere again.
        """
        if not isinstance(after.failure, NotOwner) or for_s > pause_first_s:
            await asyncio.sleep(for_s)
        found = self._routes.get(pool)
        is_found = bool(found and after.owner_id and found != after.owner_id)
        if not is_found and not isinstance(after.failure, StoreUnavailable):
            self._routes.pop(pool, None)
            await asyncio.wait([self._reread()], timeout=max(0.0, until_s - self._loop.time()))

    async def close(self) -> None:
        """Hang up everywhere, and ask the registry nothing more."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        await self._opening.close()
        for line in self._lines.values():
            line.close()

    def _open_line(self, pool: PoolName) -> Line | None:
        """The line to the pool's owner, when both are known and it is up."""
        owner = self._routes.get(pool)
        address = None if owner is None else self._addresses.get(owner)
        line = None if address is None else self._lines.get(address)
        return line if line is not None and line.is_open else None

    async def _found(self, pool: PoolName, until_s: float) -> Line:
        try:
            async with asyncio.timeout_at(until_s):
                return await self._line(pool)
        except TimeoutError as late:
            raise PoolClosed(f"the owner of {pool} was not found in time") from late

    async def _line(self, pool: PoolName) -> Line:
        owner = self._routes.get(pool)
        if owner is None:
            owner = self._routes[pool] = await self._look_up(pool)
        address = self._addresses.get(owner)
        if address is None:
            raise PoolClosed(f"the owner of {pool} is not there yet")
        return self._open_line(pool) or await self._opening.of(address)

    async def _look_up(self, pool: PoolName) -> str:
        """Whom a pool is placed with. Of one we have not heard of a table that cannot be read says nothing."""
        for _ in range(2):  # The first reading may have been under way before the pool was registered.
            if pool in self._signpost.owner_of:
                break
            if not await asyncio.shield(self._reread()):
                raise StoreUnavailable("the placement of pools cannot be read")
        owner = self._signpost.owner_of.get(pool)
        if owner is None:
            raise UnknownPool(f"{pool} does not exist")
        if owner == NOBODY:
            raise PoolClosed(f"{pool} has not been given an owner yet")
        return owner

    async def _open(self, address: Address) -> Line:
        home = self._home
        line: Line
        if home is not None and address == home.address:
            line = home
        else:
            line = Link(address, self._token, connect=self._connect)
        await line.open()
        self._lines[address] = line
        return line

    def _reread(self) -> asyncio.Task[bool]:
        """Read the placement table, once for all who ask at the same time. Says whether it could be read."""
        if self._reading is None or self._reading.done():
            self._reading = self._loop.create_task(self._read())
        return self._reading

    async def watch(self) -> None:
        """Keep the table fresh, and a line to each owner; hang up on addresses that none announces; until cancelled.

        So a front end leaves an owner that was replaced while it was only frozen, not dead; and nobody who wants a SKU
        that has just moved waits for a connection to be made.
        """
        while True:
            await asyncio.sleep(watch_every_s)
            await asyncio.shield(self._reread())
            for address in islice(self._addresses.values(), lines_ready_max):
                line = self._lines.get(address)
                if line is None or not line.is_open:
                    self._opening.begin(address)

    async def _read(self) -> bool:
        try:
            await self._signpost.refresh()
            seats = await self._registry.owners()
        except (StoreUnavailable, InDoubt) as away:
            _log.warning("placement_unread cause=%s", away)
            return False
        self._addresses = {seat.owner_id: parse_address(seat.address) for seat in seats}
        announced = set(self._addresses.values())
        for address in [address for address in self._lines if address not in announced]:
            self._lines.pop(address).close()
        return True
