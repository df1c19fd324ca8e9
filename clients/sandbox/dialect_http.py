"""The sandbox's own dialect: what a decent supplier of today speaks. JSON, signed, with a look-up by the buyer's id.

POST /orders {id, product, quantity, account}, GET /orders?id=…, POST /orders/reverse {id}, GET /balance,
GET /products, GET /statement?from_ms=…&to_ms=…. Amounts are decimal text. A no is
`{"id", "error": {"code", "order_no"}}` with status 4xx.

Signed is METHOD, path, timestamp in seconds, nonce and the body's SHA-256 in hex, a line each; MD5 is over the sorted
parameters and the key instead, as many card shops have it: fields `key`, `timestamp`, `nonce`, then `sign`.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from clients.cli.amounts import money_words
from clients.sandbox.counter import Counter
from clients.sandbox.mischief import Question
from clients.sandbox.scenario import KEY, SECRET, Scenario
from clients.sandbox.shop import No, Sale, State, Why, Wish

_STATUS = {Why.DUPLICATE_ID: 409, Why.NO_SUCH_ORDER: 404, Why.OUT_OF_BALANCE: 402, Why.SHOP_FULL: 503}


class HttpDialect:
    """See above."""

    def __init__(self, counter: Counter, scenario: Scenario) -> None:
        self._counter = counter
        self._shop = counter.shop
        self._signing = scenario.signing
        self._rsa = _rsa_key(scenario.rsa_public_key)

    def routes(self) -> list[web.RouteDef]:
        """What the server serves."""
        return [
            web.post("/orders", self._order),
            web.get("/orders", self._look_up),
            web.post("/orders/reverse", self._reverse),
            web.get("/balance", self._balance),
            web.get("/products", self._products),
            web.get("/statement", self._statement),
        ]

    async def _order(self, request: web.Request) -> web.StreamResponse:
        asked = await self._admitted(request)
        wish = Wish(str(asked["id"]), str(asked["product"]), int(asked["quantity"]), str(asked.get("account", "")))
        return await self._counter.serve(
            request,
            lambda twist: self._shop.buy(wish, twist),
            lambda sold: self._told(sold, wish.our_id),
            question=Question.ORDER,
            product=wish.product,
        )

    async def _look_up(self, request: web.Request) -> web.StreamResponse:
        our_id = str((await self._admitted(request))["id"])
        return await self._counter.serve(
            request,
            lambda _: self._shop.find(our_id) or No(Why.NO_SUCH_ORDER),
            lambda found: self._told(found, our_id),
            question=Question.LOOK_UP,
        )

    async def _reverse(self, request: web.Request) -> web.StreamResponse:
        our_id = str((await self._admitted(request))["id"])

        def act(_: object) -> Sale | No:
            sale = self._shop.find(our_id)
            return No(Why.NO_SUCH_ORDER) if sale is None else self._shop.reverse(sale)

        return await self._counter.serve(request, act, lambda sale: self._told(sale, our_id), question=Question.REVERSE)

    async def _balance(self, request: web.Request) -> web.StreamResponse:
        await self._admitted(request)
        return await self._counter.serve(
            request, lambda _: self._shop.balance, lambda left: _json(_money(left)), question=Question.BALANCE
        )

    async def _products(self, request: web.Request) -> web.StreamResponse:
        await self._admitted(request)
        return await self._counter.serve(
            request,
            lambda _: [
                {"id": ware.product, "title": ware.title, "stock": ware.stock, "price": _money(ware.unit_cost)}
                for ware in self._shop.wares.values()
            ],
            lambda products: _json({"products": products}),
            question=Question.PRODUCTS,
        )

    async def _statement(self, request: web.Request) -> web.StreamResponse:
        asked = await self._admitted(request)
        from_ms, to_ms = int(asked["from_ms"]), int(asked["to_ms"])
        return await self._counter.serve(
            request,
            lambda _: [
                {
                    "order_no": sale.order_no,
                    "id": sale.our_id,
                    "quantity": sale.units,
                    "at_ms": sale.at_ms,
                    "charged": _money(sale.cost if sale.is_charged else sale.cost._replace(minor=0)),
                }
                for sale in self._shop.statement(from_ms, to_ms)
            ],
            lambda rows: _json({"rows": rows}),
            question=Question.STATEMENT,
        )

    def _told(self, sale: Sale | No, our_id: str) -> web.Response:
        if isinstance(sale, No):
            error = {"code": sale.why, **({"order_no": sale.order_no} if sale.order_no else {})}
            return _json({"id": our_id, "error": error}, _STATUS.get(sale.why, 422))
        told: dict[str, Any] = {"id": our_id, "order_no": sale.order_no, "status": sale.state.lower()}
        if sale.state is State.DELIVERED:
            expires_at_ms = self._shop.expires_at_ms(sale)
            codes = [{"code": code, "expires_at_ms": expires_at_ms} for code in self._shop.codes(sale)]
            told |= {"quantity": sale.units, "cost": _money(sale.cost), "codes": codes}
        return _json(told)

    async def _admitted(self, request: web.Request) -> Mapping[str, Any]:
        """What was asked; raises 401 when it is not signed as it should be."""
        body = await request.read()
        asked: Mapping[str, Any] = json.loads(body) if body else dict(request.query)
        if not self._is_signed(request, asked, body):
            no = {"id": asked.get("id", ""), "error": {"code": "BAD_SIGNATURE"}}
            raise web.HTTPUnauthorized(text=json.dumps(no), content_type="application/json")
        return asked

    def _is_signed(self, request: web.Request, asked: Mapping[str, Any], body: bytes) -> bool:
        header = request.headers
        if self._signing == "none":
            return True
        if self._signing == "bearer":
            return header.get("Authorization") == f"Bearer {SECRET}"
        if self._signing == "md5":
            fields = {name: str(value) for name, value in asked.items() if value != "" and name != "sign"}
            text = "&".join(f"{name}={fields[name]}" for name in sorted(fields)) + f"&key={SECRET}"
            mark = hashlib.md5(text.encode()).hexdigest()  # noqa: S324 - what many card shops ask for
            return asked.get("key") == KEY and mark == asked.get("sign")
        parts = (request.method, request.path, header.get("X-Timestamp", ""), header.get("X-Nonce", ""))
        text = "\n".join((*parts, hashlib.sha256(body).hexdigest()))
        signature = header.get("X-Signature", "")
        if header.get("X-Key") != KEY:
            return False
        if self._signing == "hmac-sha256":
            return hmac.compare_digest(hmac.new(SECRET.encode(), text.encode(), "sha256").hexdigest(), signature)
        return self._rsa is not None and _is_rsa_signed(self._rsa, text.encode(), signature)


def _is_rsa_signed(key: rsa.RSAPublicKey, text: bytes, signature: str) -> bool:
    try:
        key.verify(base64.b64decode(signature), text, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def _rsa_key(pem: str) -> rsa.RSAPublicKey | None:
    if not pem:
        return None
    key = serialization.load_pem_public_key(pem.encode())
    assert isinstance(key, rsa.RSAPublicKey)
    return key


def _json(document: Mapping[str, Any], status: int = 200) -> web.Response:
    text = json.dumps(document, ensure_ascii=False)
    return web.Response(text=text, status=status, content_type="application/json")


def _money(money: Any) -> dict[str, str]:
    amount, currency = money_words(money.minor, money.currency).split()
    return {"amount": amount, "currency": currency}
