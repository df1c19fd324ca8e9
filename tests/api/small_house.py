"""A whole house in one event loop, without Ray: real store, owners, front end and gRPC, on a clock that tests may move.

Everything is asked through `protos/` stubs, as a stranger would. A failed call becomes a `Failure`, and on the
way there every promise that holds for all errors is checked.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from actors import incumbent, steward
from actors.adapters.embedded_store import EmbeddedStore
from actors.adapters.key_ring import KeyRingFile
from actors.adapters.redis_registry import RedisRegistry
from actors.adapters.redis_store import RedisStore
from actors.adapters.system_clock import SystemClock
from actors.archivist import Archivist
from actors.front.doors import Door
from actors.front_host import FrontHost
from actors.history.historian import Historian
from actors.link import Link
from actors.metrics import HistoryMetrics
from actors.owner_host import OwnerHost
from actors.settings import Settings
from actors.steward import Roster, Steward
from actors.store_facts import StoreFacts
from engine.placing import owner_ids
from protos.cardkeep.v1 import (
    allocation_pb2,
    allocation_pb2_grpc,
    cluster_pb2_grpc,
    inventory_pb2,
    inventory_pb2_grpc,
    operations_pb2_grpc,
    pricing_pb2_grpc,
    reports_pb2_grpc,
    supply_pb2_grpc,
    types_pb2,
)
from tests.api.local_desks import LocalDesks

Reply = TypeVar("Reply")

_HOME = "owner-0"

#: Polling that a test should not wait for.
_QUICK_S = 0.005

#: A call of a test that hangs fails the test, not the suite.
PATIENCE_S = 20.0


class MovableClock:
    """The machine's clock, ahead by as much as a test says."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def now_ms(self) -> int:
        """See Clock."""
        return SystemClock().now_ms() + self.ahead_ms

    def move_on(self, *, seconds: float = 0, hours: float = 0) -> None:
        """Let time pass."""
        self.ahead_ms += int(seconds * 1000 + hours * 3_600_000)


class SmallHouse:
    """Store line, steward, owners and one front end. `folder` takes keys and sockets.

    `at_home`: the front end lives with the first of the owners, as if both were one process.
    """

    def __init__(
        self, server: EmbeddedStore, folder: Path, door: Door, *, at_home: bool = False, reflection: bool = False
    ) -> None:
        url = server.url
        self.server = server
        self.clock = MovableClock()
        self.owner_clock = MovableClock()
        self.settings = Settings(
            data=folder,
            store_url=SecretStr(url),
            port=0,
            front_ends=1,
            front_door=door.value,
            reflection=reflection,
            token=SecretStr("a token"),
        )
        self.store = RedisStore(url)
        self.registry = RedisRegistry(self.store.line)
        self._at_home = at_home
        self.ring = KeyRingFile(self.settings.keys_folder)
        self.owners: dict[str, OwnerHost] = {}
        self._sitting: dict[str, asyncio.Task[None]] = {}
        self._stewarding: asyncio.Task[None] | None = None
        self._steward = Steward(self.registry, self.ensure_owner, lambda: Roster.of(owner_ids(2)))
        self.front: FrontHost
        self.desks: LocalDesks
        self.channel: grpc.aio.Channel
        self.target = ""
        self._usual_s = steward.round_every_s, incumbent.look_every_s

    async def start(self) -> None:
        """Open the doors."""
        steward.round_every_s = incumbent.look_every_s = _QUICK_S
        durability = await self.store.open()
        self.ring.create_if_missing(may_create=True, now_ms=self.clock.now_ms())
        self._stewarding = asyncio.get_running_loop().create_task(self._steward.run())
        if self._at_home:
            await self.ensure_owner(_HOME)
        home = self.owners[_HOME].home if self._at_home else None
        facts = StoreFacts("embedded", "valkey 9", durability)
        self.desks = LocalDesks(self.settings, self.clock)
        self.front = FrontHost(self.settings, facts, self.desks.buyers, clock=self.clock, home=home)
        self.target = f"127.0.0.1:{await self.front.start()}"
        self.channel = grpc.aio.insecure_channel(self.target)
        self.allocation = allocation_pb2_grpc.AllocationServiceStub(self.channel)
        self.inventory = inventory_pb2_grpc.InventoryServiceStub(self.channel)
        self.operations = operations_pb2_grpc.OperationsServiceStub(self.channel)
        self.cluster = cluster_pb2_grpc.ClusterServiceStub(self.channel)
        self.reports = reports_pb2_grpc.ReportsServiceStub(self.channel)
        self.pricing = pricing_pb2_grpc.PricingServiceStub(self.channel)
        self.supply = supply_pb2_grpc.SupplyServiceStub(self.channel)

    async def stop(self) -> None:
        """Close them."""
        if self._stewarding is not None:
            self._stewarding.cancel()
        await self.channel.close()
        await self.desks.close()
        await self.front.drain()
        for owner_id in list(self.owners):
            await self.stop_owner(owner_id)
        await self.store.close()
        # Who comes after this house, the simulator say, must not live at its pace.
        steward.round_every_s, incumbent.look_every_s = self._usual_s

    async def ensure_owner(self, owner_id: str) -> None:
        """What the steward asks for."""
        if owner_id not in self.owners:
            historian = Historian(self.settings.history_folder, 0, HistoryMetrics(CollectorRegistry()))
            archivist = Archivist(self.store, self.store, historian)
            host = OwnerHost(
                self.settings, owner_id, fold=archivist.fold, on_replaced=lambda: None, clock=self.owner_clock
            )
            self.owners[owner_id] = host
            if self._at_home and owner_id == _HOME and hasattr(self, "front"):
                self.front._dispatch._home = host.home.line
            self._sitting[owner_id] = asyncio.get_running_loop().create_task(host.run())

    async def stop_owner(self, owner_id: str) -> None:
        """Stop an owner in good order."""
        sitting = self._sitting.pop(owner_id)
        sitting.cancel()
        await asyncio.wait([sitting])
        lines = list(self.front._dispatch._lines.values())
        host = self.owners.pop(owner_id)
        if self._at_home and owner_id == _HOME:
            host.home.line.close()
            self.front._dispatch._home = None
        await host.stop()
        # What is asked before the front end has noticed is in doubt, which is another story.
        seats = {str(seat.address) for seat in await self.registry.owners()}
        await until(
            lambda: not any(line.is_open and str(line.address) not in seats for line in lines if isinstance(line, Link))
        )

    async def restart_owner(self, owner_id: str) -> None:
        """Stop an owner and start another incarnation of it."""
        await self.stop_owner(owner_id)
        await self.ensure_owner(owner_id)

    def move_on(self, *, seconds: float = 0, hours: float = 0) -> None:
        """Let time pass for everyone."""
        for clock in (self.clock, self.owner_clock):
            clock.move_on(seconds=seconds, hours=hours)

    async def owner_of(self, sku: str) -> str:
        """The owner's id."""
        placed = (await self.registry.placement()).owner_of
        return {str(pool): owner_id for pool, owner_id in placed.items()}[sku]

    async def sku(self, cards: int = 0, **terms: Any) -> str:
        """A new SKU of these terms with this many cards; answers its name."""
        request = inventory_pb2.CreateSkuRequest(
            parent="tenants/default", sku_id=f"sku-{uuid4().hex}", sku=inventory_pb2.Sku(**terms), request_id=new_id()
        )
        name: str = (await self.inventory.CreateSku(request, timeout=PATIENCE_S)).name
        if cards:
            await self.stock(name, [f"{uuid4().hex}-{number}" for number in range(cards)])
        return name

    async def stock(self, sku: str, codes: Sequence[str], **header: Any) -> str:
        """Import codes in one chunk; answers the batch's name."""
        *_, last = await self.bring(
            inventory_pb2.ImportHeader(parent=sku, import_id=new_id(), **header), [rows(codes)], chunks=1
        )
        assert last.report.accepted == len(codes)
        name: str = last.report.batch.name
        return name

    async def bring(
        self,
        header: inventory_pb2.ImportHeader,
        chunks_of_rows: Sequence[Sequence[inventory_pb2.ImportRow]],
        *,
        first: int = 0,
        chunks: int | None = None,
    ) -> list[inventory_pb2.ImportCardsResponse]:
        """One whole stream of an import, and all its answers; without `chunks` it sends no end."""
        steps = [inventory_pb2.ImportCardsRequest(header=header)]
        for number, some in enumerate(chunks_of_rows, start=first):
            chunk = inventory_pb2.ImportChunk(chunk_no=number, rows=some)
            steps.append(inventory_pb2.ImportCardsRequest(chunk=chunk))
        if chunks is not None:
            steps.append(inventory_pb2.ImportCardsRequest(end=inventory_pb2.ImportEnd(chunks=chunks)))
        return await self.send(steps)

    async def send(self, steps: Sequence[inventory_pb2.ImportCardsRequest]) -> list[inventory_pb2.ImportCardsResponse]:
        """One stream of these steps, and all its answers.

        Each answer is read before the next step is sent: grpc.aio hides why a stream ended while one was on its way.
        """
        stream: Any = self.inventory.ImportCards(timeout=PATIENCE_S)
        answers = []
        for step in steps:
            await stream.write(step)
            if (answer := await stream.read()) is grpc.aio.EOF:
                return answers
            answers.append(answer)
        await stream.done_writing()
        while (answer := await stream.read()) is not grpc.aio.EOF:
            answers.append(answer)
        return answers

    async def allocate(self, sku: str, quantity: int = 1, **fields: Any) -> types_pb2.Hold:
        """A hold for a new order."""
        hold: types_pb2.Hold = await self.allocation.Allocate(wish(sku, quantity, **fields), timeout=PATIENCE_S)
        return hold

    async def confirm(self, hold: types_pb2.Hold, **fields: Any) -> allocation_pb2.ConfirmResponse:
        """A sale for a new payment."""
        response: allocation_pb2.ConfirmResponse = await self.allocation.Confirm(
            payment(hold, **fields), timeout=PATIENCE_S
        )
        return response

    async def update(self, sku: str, *paths: str, **terms: Any) -> inventory_pb2.Sku:
        """Change the terms that `paths` name; without any, those that are given."""
        request = inventory_pb2.UpdateSkuRequest(
            sku=inventory_pb2.Sku(name=sku, **terms), update_mask=FieldMask(paths=paths), request_id=new_id()
        )
        changed: inventory_pb2.Sku = await self.inventory.UpdateSku(request, timeout=PATIENCE_S)
        return changed

    async def forget(self, sku: str) -> None:
        """Let a quarter of an hour pass, and the pool forget what it then may."""
        self.move_on(seconds=900)
        await self.update(sku, "title", title="a pool hears of time with its commands")
        owner = self.owners[await self.owner_of(sku)]._owner
        [hosted] = [one for one in owner.hosted if str(one.name) == sku]
        await owner._fold_now(hosted)
        assert hosted.pool.state.memory.forgotten_before_ms > 0

    async def calls_under_way(self, count: int) -> None:
        """Wait until so many calls are in."""
        await until(lambda: self.front._reception.calls_under_way >= count)

    async def decided(self, sku: str) -> None:
        """Wait until the owner has decided something that the store does not have yet."""
        [hosted] = [one for owner in self.owners.values() for one in owner._owner.hosted if str(one.name) == sku]
        await until(lambda: hosted.pool.state.seq > hosted.desk.seq)

    async def is_draining(self) -> None:
        """Wait until nobody is let in any more."""
        await until(lambda: self.front._reception.is_draining)

    async def store_is_missed(self) -> None:
        """Wait until every owner has found out that the store is gone, by something it could not write."""
        for owner in self.owners.values():
            for hosted in owner._owner.hosted:
                with suppress(grpc.aio.AioRpcError):
                    await self.allocation.Allocate(wish(str(hosted.name), 1_000), timeout=0.3)
            await until(partial(getattr, owner._owner._committer, "is_stalled"))

    async def damage_codes(self, sku: str) -> None:
        """Change the last byte of everything sealed of the first batch."""
        key = self.key(sku, "sealed:1")
        (fields,) = await self.store.line.ask([("HGETALL", key)])
        for field, value in dict(fields).items():
            await self.store.line.ask([("HSET", key, field, value[:-1] + bytes([value[-1] ^ 1]))])

    def key(self, sku: str, name: str) -> str:
        """A pool's key in the store."""
        _, tenant, _, part = sku.split("/")
        return f"ck:{{{tenant}/{part}}}:{name}"

    @property
    def server_pid(self) -> int:
        """The store's process."""
        pid = self.server.pid
        assert pid is not None
        return pid

    async def cards(self, sku: str) -> types_pb2.CardCounts:
        """Where a SKU's cards are, and that nothing is wrong with them."""
        audit = await self.inventory.AuditSku(inventory_pb2.AuditSkuRequest(name=sku), timeout=PATIENCE_S)
        assert audit.ok, audit.violations
        counts: types_pb2.CardCounts = audit.cards
        return counts


def new_id() -> str:
    """An id nobody has used."""
    return str(uuid4())


def lasting(seconds: float) -> Duration:
    """A duration."""
    duration = Duration()
    duration.FromMilliseconds(int(seconds * 1000))
    return duration


def money(minor: int, currency: str = "CNY") -> types_pb2.Money:
    """An amount."""
    return types_pb2.Money(minor=minor, currency=currency)


def wish(sku: str, quantity: int = 1, **fields: Any) -> allocation_pb2.AllocateRequest:
    """An Allocate for a new order, unless `fields` say otherwise."""
    usual = {"order_ref": new_id(), "request_id": new_id()}
    return allocation_pb2.AllocateRequest(parent=sku, quantity=quantity, **{**usual, **fields})


def payment(hold: types_pb2.Hold, **fields: Any) -> allocation_pb2.ConfirmRequest:
    """A Confirm with a new payment, unless `fields` say otherwise."""
    usual = {"payment_ref": new_id(), "request_id": new_id()}
    return allocation_pb2.ConfirmRequest(name=hold.name, **{**usual, **fields})


def rows(codes: Sequence[str], first_line: int = 1) -> list[inventory_pb2.ImportRow]:
    """Import lines."""
    return [inventory_pb2.ImportRow(line_no=line_no, code=code) for line_no, code in enumerate(codes, start=first_line)]


async def until(is_so: Callable[[], bool]) -> None:
    """Look until it is so; a test that waits in vain is ended by its own timeout."""
    while not is_so():  # noqa: ASYNC110 - what is waited for tells nobody
        await asyncio.sleep(_QUICK_S)
