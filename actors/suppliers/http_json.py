"""Suppliers that speak signed HTTP with JSON, whatever their fields are called: options say it. docs/suppliers.md."""

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from actors.suppliers.exchange import Answer, Call, Exchange, Unheard, Unreadable, Unsent
from actors.suppliers.http_findings import HttpFindings
from actors.suppliers.http_options import Asking, HttpOptions, filled
from actors.suppliers.reading import at, listed, moment_ms, money, text_at, whole
from actors.suppliers.signing import Sheet, Signer
from actors.suppliers.urls import base_url
from engine.intake.amounts import minor_places
from engine.money import Money
from engine.supply.attempts import Kind, NotFound, NotSent, Silent
from engine.supply.ports import Ability, Order, Product, StatementRow, SupplierAway, Told
from engine.supply.suppliers import Supplier

#: Pages of a price list or a statement that are asked for, one after the other.
pages_max = 200

_ABILITIES = {
    "look_up": Ability.LOOK_UP,
    "reverse": Ability.REVERSE,
    "balance": Ability.BALANCE,
    "products": Ability.PRODUCTS,
    "statement": Ability.STATEMENT,
}


class HttpJsonLine:
    """SupplierLine of engine/supply/ports.py. Raises ValueError in words when options or credentials do not do."""

    def __init__(
        self,
        supplier: Supplier,
        credentials: Mapping[str, str],
        now_ms: Callable[[], int],
        nonce: Callable[[], str],
    ) -> None:
        self._options = HttpOptions(supplier.options)
        self._signer = Signer(supplier.options, credentials, now_ms, nonce)
        self._findings = HttpFindings(self._options, supplier.currency)
        self._base = base_url(supplier.endpoint)
        self._currency = supplier.currency
        keeps_connections = self._options["connections"] == "keep"
        self._exchange = Exchange(supplier.answer_within_ms, keeps_connections=keeps_connections)
        self.abilities = frozenset(_ABILITIES[each] for each in self._options.askings if each in _ABILITIES)

    async def order(self, order: Order) -> Told:
        """See SupplierLine. A recharge needs the option `recharge`, or goes as an order."""
        asking = self._options.askings["order"]
        if order.kind is Kind.RECHARGE:
            asking = self._options.askings.get("recharge", asking)
        return self._told(await self._ask(asking, _places(order)), order, is_first=True)

    async def look_up(self, order: Order, order_nos: Sequence[str]) -> Told:
        """See SupplierLine. By the newest of the supplier's numbers where the option asks for `{order_no}`."""
        return await self._about("look_up", order, order_nos)

    async def reverse(self, order: Order, order_nos: Sequence[str]) -> Told:
        """See SupplierLine."""
        return await self._about("reverse", order, order_nos)

    async def balance(self) -> Money:
        """See SupplierLine."""
        document = await self._question("balance", {})
        with _away():
            return self._money(document, "balance.amount", "balance.currency")

    async def products(self) -> Sequence[Product]:
        """See SupplierLine."""
        rows = await self._pages("products", {})
        names = self._options
        with _away():
            return [
                Product(
                    text_at(row, names["products.id"]),
                    text_at(row, names["products.title"]),
                    self._money(row, "products.price", "products.currency"),
                    _stock(at(row, names["products.stock"]) if names["products.stock"] else None),
                )
                for row in rows
            ]

    async def statement(self, from_ms: int, to_ms: int) -> Sequence[StatementRow]:
        """See SupplierLine."""
        spans = {"from_ms": from_ms, "to_ms": to_ms, "from_s": from_ms // 1_000, "to_s": -(-to_ms // 1_000)}
        names = self._options
        with _away():
            rows = [
                StatementRow(
                    text_at(row, names["statement.order_no"]),
                    text_at(row, names["statement.attempt"]),
                    whole(at(row, names["statement.units"])),
                    self._money(row, "statement.cost", "statement.currency"),
                    moment_ms(at(row, names["statement.at"]), names["statement.at_unit"]),
                )
                for row in await self._pages("statement", spans)
            ]
        return sorted((row for row in rows if from_ms <= row.at_ms < to_ms), key=lambda row: row.at_ms)

    async def close(self) -> None:
        """See SupplierLine."""
        await self._exchange.close()

    async def _about(self, question: str, order: Order, order_nos: Sequence[str]) -> Told:
        asking = self._options.askings.get(question)
        if asking is None:
            return Told(Silent(f"this supplier offers no {question}"))
        if "{order_no}" not in asking.text:
            return self._told(await self._ask(asking, _places(order)), order)
        told = Told(Silent("no number of the supplier's is known"))
        for order_no in reversed(order_nos):
            answer = await self._ask(asking, {**_places(order), "order_no": order_no})
            told = self._told(answer, order)
            if not isinstance(told.finding, NotFound):
                return told
        return told

    def _told(self, answer: Answer | Unsent | Unheard, order: Order, *, is_first: bool = False) -> Told:
        if isinstance(answer, Unheard):
            return Told(Silent(answer.why))
        if isinstance(answer, Unsent):  # Of a question it says nothing: only an order that did not leave is not sent.
            return Told(NotSent(answer.why) if is_first else Silent(answer.why))
        return self._findings.told(answer, order, is_order=is_first)

    async def _question(self, question: str, places: Mapping[str, str | int]) -> Mapping[str, Any]:
        asking = self._options.askings.get(question)
        if asking is None:
            raise SupplierAway(f"this supplier offers no {question}")
        answer = await self._ask(asking, places)
        if not isinstance(answer, Answer):
            raise SupplierAway(answer.why)
        with _away():
            return self._findings.document(answer)

    async def _pages(self, question: str, places: Mapping[str, str | int]) -> Sequence[Any]:
        """All rows: of one answer, or of page after page until one is empty, where the option has `{page}`."""
        asking = self._options.askings.get(question)
        name = self._options[f"{question}.list"]
        if asking is None or "{page}" not in asking.text:
            document = await self._question(question, places)
            with _away():
                return listed(document, name)
        rows: list[Any] = []
        for page in range(1, pages_max + 1):
            document = await self._question(question, {**places, "page": page})
            with _away():
                found = listed(document, name)
            if not found:
                break
            rows += found
        return rows

    async def _ask(self, asking: Asking, places: Mapping[str, str | int]) -> Answer | Unsent | Unheard:
        path = asking.path
        for name, value in places.items():
            path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
        stamp = self._signer.stamp()
        fields = {**filled(asking.fields, places), **self._signer.fields(stamp)}
        url = self._base.text + path
        query, body = self._written(asking.method, fields)
        sheet = Sheet(asking.method, urlsplit(url).path, query, body, _texts(fields))
        signature = self._signer.signature(sheet, stamp)
        if self._signer.field and signature:
            query, body = self._written(asking.method, {**fields, self._signer.field: signature})
        headers = {**self._options.headers, **self._signer.headers(stamp, signature)}
        if body:
            kind = "json" if self._options["content"] == "json" else "x-www-form-urlencoded"
            headers["Content-Type"] = f"application/{kind}"
        return await self._exchange.ask(Call(asking.method, f"{url}?{query}" if query else url, headers, body))

    def _written(self, method: str, fields: Mapping[str, Any]) -> tuple[str, bytes]:
        """Query and body."""
        if method in {"GET", "DELETE"}:
            return urlencode(_texts(fields)), b""
        if self._options["content"] == "form":
            return "", urlencode(_texts(fields)).encode()
        return "", json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()

    def _money(self, document: Any, amount: str, currency: str) -> Money:
        told = text_at(document, self._options[currency]) or self._currency
        return money(at(document, self._options[amount]), told, self._options["amount"])


class _away:  # noqa: N801 - reads as a word where it is used
    """What cannot be read is as good as no answer."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, Unreadable):
            raise SupplierAway(str(error)) from None


def _places(order: Order) -> Mapping[str, str | int]:
    return {
        "attempt": order.attempt,
        "product": order.product,
        "quantity": order.quantity,
        "account": order.account,
        "cost_max": f"{Decimal(order.cost_max.minor).scaleb(-minor_places(order.cost_max.currency)):f}",
        "cost_max_minor": order.cost_max.minor,
        "currency": order.cost_max.currency,
    }


def _texts(fields: Mapping[str, Any]) -> Mapping[str, str]:
    """Top fields as text: what forms, queries and sorted signatures take."""
    return {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        for name, value in fields.items()
    }


def _stock(value: Any) -> int | None:
    """A count; None and -1 are "as many as you want", which is to say that nobody knows."""
    if value is None:
        return None
    stock = whole(value)
    return None if stock < 0 else stock
