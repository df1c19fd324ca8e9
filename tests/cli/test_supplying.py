"""Suppliers, sourcing and purchases on the command line: what files may say, what is asked, what is shown."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from cardkeep_client.v1 import supply_pb2, types_pb2
from google.protobuf.duration_pb2 import Duration
from typer.testing import Result

Cardkeep = Callable[..., Result]

_PROFILE = """
title = "East"
protocol = "http"
endpoint = "https://east.example/v2"
currency = "CNY"
idempotency = "REPLAY"
exposure_max = "500.00 CNY"
exposure_units_max = 1000
answer_within = "5s"
patience = "1h"
per_second = 10.0

[options]
order = "POST /orders"
"""


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    """A supplier's file."""
    file = tmp_path / "east.toml"
    file.write_text(_PROFILE)
    return file


def test_a_supplier_is_read_from_its_file(cardkeep: Cardkeep, server: Any, profile: Path, tmp_path: Path) -> None:
    """Money, spans and enums as people write them; secrets from a file of their own."""
    server.will("PutSupplier", supply_pb2.Supplier(name="tenants/default/suppliers/east"))
    (tmp_path / "secrets.json").write_text('{"key": "k", "secret": "s"}')
    ended = cardkeep("supplier", "put", "east", str(profile), "--credentials", str(tmp_path / "secrets.json"))
    assert ended.exit_code == 0, ended.output
    (request,) = server.requests("PutSupplier")
    assert request.supplier == supply_pb2.Supplier(
        name="tenants/default/suppliers/east",
        title="East",
        protocol="http",
        endpoint="https://east.example/v2",
        currency="CNY",
        idempotency=supply_pb2.IDEMPOTENCY_REPLAY,
        exposure_max=types_pb2.Money(minor=50_000, currency="CNY"),
        exposure_units_max=1_000,
        answer_within=Duration(seconds=5),
        patience=Duration(seconds=3_600),
        per_second=10.0,
        options={"order": "POST /orders"},
        credentials={"key": "k", "secret": "s"},
    )
    assert "s" not in json.loads(cardkeep_json(cardkeep, server, profile)).get("credentials", {})


def cardkeep_json(cardkeep: Cardkeep, server: Any, profile: Path) -> str:
    """The same as JSON."""
    server.will("PutSupplier", supply_pb2.Supplier(name="tenants/default/suppliers/east"))
    return cardkeep("supplier", "put", "east", str(profile), "--json").stdout


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('colour = "red"', "'colour' is no field of a supplier"),
        ('idempotency = "SOMETIMES"', "choose from REPLAY"),
        ('exposure_max = "many"', "no amount of money"),
        ('patience = "long"', "no span of time"),
        ("per_second = [1]", "per_second cannot be"),
        ("this is no TOML", "neither TOML nor JSON"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(cardkeep: Cardkeep, tmp_path: Path, line: str, says: str) -> None:
    """And nothing is asked."""
    file = tmp_path / "wrong.toml"
    file.write_text(line)
    ended = cardkeep("supplier", "put", "east", str(file))
    assert ended.exit_code == 2
    assert says in ended.stderr


def test_a_file_that_is_not_there_is_said_so(cardkeep: Cardkeep) -> None:
    """By name."""
    ended = cardkeep("sourcing", "put", "GAME", "nowhere.toml")
    assert ended.exit_code == 2
    assert "nowhere.toml cannot be read" in ended.stderr


def _listed(**fields: Any) -> supply_pb2.ListSuppliersResponse:
    state = supply_pb2.SupplierState(open_for_business=True, breaker_closed=True, attempts_open=3, tasks=2)
    usual = {"name": "tenants/default/suppliers/east", "protocol": "http", "currency": "CNY", "state": state}
    return supply_pb2.ListSuppliersResponse(suppliers=[supply_pb2.Supplier(**{**usual, **fields})])


def test_suppliers_are_listed_with_how_they_do(cardkeep: Cardkeep, server: Any) -> None:
    """Buying, paused, left alone, or without a desk."""
    for fields, says in (
        ({}, "buying"),
        ({"paused": True}, "paused"),
        ({"state": None}, "its desk does not answer yet"),
        ({"state": None}, "logs/desk-default-east.log"),
        ({"state": supply_pb2.SupplierState()}, "left alone by its breaker"),
        ({"state": supply_pb2.SupplierState(breaker_closed=True, profile_unheeded="why")}, "profile cannot be used"),
        ({"state": supply_pb2.SupplierState(profile_unheeded="why"), "paused": True}, "profile cannot be used"),
    ):
        server.will("ListSuppliers", _listed(**fields))
        assert says in cardkeep("supplier", "list").stdout


def test_a_supplier_is_shown_with_its_whole_profile(cardkeep: Cardkeep, server: Any) -> None:
    """As people read it; and why the last one that was entered is not the one that holds."""
    state = supply_pb2.SupplierState(breaker_closed=True, profile_unheeded="no option oder", exposure_minor=1_250)
    profile = {
        "idempotency": supply_pb2.IDEMPOTENCY_REJECT_BLIND,
        "patience": Duration(seconds=3_600),
        "per_second": 20.0,
        "priority": 3,
        "exposure_max": types_pb2.Money(minor=50_000, currency="CNY"),
        "fee_share_ppm": 5_000,
        "breaker_override": supply_pb2.BREAKER_OVERRIDE_HELD_OPEN,
        "options": {"order": "POST /orders"},
    }
    server.will("ListSuppliers", _listed(state=state, **profile))
    shown = " ".join(cardkeep("supplier", "show", "east").stdout.split())
    assert shown.startswith("cannot be used no option oder supplier east")
    for words in (
        *("at risk 0 units, 12.50 CNY", "at risk at most 0 units, 500.00 CNY"),
        *("REJECT_BLIND", "patience 1h", "per second 20", "priority 3"),
        *("weight 1", "0.00 CNY a unit and 0.5 % of the cost", "held_open", "option order POST /orders"),
    ):
        assert words in shown


def test_how_a_supplier_does_is_not_told_while_its_desk_is_silent(cardkeep: Cardkeep, server: Any) -> None:
    """Nothing at risk would be good news, and nobody knows."""
    server.will("ListSuppliers", _listed(state=None, exposure_units_max=1_000))
    shown = cardkeep("supplier", "show", "east").stdout
    assert "at risk at most  1,000 units" in shown
    assert "open attempts" not in shown
    assert "at risk  " not in shown


def test_where_nothing_is_to_be_listed_it_says_so(cardkeep: Cardkeep, server: Any) -> None:
    """A blank line might be anything."""
    server.will("ListSuppliers", supply_pb2.ListSuppliersResponse(), supply_pb2.ListSuppliersResponse())
    assert cardkeep("supplier", "list").stdout == "Nothing.\n"
    assert json.loads(cardkeep("supplier", "list", "--json").stdout) == {"suppliers": []}
    server.will("ListAttempts", supply_pb2.ListAttemptsResponse())
    assert cardkeep("attempts", "list", "east").stdout == "Nothing.\n"


def test_pausing_changes_nothing_else(cardkeep: Cardkeep, server: Any) -> None:
    """It is entered as it was, without credentials, which keeps those there are."""
    server.will("ListSuppliers", _listed(title="East"))
    server.will("PutSupplier", supply_pb2.Supplier(name="tenants/default/suppliers/east", paused=True))
    assert cardkeep("supplier", "pause", "east").exit_code == 0
    (request,) = server.requests("PutSupplier")
    assert (request.supplier.title, request.supplier.paused, request.supplier.HasField("state")) == (
        "East",
        True,
        False,
    )


def test_a_supplier_that_is_not_there_cannot_be_paused(cardkeep: Cardkeep, server: Any) -> None:
    """Nor shown."""
    server.will("ListSuppliers", supply_pb2.ListSuppliersResponse())
    ended = cardkeep("supplier", "pause", "east")
    assert ended.exit_code == 2
    assert "There is no supplier 'east'" in ended.stderr


def test_sourcing_names_suppliers_as_people_do(cardkeep: Cardkeep, server: Any, tmp_path: Path) -> None:
    """`east` is a supplier of the default tenant."""
    file = tmp_path / "game.toml"
    file.write_text(
        'low = 1\nhigh = 2\nper_purchase_max = 1\nunit_cost_max = "10.00 CNY"\n'
        'sources = [{supplier = "east", product = "G", unit_cost = "9.00 CNY"}]\n'
    )
    server.will("PutSourcing", lambda request, _context: request.sourcing)
    ended = cardkeep("sourcing", "put", "GAME", str(file))
    assert "east (9.00 CNY)" in ended.stdout
    (request,) = server.requests("PutSourcing")
    assert request.sourcing.sku == "tenants/default/skus/GAME"
    assert request.sourcing.sources[0].supplier == "tenants/default/suppliers/east"


def test_a_persons_word_carries_the_codes_and_shows_none(cardkeep: Cardkeep, server: Any, tmp_path: Path) -> None:
    """From a file, one a line."""
    (tmp_path / "codes.txt").write_text("AAAA\n\n BBBB \n")
    server.will(
        "SettleAttempt", supply_pb2.SettleAttemptResponse(standing=supply_pb2.ATTEMPT_STANDING_DELIVERED, codes_fresh=2)
    )
    server.will("ListAttempts", supply_pb2.ListAttemptsResponse())
    words = ["attempts", "settle", "east", "a-1", "--as", "delivered", "--who", "ann", "--cost", "18.00 CNY"]
    ended = cardkeep(*words, "--codes", str(tmp_path / "codes.txt"))
    assert ended.exit_code == 0, ended.output
    (request,) = server.requests("SettleAttempt")
    assert [told.code for told in request.codes] == ["AAAA", "BBBB"]
    assert request.cost == types_pb2.Money(minor=1_800, currency="CNY")
    assert "AAAA" not in ended.output
    assert "resolve" not in ended.output


def test_what_stays_to_be_looked_at_after_a_persons_word_is_said(cardkeep: Cardkeep, server: Any) -> None:
    """With the command that ends it, as it can be typed; a list that cannot be had makes nothing undone."""
    settled = supply_pb2.SettleAttemptResponse(standing=supply_pb2.ATTEMPT_STANDING_FAILED)
    words = ("attempts", "settle", "east", "a-1", "--as", "failed", "--who", "ann b")
    server.will("SettleAttempt", settled, settled)
    server.will(
        "ListAttempts",
        supply_pb2.ListAttemptsResponse(attempts=[supply_pb2.Attempt(id="a-0")], next_page_token="more"),
        supply_pb2.ListAttemptsResponse(attempts=[supply_pb2.Attempt(id="a-1")]),
    )
    assert "  cardkeep attempts resolve east a-1 --who 'ann b'\n" in cardkeep(*words).stderr
    server.will("ListAttempts", *[lambda _request, context: context.abort(grpc.StatusCode.INTERNAL, "no")] * 10)
    assert cardkeep(*words).exit_code == 0


@pytest.mark.parametrize(
    ("given", "says", "says_not"),
    [
        ((), "--cost MONEY", ""),
        ((), "--codes FILE", ""),
        (("--cost", "1.00 CNY"), "--units N", "--cost"),
        (("--units", "2"), "--cost MONEY", "--units"),
    ],
)
def test_what_a_delivery_needs_is_said_before_anybody_is_asked(
    cardkeep: Cardkeep, server: Any, given: tuple[str, ...], says: str, says_not: str
) -> None:
    """All of it at once."""
    ended = cardkeep("attempts", "settle", "east", "a-1", "--as", "delivered", "--who", "ann", *given)
    assert ended.exit_code == 2
    assert says in ended.stderr
    assert not says_not or says_not not in ended.stderr
    assert server.seen == []


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("--as", "begun"), "Choose from delivered, failed, reversed."),
        (("--as", "delivered", "--cost", "1.00 CNY", "--codes"), "no code in what --codes names"),
        (("--as", "failed", "--codes"), "no code in what --codes names"),
    ],
)
def test_a_word_that_says_nothing_is_not_sent(
    cardkeep: Cardkeep, server: Any, tmp_path: Path, given: tuple[str, ...], says: str
) -> None:
    """Such as one that only a ledger knows, or a file of codes without one."""
    file = tmp_path / "codes.txt"
    file.write_text("\n \n")
    words = ("attempts", "settle", "east", "a-1", "--who", "ann", *given)
    ended = cardkeep(*words, *([str(file)] if given[-1] == "--codes" else ()))
    assert ended.exit_code == 2
    assert says in ended.stderr
    assert server.seen == []


def test_a_task_that_nobody_has_is_a_no(cardkeep: Cardkeep, server: Any) -> None:
    """It may be named wrongly, so it says how to name it."""
    server.will("ResolveTask", supply_pb2.ResolveTaskResponse(), supply_pb2.ResolveTaskResponse(resolved=True))
    ended = cardkeep("attempts", "resolve", "east", "", "--order", "A-17", "--who", "ann")
    assert ended.exit_code == 3
    assert "cardkeep attempts list east" in ended.stderr
    assert cardkeep("attempts", "resolve", "east", "a-1", "--who", "ann").exit_code == 0


def test_differences_alone_are_listed_alone(cardkeep: Cardkeep, server: Any) -> None:
    """Whoever reads that there is nothing reads no further."""
    difference = supply_pb2.Difference(kind="UNKNOWN_CHARGE", order_number="A-17")
    server.will("ListAttempts", supply_pb2.ListAttemptsResponse(differences=[difference]))
    shown = cardkeep("attempts", "list", "east").stdout
    assert "A-17" in shown
    assert "Nothing." not in shown


def test_what_needs_a_person_is_listed_with_differences(cardkeep: Cardkeep, server: Any) -> None:
    """Both tables; and only those that need one unless asked otherwise."""
    page = supply_pb2.ListAttemptsResponse(
        attempts=[supply_pb2.Attempt(id="a-1", sku="tenants/default/skus/GAME", disputes=["TOO_DEAR"])],
        differences=[supply_pb2.Difference(kind="UNKNOWN_CHARGE", order_number="77")],
    )
    server.will("ListAttempts", page)
    shown = cardkeep("attempts", "list", "east").stdout
    assert "TOO_DEAR" in shown
    assert "UNKNOWN_CHARGE" in shown
    assert server.requests("ListAttempts")[0].filter == supply_pb2.ATTEMPT_FILTER_PERSON
    assert cardkeep("attempts", "list", "east", "--which", "some").exit_code == 2


def test_all_pages_of_a_list_are_shown_as_one(cardkeep: Cardkeep, server: Any) -> None:
    """However many purchases there were; a program gets them in one document."""
    pages = [
        supply_pb2.ListAttemptsResponse(attempts=[supply_pb2.Attempt(id="a-1")], next_page_token="more"),
        supply_pb2.ListAttemptsResponse(attempts=[supply_pb2.Attempt(id="a-2")]),
    ]
    server.will("ListAttempts", *pages, *pages)
    shown = cardkeep("attempts", "list", "east", "--which", "all").stdout
    assert shown.index("a-1") < shown.index("a-2")
    whole = json.loads(cardkeep("attempts", "list", "east", "--json").stdout)
    assert [each["id"] for each in whole["attempts"]] == ["a-1", "a-2"]
    assert whole["next_page_token"] == ""
    assert [request.page_token for request in server.requests("ListAttempts")] == ["", "more"] * 2


def test_a_profile_that_lacks_something_says_all_of_it(cardkeep: Cardkeep, server: Any, tmp_path: Path) -> None:
    """At once, and where a whole one is; nothing is sent."""
    file = tmp_path / "east.toml"
    file.write_text('protocol = "http"\nendpoint = "https://east.example"\ncurrency = "CNY"\nper_second = 5.0\n')
    ended = cardkeep("supplier", "put", "east", str(file))
    assert ended.exit_code == 2
    assert "has no idempotency, exposure_units_max, exposure_max, answer_within, patience" in " ".join(
        ended.stderr.split()
    )
    assert server.requests("PutSupplier") == []


def test_a_statement_may_be_a_file(cardkeep: Cardkeep, server: Any, tmp_path: Path) -> None:
    """Its rows are sent as they stand, and the supplier is not asked."""
    server.will("Reconcile", supply_pb2.ReconcileResponse(rows=1, matched=1))
    file = tmp_path / "east.csv"
    file.write_text("Time,Order_Number,Shop,Units,Cost,Currency\n2026-11-01 14:05,A-17,ours,10,90.00,CNY\n")
    ended = cardkeep("supplier", "reconcile", "east", "--from", "2026-11-01", "--to", "2026-11-02", "--file", str(file))
    assert ended.exit_code == 0, ended.stderr
    (request,) = server.requests("Reconcile")
    (row,) = request.rows
    assert request.with_rows
    assert (row.order_number, row.attempt, row.units) == ("A-17", "", 10)
    assert (row.cost.minor, row.cost.currency) == (9_000, "CNY")
    assert row.time.ToJsonString() == "2026-11-01T06:05:00Z"


def test_a_statement_that_agrees_says_so(cardkeep: Cardkeep, server: Any) -> None:
    """From the first moment of one day to the last of another, here."""
    server.will("Reconcile", supply_pb2.ReconcileResponse(rows=3, matched=3))
    ended = cardkeep("supplier", "reconcile", "east", "--from", "2026-11-01", "--to", "2026-11-02")
    assert "3 rows" in ended.stdout
    (request,) = server.requests("Reconcile")
    assert request.start_time.ToJsonString() == "2026-10-31T16:00:00Z"
    assert request.end_time.ToDatetime().date().isoformat() == "2026-11-02"


@pytest.mark.parametrize(
    ("reason", "do"),
    [
        ("STATEMENT_NOT_OFFERED", "Give the statement you have: --file FILE."),
        ("SUPPLIER_AWAY", "again in a moment, or give the statement you have: --file"),
    ],
)
def test_without_a_statement_a_file_will_do(
    cardkeep: Cardkeep, server: Any, refusal: Any, reason: str, do: str
) -> None:
    """Only of a supplier that has statements it is any use to ask again."""
    status = grpc.StatusCode
    code = status.UNAVAILABLE if reason == "SUPPLIER_AWAY" else status.FAILED_PRECONDITION
    server.will("Reconcile", *[refusal(code, reason, name="tenants/default/suppliers/west")] * 10)
    ended = cardkeep("supplier", "reconcile", "west", "--from", "2026-11-01", "--to", "2026-11-02")
    assert do in " ".join(ended.stderr.split())
    assert ("again in a moment" in ended.stderr) == (reason == "SUPPLIER_AWAY")
    assert "tenants/" not in ended.stderr
