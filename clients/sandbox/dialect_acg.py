"""The sandbox as an acg-faka shop: the API it shares its goods with (type 0), under /shared.

Forms signed by MD5, status 200 whatever happens, sentences for a no, and codes as lines of the answer. An id of a
buyer's has at most 19 characters; a longer one ends in a web page, as a database error does there.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

from aiohttp import web

from clients.cli.amounts import money_words
from clients.sandbox.counter import Counter
from clients.sandbox.mischief import Question
from clients.sandbox.scenario import KEY, SECRET, Scenario
from clients.sandbox.shop import No, Sale, State, Why, Wish
from engine.money import Money

_REQUEST_CHARS = 19
_WAITING = "正在发货中，请耐心等待，如有疑问，请联系客服。"

_NOES: Mapping[Why, str] = {
    Why.OUT_OF_STOCK: "库存不足",
    Why.OUT_OF_BALANCE: "余额不足",
    Why.NO_SUCH_PRODUCT: "商品不存在",
    Why.BAD_QUANTITY: "至少购买1个",
    Why.DUPLICATE_ID: "The request ID already exists",
    Why.NO_SUCH_ORDER: "订单不存在",
}


class AcgDialect:
    """See above."""

    def __init__(self, counter: Counter, _scenario: Scenario) -> None:
        self._counter = counter
        self._shop = counter.shop

    def routes(self) -> list[web.RouteDef]:
        """What the server serves."""
        return [
            web.post("/shared/authentication/connect", self._connect),
            web.post("/shared/commodity/items", self._items),
            web.post("/shared/commodity/valuation", self._valuation),
            web.post("/shared/commodity/trade", self._trade),
            web.post("/shared/commodity/query", self._query),
        ]

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        await _admitted(request)
        return await self._counter.serve(
            request,
            lambda _: self._shop.balance,
            lambda left: _yes({"shopName": self._shop.name, "balance": float(_text(left))}),
            question=Question.BALANCE,
        )

    async def _items(self, request: web.Request) -> web.StreamResponse:
        await _admitted(request)
        return await self._counter.serve(
            request,
            lambda _: [
                {
                    "code": ware.product,
                    "name": ware.title,
                    "price": float(_text(ware.unit_cost)) * 2,
                    "user_price": float(_text(ware.unit_cost)),
                    "stock": 10_000_000 if ware.stock is None else ware.stock,
                }
                for ware in self._shop.wares.values()
            ],
            lambda items: _yes([{"id": 1, "name": "all", "children": items}]),
            question=Question.PRODUCTS,
        )

    async def _valuation(self, request: web.Request) -> web.StreamResponse:
        form = await _admitted(request)
        ware = self._shop.wares.get(form["code"])
        if ware is None:
            return _no("商品不存在#0")
        return _yes({"price": _text(ware.unit_cost.times(int(form["num"])))})

    async def _trade(self, request: web.Request) -> web.StreamResponse:
        form = await _admitted(request)
        if len(form.get("request_no", "")) > _REQUEST_CHARS:
            return web.Response(text="<html>SQLSTATE[22001]: Data too long</html>", content_type="text/html")
        product = form["shared_code"]
        wish = Wish(form.get("request_no", ""), product, int(form["num"]), form.get("account", ""))
        return await self._counter.serve(
            request,
            lambda twist: self._shop.buy(wish, twist),
            self._traded,
            question=Question.ORDER,
            product=product,
        )

    def _traded(self, sale: Sale | No) -> web.Response:
        if isinstance(sale, No):
            return _no(_NOES.get(sale.why, "系统繁忙"))
        traded = {"url": "", "amount": _text(sale.cost), "tradeNo": _trade_no(sale), "secret": self._secret(sale)}
        return _yes({**traded, "leave_message": None})

    async def _query(self, request: web.Request) -> web.StreamResponse:
        form = await _admitted(request)
        return await self._counter.serve(
            request,
            lambda _: self._shop.find_no(f"{self._shop.name}-{form['tradeNo'][-7:]}"),
            lambda sale: (
                _no(_NOES[Why.NO_SUCH_ORDER])
                if sale is None
                else _yes({"secret": self._secret(sale), "widget": None, "status": 1})
            ),
            question=Question.LOOK_UP,
        )

    def _secret(self, sale: Sale) -> str:
        if sale.state is not State.DELIVERED:
            return _WAITING
        return "\r\n".join(self._shop.codes(sale)) or "充值成功"


async def _admitted(request: web.Request) -> Mapping[str, str]:
    """The form; raises the shop's own no when it is not signed as it should be."""
    form = {name: str(value) for name, value in (await request.post()).items()}
    text = "&".join(f"{name}={form[name]}" for name in sorted(form) if form[name] and name != "sign")
    mark = hashlib.md5((text + unquote_plus(f"&key={SECRET}")).encode()).hexdigest()  # noqa: S324 - the protocol's
    if form.get("app_id") != KEY:
        raise web.HTTPOk(text=_no("商户ID不存在").text, content_type="application/json")
    if form.get("sign") != mark:
        raise web.HTTPOk(text=_no("密钥错误").text, content_type="application/json")
    return form


def _trade_no(sale: Sale) -> str:
    """Eighteen digits, as there; the last seven are the sale's."""
    return "10026112600" + sale.order_no.rpartition("-")[2]


def _yes(content: Any) -> web.Response:
    return _json({"code": 200, "msg": "success", "data": content})


def _no(sentence: str) -> web.Response:
    return _json({"code": 0, "msg": sentence})


def _text(money: Money) -> str:
    return money_words(money.minor, money.currency).split()[0]


def _json(document: Mapping[str, Any]) -> web.Response:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return web.Response(text=text, content_type="application/json")
