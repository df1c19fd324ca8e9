"""A supplier's desk as an actor, and as other processes call it. Knows nothing of Ray: see actors/cluster/."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from actors.answers import Answers
from actors.logs import begin_logging
from actors.settings import Settings
from engine.names import PoolName, SupplierName

if TYPE_CHECKING:
    from actors.supply.desk_host import OutfitFor
    from actors.supply.pages import AttemptPage, DeskView, Page, Report, Wanted
    from actors.supply.ports import Bought, DeskState
    from engine.supply.attempts import Attempt, AttemptId, Finding, Resolved
    from engine.supply.differences import Noted
    from engine.supply.ports import Good, StatementRow

Ask = Callable[..., Awaitable[Any]]
"""`ask(actor, what, …)` calls a method of an actor's host. Raises NotDone when it surely was not done, else InDoubt."""


def desk_name(supplier: SupplierName) -> str:
    """The name of its actor."""
    return f"desk:{supplier.tenant}/{supplier.supplier}"


class SupplierActor:
    """One desk; `outfit_for` gives it lines and a shelver in its own process, `fold` asks the archivist."""

    def __init__(
        self,
        settings: Settings,
        name: SupplierName,
        outfit_for: "OutfitFor",
        fold: Callable[[PoolName], Awaitable[int | None]],
    ) -> None:
        from actors.supply.desk_host import DeskHost  # noqa: PLC0415 - every process of the cluster reads this file

        settings = settings.on_this_machine()
        begin_logging(settings, f"desk-{name.tenant}-{name.supplier}")
        self._host = DeskHost(settings, name, outfit_for, fold=fold, on_replaced=lambda: os._exit(0))
        self._answers = Answers(settings, self._host)
        self._running = asyncio.get_running_loop().create_task(self._host.run())

    async def process_id(self) -> int:
        """Answers when the process is up."""
        return os.getpid()

    async def address(self) -> str:
        """Where it can be asked what DeskHost does: buy, state, view, settle and the others there. See calls.py."""
        return await self._answers.address()

    async def metrics(self) -> bytes:
        """Prometheus text."""
        return await self._host.metrics()

    async def stop(self) -> None:
        """Buy nothing more."""
        self._running.cancel()
        await asyncio.wait([self._running])
        self._answers.close()
        await self._host.stop()


class RemoteDesks:
    """Every supplier's desk, from another process: Desks and StaffDesks."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def buy(self, supplier: SupplierName, attempt: "Attempt", product: str, account: str = "") -> "Bought":
        """See Desks."""
        bought: Bought = await self.ask(supplier, "buy", attempt, product, account)
        return bought

    async def state(self, supplier: SupplierName) -> "DeskState":
        """See Desks."""
        state: DeskState = await self.ask(supplier, "state")
        return state

    async def view(self, supplier: SupplierName) -> "DeskView":
        """See StaffDesks."""
        view: DeskView = await self.ask(supplier, "view")
        return view

    async def attempts(self, supplier: SupplierName, wanted: "Wanted", page: "Page") -> "AttemptPage":
        """See StaffDesks."""
        found: AttemptPage = await self.ask(supplier, "attempts", wanted, page)
        return found

    async def differences(self, supplier: SupplierName) -> Sequence["Noted"]:
        """See StaffDesks."""
        found: Sequence[Noted] = await self.ask(supplier, "differences")
        return found

    async def settle(
        self,
        supplier: SupplierName,
        attempt: "AttemptId",
        finding: "Finding",
        who: str,
        *,
        note: str,
        goods: Sequence["Good"],
    ) -> "Bought":
        """See StaffDesks."""
        bought: Bought = await self.ask(supplier, "settle", attempt, finding, who, note, goods)
        return bought

    async def resolve(self, supplier: SupplierName, resolved: "Resolved") -> bool:
        """See StaffDesks."""
        return bool(await self.ask(supplier, "resolve", resolved))

    async def reconcile(
        self, supplier: SupplierName, from_ms: int, to_ms: int, rows: Sequence["StatementRow"] | None
    ) -> "Report":
        """See StaffDesks."""
        report: Report = await self.ask(supplier, "reconcile", from_ms, to_ms, rows)
        return report

    async def ask(self, supplier: SupplierName, what: str, *arguments: object) -> Any:
        """Call any other method of a desk's host. Raises NotDone when it surely was not done, else InDoubt."""
        return await self._ask(desk_name(supplier), what, *arguments)
