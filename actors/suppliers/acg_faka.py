"""acg-faka shops, by the API they share their goods with (type 0, /shared): the endpoint is the shop's URL.

A form with `app_id` (credential `key`) and `sign`: the MD5 of all fields by name, empty ones left out, as
`a=1&b=2&key=SECRET`. It always answers status 200, with `code` 200 for yes and a sentence for no.

What the protocol does, and what follows. Codes come with the answer, as lines of `secret`. Our id goes as `request_no`,
which is 19 characters there, so a digest of it does. A second order under it is refused without a word on the first
(REJECT_BLIND), and orders can be asked for by the shop's number only: a purchase that was never answered has to be
settled with a person, or the statement a person gets. A shop that was sold out in the meantime, or sends by hand,
charges and answers a sentence in place of the codes: that is Accepted, never a card. Prices are in one currency, the
supplier's; it tells no cost when asked for an order later, so that cost is today's price for the same.

A product is its code there, or `CODE/kind` where it has kinds. Options: `account_field`, the field that takes the
account of a recharge; `code_pattern`, a regular expression that each code matches as a whole, since a shop that sends
by hand may answer with a sentence of its own.
"""

import hashlib
import re
from base64 import b32encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote_plus, urlencode

from actors.suppliers.exchange import Answer, Call, Exchange, Unheard, Unreadable, Unsent
from actors.suppliers.reading import at, lines, money, text_at, whole
from actors.suppliers.urls import base_url
from engine.money import Money
from engine.supply.attempts import Accepted, AttemptId, Delivered, Kind, NotFound, NotSent, Refused, Silent
from engine.supply.ports import Ability, Good, Order, Product, StatementRow, SupplierAway, Told
from engine.supply.suppliers import Supplier

_REQUEST_CHARS = 19

#: Its sentences for "nothing was bought", by how they begin. They undo everything, and all else is silence.
_REFUSALS: Mapping[str, str] = {
    "库存不足": "OUT_OF_STOCK",
    "余额不足": "OUT_OF_BALANCE",
    "商品不存在": "NO_SUCH_PRODUCT",
    "当前商品已停售": "NO_SUCH_PRODUCT",
    "此商品类型不存在": "NO_SUCH_PRODUCT",
    "请选择商品": "NO_SUCH_PRODUCT",
    "至少购买": "BAD_QUANTITY",
    "本商品最少购买": "BAD_QUANTITY",
    "本商品单次最多购买": "BAD_QUANTITY",
    "该商品每人只能购买": "LIMIT_REACHED",
    "抢购": "NOT_ON_SALE",
    "商户ID不存在": "BAD_CREDENTIALS",
    "密钥错误": "BAD_CREDENTIALS",
    "You have been banned": "BAD_CREDENTIALS",
}
_NO_SUCH_ORDER = "订单不存在"

#: What stands where a code should, when there is none.
_EXCUSES = ("很抱歉", "抱歉", "请联系客服", "正在发货", "发货中", "没有发货信息", "等待发货")

#: Amounts of orders that were answered, for when their codes come later.
_amounts_kept = 10_000


class AcgFakaLine:
    """SupplierLine of engine/supply/ports.py. Raises ValueError in words when options or credentials do not do."""

    abilities = frozenset({Ability.LOOK_UP, Ability.BALANCE, Ability.PRODUCTS})

    def __init__(
        self,
        supplier: Supplier,
        credentials: Mapping[str, str],
        _now_ms: Callable[[], int],
        _nonce: Callable[[], str],
    ) -> None:
        if not credentials.get("key") or not credentials.get("secret"):
            raise ValueError("acg-faka needs the credentials 'key' (app_id) and 'secret' (app_key)")
        unknown = sorted(set(supplier.options) - {"account_field", "code_pattern"})
        if unknown:
            raise ValueError(f"no option {', '.join(unknown)}; there are account_field and code_pattern")
        try:
            self._code = re.compile(supplier.options.get("code_pattern", ".+"))
        except re.error:
            raise ValueError("the option code_pattern is no regular expression") from None
        self._key, self._secret = credentials["key"], credentials["secret"]
        self._url = base_url(supplier.endpoint).text
        self._account_field = supplier.options.get("account_field", "")
        self._currency = supplier.currency
        self._exchange = Exchange(supplier.answer_within_ms, keeps_connections=False)
        self._amounts: dict[str, Money] = {}

    async def order(self, order: Order) -> Told:
        """See SupplierLine."""
        code, _, race = order.product.partition("/")
        fields = {
            "shared_code": code,
            "race": race,
            "num": str(order.quantity),
            "request_no": request_no(order.attempt),
        }
        fields |= {"contact": fields["request_no"], "card_id": "0", "device": "0", "password": ""}
        if order.kind is Kind.RECHARGE:
            if not self._account_field:
                return Told(NotSent("recharges need the option account_field"))
            fields[self._account_field] = order.account
        answer = await self._ask("/shared/commodity/trade", fields)
        if isinstance(answer, Unsent):
            return Told(NotSent(answer.why))
        try:
            document, no = _read(answer)
            if no:
                word = next((word for begins, word in _REFUSALS.items() if no.startswith(begins)), "")
                return Told(Refused(word) if word else Silent("a no that is not documented"))
            order_no, cost = text_at(document, "data.tradeNo"), money(at(document, "data.amount"), self._currency)
        except Unreadable as error:
            return Told(Silent(str(error)))
        if not order_no:
            return Told(Silent("the answer names no order"))
        self._keep(order_no, cost)
        return self._told(document, order, order_no, cost)

    async def look_up(self, order: Order, order_nos: Sequence[str]) -> Told:
        """See SupplierLine. By the newest number: the protocol has no question by our id."""
        if not order_nos:
            return Told(Silent("only an order whose number is known can be looked up"))
        order_no = order_nos[-1]
        try:
            document, no = _read(await self._ask("/shared/commodity/query", {"tradeNo": order_no}))
            if no:
                return Told(NotFound() if no.startswith(_NO_SUCH_ORDER) else Silent("a no that is not documented"))
            if text_at(document, "data.status") != "1":
                return Told(Accepted(order_no))
            cost = self._amounts.get(order_no) or await self._cost_today(order)
            return self._told(document, order, order_no, cost)
        except Unreadable as error:
            return Told(Silent(str(error)))

    async def reverse(self, order: Order, order_nos: Sequence[str]) -> Told:  # noqa: ARG002 - never
        """See SupplierLine. The protocol takes nothing back."""
        return Told(Silent("acg-faka takes nothing back"))

    async def balance(self) -> Money:
        """See SupplierLine."""
        document = await self._question("/shared/authentication/connect")
        try:
            return money(at(document, "data.balance"), self._currency)
        except Unreadable as error:
            raise SupplierAway(str(error)) from None

    async def products(self) -> Sequence[Product]:
        """See SupplierLine. At the price for members; kinds of a product are not listed one by one."""
        categories = at(await self._question("/shared/commodity/items"), "data")
        try:
            items = [item for category in categories or [] for item in at(category, "children") or []]
            return [
                Product(
                    text_at(item, "code"),
                    text_at(item, "name"),
                    money(at(item, "user_price"), self._currency),
                    whole(at(item, "stock")),
                )
                for item in items
            ]
        except (Unreadable, TypeError) as error:
            raise SupplierAway(str(error)) from None

    async def statement(self, from_ms: int, to_ms: int) -> Sequence[StatementRow]:  # noqa: ARG002 - none
        """See SupplierLine. The protocol has none."""
        raise SupplierAway("acg-faka has no statement")

    async def close(self) -> None:
        """See SupplierLine."""
        await self._exchange.close()

    async def _cost_today(self, order: Order) -> Money:
        code, _, race = order.product.partition("/")
        fields = {"code": code, "race": race, "num": str(order.quantity), "card_id": "0"}
        document, no = _read(await self._ask("/shared/commodity/valuation", fields))
        if no:
            raise Unreadable("no price is told")
        return money(at(document, "data.price"), self._currency)

    async def _question(self, path: str) -> Mapping[str, Any]:
        try:
            document, no = _read(await self._ask(path, {}))
        except Unreadable as error:
            raise SupplierAway(str(error)) from None
        if no:
            raise SupplierAway("it says no")
        return document

    async def _ask(self, path: str, fields: Mapping[str, str]) -> Answer | Unsent | Unheard:
        whole_form = {**fields, "app_id": self._key}
        whole_form["sign"] = signature(whole_form, self._secret)
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept-Language": "zh-CN"}
        return await self._exchange.ask(Call("POST", self._url + path, headers, urlencode(whole_form).encode()))

    def _told(self, document: Mapping[str, Any], order: Order, order_no: str, cost: Money) -> Told:
        """What a paid order is: delivered when there are codes, as many as were bought, and no excuse among them."""
        if order.kind is Kind.RECHARGE:
            said = text_at(document, "data.secret")
            return Told(Accepted(order_no) if _is_excuse(said) else Delivered(order_no, order.quantity, cost))
        secret = at(document, "data.secret")
        goods: Sequence[Good] = lines(secret) if isinstance(secret, str) else ()
        are_codes = all(self._code.fullmatch(good.code) and not _is_excuse(good.code) for good in goods)
        if len(goods) != order.quantity or not are_codes:
            return Told(Accepted(order_no))
        return Told(Delivered(order_no, len(goods), cost), goods)

    def _keep(self, order_no: str, cost: Money) -> None:
        if len(self._amounts) >= _amounts_kept:
            del self._amounts[next(iter(self._amounts))]
        self._amounts[order_no] = cost


def signature(fields: Mapping[str, str], secret: str) -> str:
    """The protocol's mark of a form. Its reference decodes the whole text once more, the key with it."""
    text = "&".join(f"{name}={fields[name]}" for name in sorted(fields) if fields[name] and name != "sign")
    return hashlib.md5(f"{text}&key={unquote_plus(secret)}".encode()).hexdigest()  # noqa: S324 - the protocol's


def request_no(attempt: AttemptId) -> str:
    """Our id in 19 characters: 95 bits of its SHA-256."""
    return b32encode(hashlib.sha256(attempt.encode()).digest()).decode()[:_REQUEST_CHARS].lower()


def _read(answer: Answer | Unsent | Unheard) -> tuple[Mapping[str, Any], str]:
    """The document, and the sentence of a no; empty for a yes. Raises Unreadable for what is neither."""
    if not isinstance(answer, Answer):
        raise Unreadable(answer.why)
    if answer.status != 200:
        raise Unreadable(f"status {answer.status}")
    document = answer.document()
    if "code" not in document:
        raise Unreadable("an answer without a code")
    if str(document["code"]) == "200":
        return document, ""
    return document, text_at(document, "msg") or "?"


def _is_excuse(text: str) -> bool:
    return not text or any(excuse in text for excuse in _EXCUSES)
