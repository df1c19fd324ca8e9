"""One pool as its owner has it: what is decided in it, and what is known about it."""

from enum import Enum

from actors.committer import Desk
from engine.names import PoolName
from engine.stock.pool import Pool

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
            "is_folding",
            "is_leaving",
            "name",
        ),
        *("needs_look", "pool", "snapshot_seq", "state", "steps", "steps_seen"),
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
        self.fold_not_before_s = 0.0
        #: Placed elsewhere, and served here until it is claimed there.
        self.is_leaving = False

    def next_deadline_ms(self) -> int:
        """When its first hold is over; very late when it has none."""
        due_ms = self.pool.state.holds.next_deadline_ms()
        return _NEVER_MS if due_ms is None else due_ms
