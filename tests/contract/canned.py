"""A supplier that answers what a test tells it, and remembers what it was asked."""

from typing import Any

from aiohttp import web

from actors.suppliers.protocols import line_to
from clients.sandbox.profile import profile_of
from clients.sandbox.scenario import Scenario
from engine.money import Money
from engine.supply.attempts import AttemptId, Kind
from engine.supply.ports import Order, SupplierLine

SECRET = "topsecret"


class StillClock:
    """It is always the same moment."""

    def now_ms(self) -> int:
        """See Clock."""
        return 1_700_000_000_999


class Canned:
    """Answers everything alike."""

    def __init__(self) -> None:
        self.answer: Any = {}
        self.status = 200
        self.headers: dict[str, str] = {}
        self.asked: list[tuple[web.BaseRequest, bytes]] = []
        self.url = ""

    async def serve(self, request: web.BaseRequest) -> web.Response:
        """One request."""
        self.asked.append((request, await request.read()))
        if isinstance(self.answer, bytes):
            return web.Response(body=self.answer, status=self.status, headers=self.headers)
        return web.json_response(self.answer, status=self.status, headers=self.headers)

    def line(self, protocol: str, options: dict[str, str], endpoint: str = "") -> SupplierLine:
        """A line to it, or to another endpoint."""
        url = endpoint or self.url
        profile = profile_of(Scenario(), url, protocol=protocol, options=options, answer_within_ms=2_000)
        return line_to(profile, {"key": "1001", "secret": SECRET}, StillClock())


def wish(product: str = "1001", **changes: Any) -> Order:
    """An order of one."""
    return Order(AttemptId("A-1"), Kind.CODES, product, 1, Money(1_000, "CNY"))._replace(**changes)
