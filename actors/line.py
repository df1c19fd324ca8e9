"""A front end's line to an owner, as whoever asks knows it: `link.py` leads elsewhere, `home_line.py` stays at home."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from actors.asking import Answer, Hearer, tell_failure
from actors.in_loop import InLoop
from engine.errors import NotDone, Overloaded
from engine.names import PoolName
from engine.stock.commands import Command

#: Between two looks for callers whose time is up: how late they may hear of it.
look_every_s = 0.05

#: Commands of one pool that may wait in this front end. At 10,000 a second this is 0.8 s of queue:
#: who comes later is better told at once.
commands_waiting_max = 8_192

#: Commands in one batch; about 100 KB, decided in a few milliseconds.
commands_per_batch_max = 512

#: How long the first in line may have waited when somebody joins a line longer than the next batch takes. Beyond it,
#: commands come faster than the owner works, and a longer line would only make all of them late.
first_waits_for_max_s = 0.5


class NotOwner(NotDone):
    """The owner asked does not own the pool: the placement has changed. Look it up again, then ask there."""


class Party(NamedTuple):
    """Commands that one caller asked together: they travel together and are answered together."""

    deadline_ms: int
    until_s: float
    commands: Sequence[Command]
    hearer: Hearer
    #: When they joined the line.
    since_s: float


class Line(InLoop, ABC):
    """The way to one owner."""

    @property
    @abstractmethod
    def is_open(self) -> bool:
        """Whether it can still carry commands."""

    @property
    @abstractmethod
    def waiting(self) -> int:
        """Commands that came to it and have got no further yet."""

    @abstractmethod
    async def open(self) -> None:
        """Connect. Raises PoolClosed when nobody is there."""

    @abstractmethod
    def board(
        self,
        pool: PoolName,
        commands: Sequence[Command],
        deadline_ms: int,
        until_s: float,
        hearer: Hearer,
    ) -> None:
        """Ask with what else comes in this turn; `hearer` hears at the latest when the loop's time is `until_s`.

        Raises PoolClosed or Overloaded when they cannot even board. It hears NotOwner, PoolClosed, StoreUnavailable
        or Overloaded (nothing happened), InDoubt (the connection broke, or no answer came), InvariantBroken (the
        pool has stopped).
        """

    @abstractmethod
    def close(self) -> None:
        """Hang up; what is under way ends in doubt."""

    async def ask(self, pool: PoolName, command: Command, deadline_ms: int, *, until_s: float) -> Answer:
        """One command's answer; see `board`."""
        (answer,) = await self.ask_all(pool, (command,), deadline_ms, until_s=until_s)
        return answer

    def ask_all(
        self, pool: PoolName, commands: Sequence[Command], deadline_ms: int, *, until_s: float
    ) -> asyncio.Future[Sequence[Answer]]:
        """The answers to commands that travel together; see `board`."""
        future: asyncio.Future[Sequence[Answer]] = self._loop.create_future()
        self.board(pool, commands, deadline_ms, until_s, future)
        return future


def make_room(pool: PoolName, waiting: int, first: Party | None, now_s: float) -> None:
    """Raise Overloaded when there is none for one more behind so many commands, of which `first` came first."""
    is_slow = waiting >= commands_per_batch_max and first is not None and now_s > first.since_s + first_waits_for_max_s
    if is_slow or waiting >= commands_waiting_max:
        raise Overloaded(f"{waiting} commands already wait for {pool}")


def fail(parties: Iterable[Party], failure: Exception) -> None:
    """Tell those who still listen."""
    for party in parties:
        tell_failure(party.hearer, failure)
