"""Rates of exchange on the command line."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from cardkeep_client.v1 import inventory_pb2, supply_pb2, types_pb2
from typer.testing import Result

Cardkeep = Callable[..., Result]


def test_a_rate_is_entered_from_the_first_moment_of_a_day(cardkeep: Cardkeep, server: Any) -> None:
    """Here, where clocks are eight hours ahead; by whoever says so."""
    server.will("EnterRate", lambda request, _context: request.rate)
    ended = cardkeep(
        "rate", "set", "usd", "CNY", "7.21", "--from", "2026-11-01", "--who", "ann", "--note", "the bank's"
    )
    assert ended.exit_code == 0, ended.output
    (request,) = server.requests("EnterRate")
    assert (request.parent, request.accept_jump) == ("tenants/default", False)
    entered = request.rate
    assert (entered.source_currency, entered.target_currency, entered.rate) == ("USD", "CNY", "7.21")
    assert (entered.who, entered.note) == ("ann", "the bank's")
    assert entered.start_time.ToJsonString() == "2026-10-31T16:00:00Z"
    assert "2026-11-01 00:00:00+08:00" in ended.stdout


def test_a_rate_may_begin_at_a_moment_or_now(cardkeep: Cardkeep, server: Any) -> None:
    """And a jump may be right."""
    server.will("EnterRate", lambda request, _context: request.rate)
    cardkeep("rate", "set", "USD", "CNY", "721/100", "--from", "2026-11-01 18:00", "--accept-jump")
    cardkeep("rate", "set", "USD", "CNY", "721/100")
    at, now = server.requests("EnterRate")
    assert (at.rate.start_time.ToJsonString(), at.accept_jump) == ("2026-11-01T10:00:00Z", True)
    assert now.rate.start_time.seconds > at.rate.start_time.seconds
    assert now.rate.who


@pytest.mark.parametrize(
    ("words", "says"),
    [(("dollar", "CNY", "7.2"), "no currency"), (("USD", "CNY", "7.2", "--from", "soon"), "no date")],
)
def test_what_cannot_be_read_is_said_before_anything_is_asked(
    cardkeep: Cardkeep, words: tuple[str, ...], says: str
) -> None:
    """With an example of the right form."""
    ended = cardkeep("rate", "set", *words)
    assert ended.exit_code == 2
    assert says in ended.stderr


def test_rates_are_listed_with_the_one_that_counts(cardkeep: Cardkeep, server: Any) -> None:
    """As a table, and as JSON with every field."""
    rates = [
        supply_pb2.ExchangeRate(source_currency="USD", target_currency="CNY", rate=figures, who="ann", in_force=counts)
        for figures, counts in (("7.30", False), ("7.21", True))
    ]
    for _ in range(2):
        server.will("ListRates", supply_pb2.ListRatesResponse(rates=rates))
    shown = cardkeep("rate", "list").stdout
    (line,) = [line for line in shown.splitlines() if "counts now" in line]
    assert "7.21" in line
    told = json.loads(cardkeep("rate", "list", "--json").stdout)["rates"]
    assert [(each["rate"], each["in_force"]) for each in told] == [("7.30", False), ("7.21", True)]


def test_a_source_without_a_rate_is_shown_as_left_out(cardkeep: Cardkeep, server: Any) -> None:
    """In words, where staff look at how a SKU is bought."""
    source = {"supplier": "tenants/default/suppliers/east", "unit_cost": {"minor": 900, "currency": "USD"}}
    for why, says in (("NO_RATE", "left out: no rate of exchange"), ("RATE_TOO_OLD", "its rate is too old")):
        told = supply_pb2.Sourcing(sku="tenants/default/skus/G", sources=[supply_pb2.Source(left_out=why, **source)])
        server.will("ListSourcings", supply_pb2.ListSourcingsResponse(sourcings=[told]))
        shown = " ".join(cardkeep("sourcing", "list").stdout.split())
        assert says in shown


def test_a_batch_shows_what_was_paid_and_what_that_landed_at(cardkeep: Cardkeep, server: Any) -> None:
    """Once where both are the same."""
    abroad, here = types_pb2.Money(minor=900, currency="USD"), types_pb2.Money(minor=6_493, currency="CNY")
    name = "tenants/default/skus/G/batches"
    batches = [
        inventory_pb2.Batch(name=f"{name}/1", unit_cost=abroad, landed_unit_cost=here),
        inventory_pb2.Batch(name=f"{name}/2", unit_cost=here, landed_unit_cost=here),
        inventory_pb2.Batch(name=f"{name}/3"),
    ]
    server.will("ListBatches", inventory_pb2.ListBatchesResponse(batches=batches))
    shown = cardkeep("batches", "G").stdout
    assert [cost in shown for cost in ("9.00 USD, landed 64.93 CNY", "unknown")] == [True, True]
    assert shown.count("64.93 CNY") == 2
