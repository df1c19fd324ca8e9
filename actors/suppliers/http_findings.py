"""What an answer of a generic supplier says of an order, by the options' words. Everything else is Silent.

In this order: a server's failure (5xx) and a redirect are silence, whatever they hold; an error's word counts before a
status; an answer that names another order than asked is silence, and on a kept connection one that names none.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from actors.suppliers.exchange import Answer, Unreadable
from actors.suppliers.http_options import HttpOptions
from actors.suppliers.reading import at, lines, listed, moment_ms, money, text_at
from engine.money import Money
from engine.secrecy.masks import SEPARATOR
from engine.supply.attempts import (
    Accepted,
    Delivered,
    Failed,
    Finding,
    Kind,
    NotFound,
    Refused,
    Reversed,
    Silent,
)
from engine.supply.ports import Good, Order, Told

_OK = range(200, 300)
_NO = range(400, 500)


class HttpFindings:
    """See above."""

    def __init__(self, options: HttpOptions, currency: str) -> None:
        self._options = options
        self._currency = currency

    def document(self, answer: Answer) -> Mapping[str, Any]:
        """The document of a question that was answered well. Raises Unreadable."""
        document = answer.document()
        if answer.status not in _OK or self._error(answer, document):
            raise Unreadable(f"status {answer.status}, error {self._error(answer, document)!r}")
        return document

    def told(self, answer: Answer, order: Order, *, is_order: bool) -> Told:
        """What was answered to an order, or to a question about one."""
        if answer.status not in _OK and answer.status not in _NO:
            return Told(Silent(f"status {answer.status}"))
        try:
            document = answer.document()
            echo = text_at(document, self._options["echo"])
            if echo and echo != order.attempt:
                return Told(Silent("the answer names another order"))
            if not echo and self._options["connections"] == "keep":
                return Told(Silent("the answer does not name the order"))
            error = self._error(answer, document)
            if error:
                return Told(self._no(error, text_at(document, self._options["error.order_no"]), is_order=is_order))
            if answer.status in _NO:
                return Told(Silent(f"status {answer.status} without a word"))
            if self._options["echo"] and not echo:
                return Told(Silent("the answer does not name the order"))
            return self._standing(document, order)
        except Unreadable as error:
            return Told(Silent(str(error)))

    def _error(self, answer: Answer, document: Mapping[str, Any]) -> str:
        """The error's word; `@status` takes the HTTP status for it."""
        path = self._options["error"]
        word = str(answer.status) if path == "@status" else text_at(document, path)
        return "" if self._options.says("error.none", word) else word

    def _no(self, word: str, order_no: str, *, is_order: bool) -> Finding:
        options = self._options
        if options.says("error.duplicate", word):
            # It has our id. What became of the order it does not say, so this is no refusal of it.
            return Accepted(order_no) if order_no else Silent("this id is known there already: look it up")
        if is_order and options.says("error.refused", word):
            return Refused(word)
        if not is_order and options.says("error.not_found", word):
            return NotFound()
        return Silent(f"error {word}")

    def _standing(self, document: Mapping[str, Any], order: Order) -> Told:
        options = self._options
        status, order_no = text_at(document, options["status"]), text_at(document, options["order_no"])
        if options.says("status.delivered", status):
            return self._delivered(document, order, order_no)
        if options.says("status.processing", status):
            return Told(Accepted(order_no))
        if options.says("status.failed", status):
            return Told(Failed(status))
        if options.says("status.reversed", status):
            return Told(Reversed())
        return Told(Silent("no status that is known"))

    def _delivered(self, document: Mapping[str, Any], order: Order, order_no: str) -> Told:
        if order.kind is Kind.RECHARGE:
            return Told(Delivered(order_no, order.quantity, self._cost(document)))
        goods = self._goods(document)
        if not goods:  # It says that it is done and hands nothing out yet: ask again.
            return Told(Accepted(order_no))
        return Told(Delivered(order_no, len(goods), self._cost(document)), goods)

    def _cost(self, document: Mapping[str, Any]) -> Money:
        currency = text_at(document, self._options["currency"]) or self._currency
        return money(at(document, self._options["cost"]), currency, self._options["amount"])

    def _goods(self, document: Mapping[str, Any]) -> Sequence[Good]:
        options, path = self._options, self._options["codes"]
        if at(document, path) is None:
            return []
        if options["codes.shape"] == "lines":
            return lines(at(document, path))
        return [self._good(each) for each in listed(document, path)]

    def _good(self, value: Any) -> Good:
        options = self._options
        if options["codes.shape"] == "texts":
            return Good(_code(value))
        code = _code(at(value, options["codes.code"]))
        second = at(value, options["codes.second"]) if options["codes.second"] else None
        if second is not None:
            code = f"{code}{SEPARATOR}{_code(second)}"
        expires = at(value, options["codes.expires"]) if options["codes.expires"] else None
        return Good(code, None if expires is None else moment_ms(expires, options["codes.expires_unit"]))


def _code(value: Any) -> str:
    """A code as it came: text, or a number as JSON writes it."""
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value)
    raise Unreadable("a code is no text")
