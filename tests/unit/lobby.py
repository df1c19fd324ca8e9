"""What the tests of waiting share: an owner whose SKU lets people wait, and a front end at home or behind a socket."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from actors.adapters.memory import MemoryRegistry
from actors.archivist import Archivist
from actors.dispatch import Dispatch
from actors.home_line import HomeLine
from actors.owner import Owner
from actors.owner_gate import OwnerGate
from actors.wire import Address
from engine.names import PoolName
from engine.ports import Seat
from engine.stock.commands import Allocate, Configure
from engine.stock.outcomes import Held, Outcome
from engine.stock.terms import Terms
from tests.unit.corridor import POOL, TOKEN, Corner, ask_one


class Lobby:
    """An owner with people who wait, and a front end at home or behind a socket."""

    def __init__(self, *, is_home: bool) -> None:
        self.corner = Corner()
        self.nudged: list[PoolName] = []
        self.registry = MemoryRegistry()
        self.owner = self._owner()
        self.is_home = is_home

    def _owner(self) -> Owner:
        owner = self.corner.owner()
        owner._nudge = owner._room._nudge = self.nudged.append
        return owner

    async def open(self, folder: Path) -> None:
        """Stock two cards, let a hundred wait, open the door."""
        self.owner = await self.corner.stocked(2)
        self.owner._nudge = self.owner._room._nudge = self.nudged.append
        await self.lets_wait(100)
        address = Address("unix", str(folder / "owner.sock"))
        self.gate = OwnerGate(self.owner, TOKEN)
        await self.gate.open(address)
        home = HomeLine(self.owner, address) if self.is_home else None
        self.dispatch = Dispatch(self.registry, self.corner.clock, TOKEN, home=home)
        await self.registry.place({POOL: "owner"})
        await self.registry.announce(Seat("owner", str(address), 1, "here", 1))

    async def lets_wait(self, guests: int) -> None:
        """Set how many may."""
        self.waits = guests
        await ask_one(self.owner, Configure(f"waits-{guests}", Terms(wait_max=guests), ("wait_max",)))

    def buys(self, name: str, quantity: int = 1, within_ms: int = 5_000, **wishes: object) -> "asyncio.Task[Outcome]":
        """Somebody wants cards."""
        command = Allocate(f"request-{name}", f"order-{name}", quantity, 60_000)._replace(**wishes)  # type: ignore[arg-type]
        return asyncio.get_running_loop().create_task(self._hear(command, within_ms))

    async def _hear(self, command: Allocate, within_ms: int) -> Outcome:
        deadline_ms = self.corner.clock.now_ms() + within_ms if within_ms else 0
        answer = await self.dispatch.ask(POOL, command, deadline_ms)
        assert answer.outcome is not None
        return answer.outcome

    @property
    def guests(self) -> Sequence[str]:
        """Whose orders wait, in their order."""
        hosted = self.owner.find(POOL)
        assert hosted is not None
        return [guest.command.order_ref for guest in hosted.guests or ()]

    async def sell_out(self) -> None:
        """Both cards go."""
        await asyncio.gather(self.buys("first"), self.buys("second"))

    async def fold(self) -> None:
        """Let the archive have what is old by the journal's latest event, and memory forget it."""
        await self.lets_wait(self.waits + 1)
        archivist = Archivist(self.corner.store, self.corner.store)
        self.owner._folding._fold = archivist.fold
        hosted = self.owner.find(POOL)
        assert hosted is not None
        await self.owner._fold_now(hosted)


def held(*outcomes: Outcome) -> list[object]:
    """Whose order each became, or why not."""
    return [outcome.order_ref if isinstance(outcome, Held) else outcome.reason for outcome in outcomes]  # type: ignore[union-attr]
