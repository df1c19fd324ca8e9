"""Whatever a supplier answers, an order ends in a finding; and only documented words refuse it."""

import asyncio
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.suppliers.exchange import Answer, Call, Unheard, Unsent
from actors.suppliers.protocols import line_to
from clients.sandbox.profile import HTTP_OPTIONS, profile_of
from clients.sandbox.scenario import Scenario
from engine.money import Money
from engine.supply.attempts import AttemptId, Delivered, Finding, Kind, NotFound, NotSent, Refused, Silent
from engine.supply.ports import Order, SupplierAway, SupplierLine, Told

PROTOCOLS = ["http", "dujiao-next", "acg-faka"]

#: A good answer of each protocol.
_GOOD: dict[str, dict[str, Any]] = {
    "http": {
        "id": "A-1",
        "order_no": "7",
        "status": "delivered",
        "error": None,
        "amount": "1",
        "currency": "CNY",
        "cost": {"amount": "9.00", "currency": "CNY"},
        "codes": [{"code": "C", "expires_at_ms": 1}],
        "products": [{"id": "1", "title": "T", "price": {"amount": "1", "currency": "CNY"}, "stock": 1}],
        "rows": [],
    },
    "dujiao-next": {
        "ok": True,
        "order_id": 7,
        "status": "completed",
        "amount": "9.00",
        "currency": "CNY",
        "error_code": None,
        "items": [
            {
                "sku_id": 1001,
                "skus": [{"is_active": True, "price_amount": "1", "stock_quantity": 1, "spec_values": {"a": "b"}}],
            }
        ],
        "fulfillment": {"status": "delivered", "payload": "C"},
        "balance": "1",
    },
    "acg-faka": {
        "code": 200,
        "msg": "success",
        "data": {"tradeNo": "7", "amount": 9.0, "secret": "C", "status": 1, "balance": 1.0, "price": "9"},
    },
}
_VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.just([]) | st.just({})
_STATUSES = st.sampled_from([200, 200, 200, 201, 202, 204, 302, 400, 401, 404, 409, 422, 429, 500, 503])


@st.composite
def _contents(draw: st.DrawFn, protocol: str) -> bytes:
    """A good answer with up to three of its values, at any depth, replaced by others; or mere bytes."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=60))
    document = json.loads(json.dumps(_GOOD[protocol]))
    for _ in range(draw(st.integers(0, 3))):
        inner: Any = document
        while inner:
            name = draw(st.sampled_from(list(range(len(inner))) if isinstance(inner, list) else sorted(inner)))
            if not isinstance(inner[name], dict | list) or draw(st.booleans()):
                inner[name] = draw(_VALUES)
                break
            inner = inner[name]
    return json.dumps(document).encode()


class StillClock:
    """It is always the same moment."""

    def now_ms(self) -> int:
        """See Clock."""
        return 1_700_000_000_000


class Said:
    """In place of a supplier's connections: one answer to everything."""

    def __init__(self, answer: Answer | Unsent | Unheard) -> None:
        self._answer = answer

    async def ask(self, _: Call) -> Answer | Unsent | Unheard:
        """See Exchange."""
        return self._answer


ORDER = Order(AttemptId("A-1"), Kind.CODES, "1001", 1, Money(900, "CNY"))


def line(protocol: str, answer: Answer | Unsent | Unheard) -> SupplierLine:
    """A line that hears nothing else."""
    options = dict(HTTP_OPTIONS) if protocol == "http" else {}
    profile = profile_of(Scenario(), "http://supplier.example", protocol=protocol, options=options)
    made = line_to(profile, {"key": "1", "secret": "s"}, StillClock())
    made._exchange = Said(answer)  # type: ignore[attr-defined]
    return made


def told(protocol: str, answer: Answer | Unsent | Unheard, question: str = "order") -> Told:
    """What an order, a look-up or a reversal is told."""
    made = line(protocol, answer)
    asked = made.order(ORDER) if question == "order" else getattr(made, question)(ORDER, ["7"])
    return asyncio.run(asked)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(st.data())
def test_any_answer_is_a_finding(protocol: str, data: st.DataObject) -> None:
    """Nothing raises, chance refuses nothing, and nobody says "not sent" of what was answered."""
    status, content = data.draw(_STATUSES), data.draw(_contents(protocol))
    for question in ("order", "look_up", "reverse"):
        finding = told(protocol, Answer(status, content), question).finding
        assert not isinstance(finding, NotSent | Refused)
        assert not isinstance(finding, NotFound)
        if status >= 300 and isinstance(finding, Delivered):
            raise AssertionError("a failed answer delivered")


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(st.data())
def test_any_answer_to_a_question_is_an_answer_or_none(protocol: str, data: st.DataObject) -> None:
    """Balance, price list and statement raise SupplierAway and nothing else."""
    status, content = data.draw(_STATUSES), data.draw(_contents(protocol))
    made = line(protocol, Answer(status, content))
    for ask in (made.balance, made.products, lambda: made.statement(0, 1)):
        with suppress(SupplierAway):
            asyncio.run(ask())  # type: ignore[arg-type]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_chance_spoils_is_good_before(protocol: str) -> None:
    """Or the tests above would show nothing."""
    good = Answer(200, json.dumps(_GOOD[protocol]).encode())
    assert isinstance(told(protocol, good).finding, Delivered)
    assert isinstance(told(protocol, good, "look_up").finding, Delivered)
    assert asyncio.run(line(protocol, good).balance()).minor == 100


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("answer", "order", "question"),
    [(Unsent("ClientConnectorError"), NotSent, Silent), (Unheard("TimeoutError"), Silent, Silent)],
)
def test_only_an_order_that_did_not_leave_is_not_sent(
    protocol: str, answer: Unsent | Unheard, order: type[Finding], question: type[Finding]
) -> None:
    """A question that did not leave says nothing of the order it was about."""
    assert isinstance(told(protocol, answer).finding, order)
    for asked in ("look_up", "reverse"):
        assert isinstance(told(protocol, answer, asked).finding, question)
