"""The sandbox's back room, under /sandbox/: mischief, stock, money, and the ledger that audits compare with.

GET /sandbox what it is; GET, POST, DELETE /sandbox/mischief `{"rules": […]}` (mischief.py);
POST /sandbox/deliver `{"id"}` finishes what pends (all, without an id); POST /sandbox/stock
`{"product", "stock", "unit_cost_minor"}`; POST /sandbox/balance `{"minor"}`; POST /sandbox/door
`{"is_open", "for_ms"}` refuses connections at the shop's port; GET /sandbox/ledger `?after=0&limit=10000&codes=1`.

Mischief never strikes here, and the control's own port stays open when the shop's is closed.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import islice
from typing import Any

from aiohttp import web

from clients.sandbox.mischief import Mischief, rule_from
from clients.sandbox.shop import Sale, Shop, State
from engine.money import Money

#: Buyer's ids in one page of the ledger.
page_ids_max = 10_000

Door = Callable[[bool, int], Awaitable[None]]


class Control:
    """See above. `door` opens or closes the shop's port, for so many milliseconds or for good (0)."""

    def __init__(self, shop: Shop, mischief: Mischief, about: Callable[[], Mapping[str, Any]], door: Door) -> None:
        self._shop = shop
        self._mischief = mischief
        self._about = about
        self._door = door

    def routes(self) -> list[web.RouteDef]:
        """What the server serves."""
        return [
            web.get("/sandbox", self._say),
            web.get("/sandbox/mischief", self._rules),
            web.post("/sandbox/mischief", self._set_rules),
            web.delete("/sandbox/mischief", self._behave),
            web.post("/sandbox/deliver", self._deliver),
            web.post("/sandbox/stock", self._stock),
            web.post("/sandbox/balance", self._balance),
            web.post("/sandbox/door", self._open_or_close),
            web.get("/sandbox/ledger", self._ledger),
        ]

    async def _say(self, _: web.Request) -> web.Response:
        return web.json_response({**self._about(), "balance_minor": self._shop.balance.minor})

    async def _rules(self, _: web.Request) -> web.Response:
        rules = [rule._asdict() for rule in self._mischief.rules]
        return web.json_response({"rules": rules, "struck": dict(self._mischief.struck)})

    async def _set_rules(self, request: web.Request) -> web.Response:
        try:
            self._mischief.set([rule_from(rule) for rule in (await _asked(request))["rules"]])
        except (KeyError, TypeError, ValueError) as error:
            raise _bad(str(error)) from None
        return await self._rules(request)

    async def _behave(self, request: web.Request) -> web.Response:
        self._mischief.clear()
        return await self._rules(request)

    async def _deliver(self, request: web.Request) -> web.Response:
        return web.json_response({"delivered": self._shop.deliver(str((await _asked(request)).get("id", "")))})

    async def _stock(self, request: web.Request) -> web.Response:
        asked = await _asked(request)
        product = str(asked.get("product"))
        if product not in self._shop.wares:
            raise _bad(f"no product {product!r}")
        if "stock" in asked:
            self._shop.stock(product, asked["stock"])
        if "unit_cost_minor" in asked:
            self._shop.price(product, Money(int(asked["unit_cost_minor"]), self._shop.balance.currency))
        ware = self._shop.wares[product]
        return web.json_response({"product": product, "stock": ware.stock, "unit_cost_minor": ware.unit_cost.minor})

    async def _balance(self, request: web.Request) -> web.Response:
        minor = int((await _asked(request))["minor"])
        self._shop.balance = Money(minor, self._shop.balance.currency)
        return web.json_response({"minor": minor})

    async def _open_or_close(self, request: web.Request) -> web.Response:
        asked = await _asked(request)
        await self._door(bool(asked["is_open"]), int(asked.get("for_ms", 0)))
        return web.json_response({"is_open": bool(asked["is_open"])})

    async def _ledger(self, request: web.Request) -> web.Response:
        after, limit = int(request.query.get("after", 0)), int(request.query.get("limit", page_ids_max))
        shows_codes = request.query.get("codes", "1") == "1"
        sales = self._shop.sales()
        page = islice(sales.items(), after, after + min(limit, page_ids_max))
        rows = [ledger_row(self._shop, our_id, each, shows_codes=shows_codes) for our_id, each in page]
        end = after + len(rows)
        return web.json_response({"orders": rows, "next": end if end < len(sales) else None})


def ledger_row(shop: Shop, our_id: str, sales: Sequence[Sale], *, shows_codes: bool = True) -> dict[str, Any]:
    """The truth of one id of a buyer's: what was charged and delivered under it. Codes as their SHA-256 only."""
    charged = [sale for sale in sales if sale.is_charged]
    row: dict[str, Any] = {
        "id": our_id,
        "units": sum(sale.units for sale in sales if sale.state is State.DELIVERED),
        "cost_minor": sum(sale.cost.minor for sale in charged),
        "times_charged": len(charged),
        "times_topped_up": sum(sale.topped_up for sale in sales),
        "orders": [
            {"order_no": sale.order_no, "product": sale.product, "state": sale.state, "account": sale.account}
            for sale in sales
        ],
    }
    if shows_codes:
        row["codes_sha256"] = [hashlib.sha256(code.encode()).hexdigest() for sale in sales for code in shop.codes(sale)]
    return row


async def _asked(request: web.Request) -> Mapping[str, Any]:
    try:
        document = await request.json()
    except ValueError:
        raise _bad("the body is no JSON") from None
    if not isinstance(document, dict):
        raise _bad("the body is no JSON object")
    return document


def _bad(what: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=json.dumps({"error": what}), content_type="application/json")
