"""What the tests of the actors' corridor share: a clock that is told, a road to the store that can be closed, wishes.

The store, the owner, the gate and the links are the real ones; only the road between them misbehaves on demand.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry

from actors.adapters.memory import FaultyJournal, MemoryStore
from actors.asking import Answer
from actors.folding import Fold
from actors.metrics import OwnerMetrics
from actors.owner import Owner
from actors.owner_gate import OwnerGate
from actors.wire import Address
from engine.names import BatchNo, PoolName
from engine.ports import Journal
from engine.stock.codec import Record, read_record
from engine.stock.commands import Allocate, Command, OpenBatch, Receive
from engine.stock.outcomes import ImportReady, Outcome, Received

POOL = PoolName("default", "DEMO")
NEIGHBOUR = PoolName("default", "NEXT-DOOR")
TOKEN = "the cluster's token"


class ToldClock:
    """Shows what it was told."""

    def __init__(self, now_ms: int = 1_793_491_200_000) -> None:
        self.at_ms = now_ms

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return self.at_ms


class Road:
    """Faults for `FaultyJournal`: appends, claims, readings wait while it is closed; failures befall the next calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.on_the_way_there: deque[Exception] = deque()
        self.on_the_way_back: deque[Exception] = deque()
        self.positions: deque[Exception] = deque()
        self._is_open = asyncio.Event()
        self._is_open.set()
        self._arrived = asyncio.Event()

    def close(self) -> None:
        """Let no append, no claim and no reading arrive until `reopen`."""
        self._is_open.clear()
        self._arrived.clear()

    def reopen(self) -> None:
        """Let those who wait go on."""
        self._is_open.set()

    async def wait_append(self) -> None:
        """Wait until an append stands at the closed road."""
        await self._arrived.wait()

    async def before(self, call: str) -> None:
        """See Faults."""
        self.calls.append(call)
        if call in {"append", "claim", "read"}:
            self._arrived.set()
            await self._is_open.wait()
        if call == "append":
            _befall(self.on_the_way_there)
        if call == "position":
            _befall(self.positions)

    async def after(self, call: str) -> None:
        """See Faults."""
        if call == "append":
            _befall(self.on_the_way_back)


class Corner:
    """A store, the road to it, a clock, and owners that share them."""

    def __init__(self) -> None:
        self.clock = ToldClock()
        self.store = MemoryStore(self.clock)
        self.road = Road()
        self.journal: Journal = FaultyJournal(self.store, self.road)

    def owner(self, *, fold: Fold | None = None, fold_after_events: int = 50_000) -> Owner:
        """An owner that owns nothing yet."""
        metrics = OwnerMetrics(CollectorRegistry())
        return Owner(
            *(self.journal, self.store, self.store, self.clock),
            metrics=metrics,
            fold=fold or never_fold,
            fold_after_events=fold_after_events,
        )

    async def stocked(self, cards: int, pool: PoolName = POOL, **wishes: int) -> Owner:
        """An owner that serves a pool with this many cards."""
        owner = self.owner(**wishes)  # type: ignore[arg-type]
        await owner.open(pool)
        await stock(owner, cards, pool)
        return owner

    async def records(self, pool: PoolName = POOL) -> list[Record]:
        """What the journal has."""
        return [read_record(record) for record in (await self.store.read(pool)).records]


async def never_fold(_pool: PoolName) -> int | None:
    """An archivist that is away."""
    return None


async def ask(owner: Owner, *commands: Command, pool: PoolName = POOL, deadline_ms: int = 0) -> Sequence[Answer]:
    """Submit commands as one batch."""
    return await owner.submit(pool, [(deadline_ms, command) for command in commands])


async def ask_one(owner: Owner, command: Command, pool: PoolName = POOL) -> Outcome:
    """One command's outcome."""
    (reply,) = await ask(owner, command, pool=pool)
    assert reply.outcome is not None
    return reply.outcome


async def stock(owner: Owner, cards: int, pool: PoolName = POOL) -> None:
    """Import cards, as batch 1."""
    ready = await ask_one(owner, OpenBatch("open", "file", "supplier", "staff", None, None, b"key"), pool)
    assert isinstance(ready, ImportReady)
    assert isinstance(await ask_one(owner, chunk(0, cards), pool), Received)


def chunk(number: int, cards: int, *, first: int = 0, batch: int = 1, prints: Sequence[bytes] = ()) -> Receive:
    """A chunk of cards that never expire, with codes of their own unless `prints` are given."""
    codes = tuple(prints) or tuple(b"code %d/%d" % (batch, first + place) for place in range(cards))
    return Receive(BatchNo(batch), number, first, ((cards, None),), codes, codes)


def allocate(name: str, *, hold_for_ms: int = 60_000) -> Allocate:
    """One card for the order of that name."""
    return Allocate(f"request-{name}", f"order-{name}", 1, hold_for_ms)


@asynccontextmanager
async def gate(owner: Owner, folder: Path, name: str = "owner") -> AsyncIterator[Address]:
    """The owner behind a real socket."""
    opened = OwnerGate(owner, TOKEN)
    address = await opened.open(Address("unix", str(folder / f"{name}.sock")))
    yield address
    await opened.close()


async def until(condition: Callable[[], object]) -> None:
    """Let others run until it is so."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what is waited for knows nothing of tests
            await asyncio.sleep(0)


def _befall(failures: deque[Exception]) -> None:
    if failures:
        raise failures.popleft()
