"""The sandbox as a dujiao-next shop: its open API for sites under /api/v1/upstream.

Orders are paid at once from the balance and answered with their id; codes come by asking. A SKU is a number.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from clients.cli.amounts import money_words
from clients.sandbox.counter import Counter
from clients.sandbox.mischief import Question
from clients.sandbox.profile import sku_ids
from clients.sandbox.scenario import KEY, SECRET, Scenario
from clients.sandbox.shop import No, Sale, State, Twist, Why, Wish
from engine.money import Money

_ROOT = "/api/v1/upstream"

_NOES: Mapping[Why, tuple[str, int]] = {
    Why.OUT_OF_STOCK: ("insufficient_stock", 409),
    Why.OUT_OF_BALANCE: ("insufficient_balance", 402),
    Why.NO_SUCH_PRODUCT: ("sku_unavailable", 400),
    Why.BAD_QUANTITY: ("bad_request", 400),
    Why.NO_SUCH_ORDER: ("order_not_found", 404),
    Why.NOT_REVERSIBLE: ("cancel_not_allowed", 409),
}
_STATUS = {
    State.PROCESSING: "paid",
    State.DELIVERED: "completed",
    State.FAILED: "canceled",
    State.REVERSED: "canceled",
}


class DujiaoDialect:
    """See above."""

    def __init__(self, counter: Counter, scenario: Scenario) -> None:
        self._counter = counter
        self._shop = counter.shop
        self._currency = scenario.currency
        self._products = sku_ids(scenario.wares)
        self._skus = {product: sku for sku, product in self._products.items()}

    def routes(self) -> list[web.RouteDef]:
        """What the server serves."""
        return [
            web.post(f"{_ROOT}/ping", self._ping),
            web.get(f"{_ROOT}/products", self._listed),
            web.post(f"{_ROOT}/orders", self._order),
            web.get(_ROOT + "/orders/{id}", self._look_up),
            web.post(_ROOT + "/orders/{id}/cancel", self._cancel),
        ]

    async def _ping(self, request: web.Request) -> web.StreamResponse:
        await _admitted(request)
        about = {"ok": True, "site_name": self._shop.name, "protocol_version": "1.0", "user_id": 1}
        return await self._counter.serve(
            request,
            lambda _: self._shop.balance,
            lambda left: _json({**about, "balance": _text(left), "currency": left.currency, "member_level": None}),
            question=Question.BALANCE,
        )

    async def _listed(self, request: web.Request) -> web.StreamResponse:
        await _admitted(request)
        page, size = int(request.query.get("page", 1)), int(request.query.get("page_size", 20))
        wares = list(self._shop.wares.values())[(page - 1) * size : page * size]
        return await self._counter.serve(
            request,
            lambda _: [self._item(ware) for ware in wares],
            lambda items: _json(
                {"ok": True, "items": items, "total": len(self._shop.wares), "page": page, "page_size": size}
            ),
            question=Question.PRODUCTS,
        )

    def _item(self, ware: Any) -> dict[str, Any]:
        sku = {"id": self._skus[ware.product], "sku_code": ware.product, "spec_values": {}, "is_active": True}
        stock = -1 if ware.stock is None else ware.stock
        sku |= {"price_amount": _text(ware.unit_cost), "stock_quantity": stock}
        kind = "manual" if ware.is_recharge else "auto"
        return {"id": sku["id"], "title": {"zh-CN": ware.title}, "fulfillment_type": kind, "skus": [sku]}

    async def _order(self, request: web.Request) -> web.StreamResponse:
        asked = json.loads(await _admitted(request))
        product = self._products.get(int(asked["sku_id"]), "")
        account = str(next(iter((asked.get("manual_form_data") or {}).values()), ""))
        wish = Wish(str(asked.get("downstream_order_no", "")), product, int(asked["quantity"]), account)
        return await self._counter.serve(
            request,
            lambda twist: self._shop.buy(wish, twist),
            self._ordered,
            question=Question.ORDER,
            product=product,
        )

    def _ordered(self, sale: Sale | No) -> web.Response:
        if isinstance(sale, No):
            return _no(sale)
        status = "canceled" if not sale.is_charged else "paid"
        return _json({**self._head(sale), "status": status})

    async def _look_up(self, request: web.Request) -> web.StreamResponse:
        await _admitted(request)
        return await self._counter.serve(request, lambda _: self._found(request), self._told, question=Question.LOOK_UP)

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        await _admitted(request)

        def act(_: Twist) -> Sale | No:
            sale = self._found(request)
            if isinstance(sale, No):
                return sale
            # What is delivered stays so, as in the real one.
            return No(Why.NOT_REVERSIBLE) if sale.state is State.DELIVERED else self._shop.reverse(sale)

        return await self._counter.serve(request, act, self._told, question=Question.REVERSE)

    def _found(self, request: web.Request) -> Sale | No:
        number = int(request.match_info["id"])
        return self._shop.find_no(f"{self._shop.name}-{number:07d}") or No(Why.NO_SUCH_ORDER)

    def _told(self, sale: Sale | No) -> web.Response:
        if isinstance(sale, No):
            return _no(sale)
        told = {**self._head(sale), "status": _STATUS[sale.state], "refunded_amount": "0.00", "refund_records": []}
        told["items"] = [
            {"product_id": self._skus[sale.product], "sku_id": self._skus[sale.product], "quantity": sale.units}
        ]
        if sale.state is State.DELIVERED:
            payload = "\n".join(self._shop.codes(sale)) or f"topped up {sale.account}"
            told["fulfillment"] = {"type": "auto", "status": "delivered", "payload": payload, "delivery_data": None}
        return _json(told)

    def _head(self, sale: Sale) -> dict[str, Any]:
        order_id = int(sale.order_no.rpartition("-")[2])
        return {
            "ok": True,
            "order_id": order_id,
            "order_no": f"DJ{sale.order_no}",
            "amount": _text(sale.cost),
            "currency": sale.cost.currency,
        }


async def _admitted(request: web.Request) -> bytes:
    """The body; raises 401 when it is not signed as it should be."""
    body = await request.read()
    header = request.headers
    checksum = hashlib.md5(body).hexdigest()  # noqa: S324 - the protocol's
    text = f"{request.method}\n{request.path}\n{header.get('Dujiao-Next-Timestamp', '')}\n{checksum}"
    mark = hmac.new(SECRET.encode(), text.encode(), "sha256").hexdigest()
    if header.get("Dujiao-Next-Api-Key") != KEY or mark != header.get("Dujiao-Next-Signature"):
        no = {"ok": False, "error_code": "invalid_signature", "error_message": "signature verification failed"}
        raise web.HTTPUnauthorized(text=json.dumps(no), content_type="application/json")
    return body


def _no(no: No) -> web.Response:
    word, status = _NOES.get(no.why, ("internal_error", 500))
    return _json({"ok": False, "error_code": word, "error_message": word.replace("_", " ")}, status)


def _text(money: Money) -> str:
    return money_words(money.minor, money.currency).split()[0]


def _json(document: Mapping[str, Any], status: int = 200) -> web.Response:
    text = json.dumps(document, ensure_ascii=False)
    return web.Response(text=text, status=status, content_type="application/json")
