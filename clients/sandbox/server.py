"""The sandbox as a server on loopback: the shop's port, and the control's.

sandbox = Sandbox(Scenario(dialect="http"))
url = await sandbox.start()
sandbox.mischief.set([Rule(Trick.HANG, ms=2_000, commits=True, share=0.3)])
...
sandbox.shop.sales()
await sandbox.stop()
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from clients.sandbox.control import Control
from clients.sandbox.counter import Counter
from clients.sandbox.dialect_acg import AcgDialect
from clients.sandbox.dialect_dujiao import DujiaoDialect
from clients.sandbox.dialect_http import HttpDialect
from clients.sandbox.mischief import Mischief
from clients.sandbox.scenario import Scenario, checked
from clients.sandbox.shop import Shop
from engine.money import Money

_HOST = "127.0.0.1"
_USUAL = Scenario()
_DIALECTS: Mapping[str, Callable[[Counter, Scenario], Any]] = {
    "http": HttpDialect,
    "dujiao-next": DujiaoDialect,
    "acg-faka": AcgDialect,
}


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


class Sandbox:
    """See above. Ports of 0 are chosen by the system. `now_ms` is the shop's clock."""

    def __init__(
        self,
        scenario: Scenario = _USUAL,
        *,
        port: int = 0,
        control_port: int = 0,
        now_ms: Callable[[], int] = _wall_ms,
    ) -> None:
        scenario = checked(scenario)
        self.scenario = scenario
        self.shop = Shop(
            scenario.name,
            scenario.wares,
            balance=Money(scenario.balance_minor, scenario.currency),
            policy=scenario.policy,
            now_ms=now_ms,
        )
        self.mischief = Mischief(scenario.seed)
        self.mischief.set(scenario.mischief)
        self._port, self._control_port = port, control_port
        self._site: web.TCPSite | None = None
        self._opening: asyncio.Task[None] | None = None
        dialect = _DIALECTS[scenario.dialect](Counter(self.shop, self.mischief), scenario)
        control = Control(self.shop, self.mischief, self.about, self.door)
        self._front, self._back = _runner(dialect.routes() + control.routes()), _runner(control.routes())

    @property
    def url(self) -> str:
        """Where orders go."""
        return f"http://{_HOST}:{self._port}"

    @property
    def control_url(self) -> str:
        """Where it is told what to do, even while the shop's port is closed."""
        return f"http://{_HOST}:{self._control_port}"

    def about(self) -> Mapping[str, Any]:
        """What it is, for whoever asks."""
        scenario = self.scenario
        return {
            "name": scenario.name,
            "dialect": scenario.dialect,
            "url": self.url,
            "control_url": self.control_url,
            "signing": scenario.signing,
            "idempotency": scenario.policy.idempotency,
            "currency": scenario.currency,
        }

    async def start(self) -> str:
        """Listen; answers the URL."""
        await self._front.setup()
        await self._back.setup()
        back = web.TCPSite(self._back, _HOST, self._control_port)
        await back.start()
        self._control_port = _port_of(self._back)
        await self._open()
        return self.url

    async def door(self, is_open: bool, for_ms: int = 0) -> None:
        """Refuse connections and break those there are, or take them again; for so long, or for good (0)."""
        if self._opening is not None:
            self._opening.cancel()
            self._opening = None
        await (self._open() if is_open else self._close())
        if for_ms:
            self._opening = asyncio.create_task(self._later(not is_open, for_ms))

    async def stop(self) -> None:
        """Break all connections and let go of the ports."""
        if self._opening is not None:
            self._opening.cancel()
        await self._front.cleanup()
        await self._back.cleanup()

    async def _later(self, is_open: bool, for_ms: int) -> None:
        await asyncio.sleep(for_ms / 1_000)
        await (self._open() if is_open else self._close())

    async def _open(self) -> None:
        if self._site is None:
            self._site = web.TCPSite(self._front, _HOST, self._port, reuse_address=True)
            await self._site.start()
            self._port = _port_of(self._front)

    async def _close(self) -> None:
        if self._site is not None:
            await self._site.stop()
            self._site = None
            assert self._front.server is not None
            await self._front.server.shutdown(0)


def _runner(routes: list[web.RouteDef]) -> web.AppRunner:
    app = web.Application()
    app.add_routes(routes)
    return web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handle_signals=False)


def _port_of(runner: web.AppRunner) -> int:
    return int(runner.addresses[0][1])
