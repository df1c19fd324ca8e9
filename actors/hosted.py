"""One pool as its owner has it: what is decided in it, and what is known about it."""

import asyncio
from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from actors.asking import Hearer
from actors.committer import Desk
from engine.errors import Fenced, InvariantBroken, PoolClosed
from engine.names import PoolName
from engine.stock.commands import Allocate
from engine.stock.pool import Pool
from engine.supply.looking import runs_dry_soon

#: Sorts after every deadline.
_NEVER_MS = 1 << 62

#: Stands for a pool that is being rebuilt.
_NOT_YET = Pool(PoolName("", ""))


class PoolState(Enum):
    """Whether a hosted pool answers."""

    RECOVERING = "recovering"
    SERVING = "serving"
    FENCED = "fenced"
    STOPPED = "stopped"


class Found(NamedTuple):
    """What the archive has under keys, None where it has nothing, when all before `forgotten_ms` had left memory."""

    forgotten_ms: int
    values: Mapping[str, object]


NOTHING_FOUND = Found(0, {})
"""Nothing has been looked up yet."""


class Guest:
    """One Allocate that waits for cards. `found` is what it needed of the archive."""

    __slots__ = ("command", "deadline_ms", "found", "hearer", "timer")

    def __init__(self, deadline_ms: int, command: Allocate, hearer: Hearer) -> None:
        self.deadline_ms = deadline_ms
        self.command = command
        self.hearer = hearer
        self.found = NOTHING_FOUND
        self.timer: asyncio.TimerHandle | None = None


class Hosted:
    """One pool this owner hosts. There may be ten thousand, most of them quiet."""

    __slots__ = (
        *(
            "check_at_steps",
            "desk",
            "due_ms",
            "failure",
            "fold_not_before_s",
            "folded_size",
            "is_dry",
            "is_folding",
            "is_leaving",
            "name",
        ),
        *("available_seen", "came_since", "guests", "needs_look", "pool", "runs_dry", "snapshot_seq", "state"),
        *("steps", "steps_seen"),
    )

    def __init__(self, name: PoolName) -> None:
        self.name = name
        self.state = PoolState.RECOVERING
        self.pool = _NOT_YET
        self.desk = Desk(name, 0, 0)
        self.failure = ""
        self.snapshot_seq = 0
        #: Holds and answers in memory when it was last folded: what the next fold will have to write again.
        self.folded_size = 0
        self.steps = 0
        self.check_at_steps = 0
        #: Steps when the sweep last came by: who has made none since needs no look before `due_ms`.
        self.steps_seen = 0
        self.needs_look = True
        self.due_ms = _NEVER_MS
        self.is_folding = False
        #: Whether its shelf had nothing when it was asked last.
        self.is_dry = False
        #: When the sweep came by last: how much it had, and whether that was little, for as fast as it sells. And what
        #: has come in since: nothing of that is to rest only because the last delivery hid what was sold.
        self.available_seen = 0
        self.runs_dry = False
        self.came_since = 0
        #: Who waits for cards, in order of arrival; None as long as nobody ever did.
        self.guests: dict[Guest, None] | None = None
        self.fold_not_before_s = 0.0
        #: Placed elsewhere, and served here until it is claimed there.
        self.is_leaving = False

    def why_not(self) -> Exception:
        """Why it decides nothing now, where it does not serve."""
        if self.state is PoolState.FENCED:
            return Fenced(f"{self.name} is not owned here")
        if self.state is PoolState.STOPPED:
            return InvariantBroken(self.failure)
        return PoolClosed(f"{self.name} is being recovered")

    def ran_dry(self) -> bool:
        """Whether the last card has gone since this was asked before."""
        was_dry, self.is_dry = self.is_dry, self.pool.state.shelf.is_empty
        return self.is_dry and not was_dry

    def will_run_dry(self, now_ms: int, over_ms: int) -> bool:
        """Whether its shelf is empty, or soon will be, changing as it did since this was asked before, so long ago."""
        before, self.available_seen = self.available_seen, self.pool.state.shelf.available(now_ms)
        self.runs_dry = not self.available_seen or runs_dry_soon(self.available_seen, before + self.came_since, over_ms)
        self.came_since = 0
        return not self.available_seen or runs_dry_soon(self.available_seen, before, over_ms)

    def next_deadline_ms(self) -> int:
        """When its first hold is over; very late when it has none."""
        due_ms = self.pool.state.holds.next_deadline_ms()
        return _NEVER_MS if due_ms is None else due_ms
