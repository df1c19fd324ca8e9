r"""dujiao-next shops, by their open API for sites (protocol 1.0, /api/v1/upstream): the endpoint is the shop's URL.

Signed in three headers: HMAC-SHA256, in hex, under the credential `secret`, of METHOD, path without query, seconds
and the body's MD5 in hex, joined by `\n`; `key` goes beside it. A product is the number of a SKU there.

What the protocol does, and what follows. It answers an order with its id and status, and hands codes out when asked by
that id; so an order is Accepted first. Our id is `downstream_order_no`: sent again it answers the first order (REPLAY),
which is the only way to find an order whose number we never heard. It does not send our id back, so no connection is
used twice: an answer that belongs to another request has no way to us. There is no statement.

Option `account_field`: the field of a manual product's form that takes the account of a recharge.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from actors.suppliers.exchange import Answer, Call, Exchange, Unheard, Unreadable, Unsent
from actors.suppliers.reading import at, lines, listed, money, text_at, whole
from actors.suppliers.urls import base_url
from engine.money import Money
from engine.supply.attempts import Accepted, Delivered, Failed, Kind, NotFound, NotSent, Refused, Reversed, Silent
from engine.supply.ports import Ability, Order, Product, StatementRow, SupplierAway, Told
from engine.supply.suppliers import Supplier

_ROOT = "/api/v1/upstream"
_PAGE_ROWS = 100

#: Pages of the price list: ten thousand products.
pages_max = 100

#: Its documented words for "nothing was bought"; `payment_failed` cancels the order by itself.
_REFUSALS = frozenset(
    {"bad_request", "invalid_callback_url", "sku_unavailable", "product_unavailable", "product_not_found"}
    | {"insufficient_balance", "insufficient_stock", "payment_failed"}
    | {"unauthorized", "missing_auth_headers", "invalid_timestamp", "timestamp_expired", "invalid_signature"}
    | {"invalid_api_key", "user_disabled"}
)
_WORKING = frozenset({"pending_payment", "paid", "fulfilling", "partially_delivered"})
_DONE = frozenset({"delivered", "completed", "partially_refunded"})


class DujiaoNextLine:
    """SupplierLine of engine/supply/ports.py. Raises ValueError in words when options or credentials do not do."""

    abilities = frozenset({Ability.LOOK_UP, Ability.REVERSE, Ability.BALANCE, Ability.PRODUCTS})

    def __init__(
        self,
        supplier: Supplier,
        credentials: Mapping[str, str],
        now_ms: Callable[[], int],
        _nonce: Callable[[], str],
    ) -> None:
        if not credentials.get("key") or not credentials.get("secret"):
            raise ValueError("dujiao-next needs the credentials 'key' and 'secret'")
        unknown = sorted(set(supplier.options) - {"account_field"})
        if unknown:
            raise ValueError(f"no option {', '.join(unknown)}; there is account_field")
        self._key, self._secret = credentials["key"], credentials["secret"]
        self._url = base_url(supplier.endpoint)
        self._account_field = supplier.options.get("account_field", "")
        self._currency = supplier.currency
        self._now_ms = now_ms
        self._exchange = Exchange(supplier.answer_within_ms, keeps_connections=False)

    async def order(self, order: Order) -> Told:
        """See SupplierLine."""
        if not order.product.isdecimal():
            return Told(NotSent("the product is no SKU's number"))
        wish: dict[str, Any] = {"sku_id": int(order.product), "quantity": order.quantity}
        wish |= {"downstream_order_no": order.attempt, "trace_id": order.attempt}
        if order.kind is Kind.RECHARGE:
            if not self._account_field:
                return Told(NotSent("recharges need the option account_field"))
            wish["manual_form_data"] = {self._account_field: order.account}
        answer = await self._ask("POST", "/orders", wish)
        if isinstance(answer, Unsent):
            return Told(NotSent(answer.why))
        return self._told(answer, order, is_order=True)

    async def look_up(self, order: Order, order_nos: Sequence[str]) -> Told:
        """See SupplierLine. By the newest number: the protocol has no question by our id."""
        if not order_nos:
            return Told(Silent("only an order whose number is known can be looked up: send it again under its id"))
        return self._told(await self._ask("GET", f"/orders/{_number(order_nos)}"), order)

    async def reverse(self, order: Order, order_nos: Sequence[str]) -> Told:
        """See SupplierLine. Only what is not delivered yet is taken back."""
        if not order_nos:
            return Told(Silent("only an order whose number is known can be taken back"))
        told = self._told(await self._ask("POST", f"/orders/{_number(order_nos)}/cancel"), order)
        return Told(Reversed()) if isinstance(told.finding, Failed) else told

    async def balance(self) -> Money:
        """See SupplierLine."""
        document = await self._question("POST", "/ping")
        try:
            return money(document.get("balance"), text_at(document, "currency") or self._currency)
        except Unreadable as error:
            raise SupplierAway(str(error)) from None

    async def products(self) -> Sequence[Product]:
        """See SupplierLine. One for each SKU that is on sale."""
        found: list[Product] = []
        for page in range(1, pages_max + 1):
            document = await self._question("GET", "/products", f"page={page}&page_size={_PAGE_ROWS}")
            try:
                items = listed(document, "items")
                for item in items:
                    found += [self._product(item, sku) for sku in listed(item, "skus") if at(sku, "is_active")]
                if len(items) < _PAGE_ROWS:
                    break
            except Unreadable as error:
                raise SupplierAway(str(error)) from None
        return found

    async def statement(self, from_ms: int, to_ms: int) -> Sequence[StatementRow]:  # noqa: ARG002 - none
        """See SupplierLine. The protocol has none."""
        raise SupplierAway("dujiao-next has no statement")

    async def close(self) -> None:
        """See SupplierLine."""
        await self._exchange.close()

    def _told(self, answer: Answer | Unsent | Unheard, order: Order, *, is_order: bool = False) -> Told:
        if not isinstance(answer, Answer):
            return Told(Silent(answer.why))
        if not (200 <= answer.status < 300 or 400 <= answer.status < 500):
            return Told(Silent(f"status {answer.status}"))
        try:
            document = answer.document()
            if document.get("ok") is True:
                is_well = 200 <= answer.status < 300
                return (
                    self._standing(document, order) if is_well else Told(Silent(f"status {answer.status} with a yes"))
                )
            word = text_at(document, "error_code")
        except Unreadable as error:
            return Told(Silent(str(error)))
        if is_order and word in _REFUSALS:
            return Told(Refused(word))
        if not is_order and word == "order_not_found":
            return Told(NotFound())
        return Told(Silent(f"error {word}"))

    def _standing(self, document: Mapping[str, Any], order: Order) -> Told:
        status, order_no = text_at(document, "status").lower(), text_at(document, "order_id")
        sku = text_at(document, "items.0.sku_id")
        if not order_no or (sku and sku != order.product):
            return Told(Silent("the answer names another order"))
        if status in {"canceled", "cancelled"}:
            return Told(Failed(status))
        if status == "refunded":
            return Told(Reversed())
        if status in _WORKING and at(document, "fulfillment.status") != "delivered":
            return Told(Accepted(order_no))
        if status not in _DONE | _WORKING:
            return Told(Silent("no status that is known"))
        return self._delivered(document, order, order_no)

    def _delivered(self, document: Mapping[str, Any], order: Order, order_no: str) -> Told:
        cost = money(document.get("amount"), text_at(document, "currency") or self._currency)
        if document.get("refunded_amount") is not None:
            back = money(document["refunded_amount"], cost.currency)
            cost = Money(max(0, cost.minor - back.minor), cost.currency)
        if order.kind is Kind.RECHARGE:
            return Told(Delivered(order_no, order.quantity, cost))
        if "fulfillment" not in document:  # The answer to an order says only that it is done.
            return Told(Accepted(order_no))
        goods = lines(at(document, "fulfillment.payload"))
        return Told(Delivered(order_no, len(goods), cost), goods) if goods else Told(Accepted(order_no))

    def _product(self, item: Any, sku: Any) -> Product:
        kinds = at(sku, "spec_values")
        title = " ".join([_title(at(item, "title")), *map(str, kinds.values() if isinstance(kinds, Mapping) else ())])
        stock = whole(at(sku, "stock_quantity"))
        cost = money(at(sku, "price_amount"), self._currency)
        return Product(text_at(sku, "id"), title, cost, None if stock < 0 else stock)

    async def _question(self, method: str, path: str, query: str = "") -> Mapping[str, Any]:
        answer = await self._ask(method, path, query=query)
        if not isinstance(answer, Answer):
            raise SupplierAway(answer.why)
        try:
            document = answer.document()
        except Unreadable as error:
            raise SupplierAway(str(error)) from None
        if answer.status != 200 or document.get("ok") is not True:
            raise SupplierAway(f"status {answer.status}, error {text_at(document, 'error_code')!r}")
        return document

    async def _ask(
        self, method: str, path: str, wish: Mapping[str, Any] | None = None, *, query: str = ""
    ) -> Answer | Unsent | Unheard:
        body = b"" if wish is None else json.dumps(wish, ensure_ascii=False, separators=(",", ":")).encode()
        url = f"{self._url.text}{_ROOT}{path}"
        seconds = str(self._now_ms() // 1_000)
        checksum = hashlib.md5(body).hexdigest()  # noqa: S324 - the protocol's
        text = "\n".join((method, f"{self._url.path}{_ROOT}{path}", seconds, checksum))
        headers = {
            "Content-Type": "application/json",
            "Dujiao-Next-Api-Key": self._key,
            "Dujiao-Next-Timestamp": seconds,
            "Dujiao-Next-Signature": hmac.new(self._secret.encode(), text.encode(), hashlib.sha256).hexdigest(),
        }
        return await self._exchange.ask(Call(method, f"{url}?{query}" if query else url, headers, body))


def _number(order_nos: Sequence[str]) -> str:
    """The newest number, which is one: nothing else may stand in a path."""
    return order_nos[-1] if order_nos[-1].isdecimal() else "0"


def _title(names: Any) -> str:
    """A title in the first language it has, Chinese before others."""
    if not isinstance(names, Mapping) or not names:
        return str(names or "")
    return str(names.get("zh-CN") or next(iter(names.values())))
