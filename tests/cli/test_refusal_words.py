"""What a no says at a command line: no word of the API, names that are known, times and money as people write them."""

from collections.abc import Callable
from typing import Any

import grpc
import pytest
from cardkeep_client.v1 import inventory_pb2

Run = Callable[..., Any]

STATE = grpc.StatusCode.FAILED_PRECONDITION
HOLD = "tenants/default/skus/A/holds/1"

#: 2026-11-22 08:00:00 UTC, which is 16:00 in Shanghai.
ENDED = {"endedAtMs": "1795334400000", "state": "EXPIRED"}


@pytest.mark.parametrize("reason", ["HOLD_EXPIRED", "HOLD_RELEASED"])
def test_an_order_whose_hold_has_ended_needs_a_new_number(
    reason: str, server: Any, cardkeep: Run, refusal: Any
) -> None:
    """The same --order gets the same answer for ever."""
    server.will("Allocate", refusal(STATE, reason, hold=HOLD, **ENDED))
    ended = cardkeep("allocate", "A", "--order", "7")
    what, do = ended.stderr.splitlines()
    assert "ended 2026-11-22 16:00:00+08:00" in what
    assert "with a new --order" in do
    assert "REACQUIRE" not in ended.stderr


def test_a_late_payment_may_take_fresh_cards_or_is_to_be_refunded(server: Any, cardkeep: Run, refusal: Any) -> None:
    """A buyer who has paid must not be told to order again; nor one who was too late for --late to try it again."""
    server.will("Confirm", *[refusal(STATE, "HOLD_EXPIRED", refundDue="true", **ENDED)] * 2)
    words = ("confirm", "A/holds/1", "--payment", "p", "--paid", "15.00 CNY")
    first = cardkeep(*words).stderr.splitlines()[-1]
    assert "--late reacquire" in first
    assert "new --order" not in first
    second = cardkeep(*words, "--late", "reacquire").stderr.splitlines()[-1]
    assert "refund" in second
    assert "--late" not in second


@pytest.mark.parametrize("words", [("release", "A/holds/1"), ("extend", "A/holds/1", "--hold-for", "5m")])
def test_only_who_brings_a_payment_hears_of_a_refund(
    words: tuple[str, ...], server: Any, cardkeep: Run, refusal: Any
) -> None:
    """Whoever releases or extends a sold hold paid nothing with that."""
    no = refusal(STATE, "HOLD_ALREADY_CONFIRMED", state="CONFIRMED")
    server.will("Release", no)
    server.will("Extend", no)
    server.will("Confirm", no)
    said = cardkeep(*words).stderr
    assert "refund" not in said
    assert "cardkeep hold A/holds/1`" in said
    assert "If p2 is a second payment, refund it" in cardkeep("confirm", "A/holds/1", "--payment", "p2").stderr


def test_a_span_out_of_bounds_names_the_option_and_the_bounds_as_spans(
    server: Any, cardkeep: Run, refusal: Any
) -> None:
    """86400000 is no word of people."""
    no = refusal(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_DURATION", field="hold_for", minMs="1000", maxMs="86400000")
    server.will("Allocate", no)
    what = cardkeep("allocate", "A", "--hold-for", "99d").stderr.splitlines()[0]
    assert "field --hold-for, max 1d, min 1s" in what


def test_a_field_that_is_wrong_is_told_in_the_servers_words(server: Any, cardkeep: Run, refusal: Any) -> None:
    """They name the value and what it may be; only the general sentence of the API is one for programmers."""
    no = refusal(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", field="hold_for")
    server.will("Allocate", no)
    assert "it is INVALID_FIELD" in cardkeep("allocate", "A").stderr.splitlines()[0]


def test_a_confirm_without_paid_asks_for_it(server: Any, cardkeep: Run, refusal: Any) -> None:
    """To be told of a zero would be to be told of something that was not typed."""
    no = refusal(STATE, "AMOUNT_MISMATCH", expected="1500", paid="0", currency="CNY")
    server.will("Confirm", no, no)
    said = cardkeep("confirm", "A/holds/1", "--payment", "p").stderr
    assert '--paid "15.00 CNY"' in said
    assert "paid 0" not in said
    assert "Do not deliver" in cardkeep("confirm", "A/holds/1", "--payment", "p", "--paid", "0.00 CNY").stderr


def test_what_a_command_named_stands_in_the_next_command(server: Any, cardkeep: Run, refusal: Any) -> None:
    """No SKU, HOLD or BATCH to fill in where the name is known."""
    missing, exists = grpc.StatusCode.NOT_FOUND, grpc.StatusCode.ALREADY_EXISTS
    server.will("CreateSku", refusal(exists, "SKU_EXISTS", name="tenants/default/skus/A"))
    server.will("RecallBatch", refusal(missing, "BATCH_NOT_FOUND", name="tenants/default/skus/A/batches/9"))
    server.will("Allocate", refusal(STATE, "SKU_PAUSED"))
    assert "`cardkeep sku set A`" in cardkeep("sku", "create", "A").stderr
    said = cardkeep("recall", "A/batches/9", "--reason", "r").stderr
    assert "`cardkeep batches A`" in said
    assert "ListBatches" not in said
    assert "`cardkeep sku set A --on-sale`" in cardkeep("allocate", "A").stderr


def test_a_withdrawal_that_moved_nothing_says_why(server: Any, cardkeep: Run) -> None:
    """A void card cannot be restored, and a script reads exit code 0."""
    batch = inventory_pb2.Batch(name="tenants/default/skus/A/batches/3")
    server.will("RestoreCards", inventory_pb2.WithdrawResponse(batch=batch))
    said = cardkeep("restore", "A/cards/3-1", "--reason", "r").stdout
    assert "void, which is for ever" in said
    assert "`cardkeep batches A`" in said


def test_one_quota_is_set_back_and_the_others_stay(server: Any, cardkeep: Run) -> None:
    """What --quota-user set, --reset quota-user takes away."""
    before = inventory_pb2.Sku(name="tenants/default/skus/A", held_quotas=inventory_pb2.HeldQuotas(user=5, ip=9))
    server.will("GetSku", before)
    server.will("UpdateSku", before)
    cardkeep("sku", "set", "A", "--reset", "quota-user")
    (asked,) = server.requests("UpdateSku")
    assert (asked.sku.held_quotas.user, asked.sku.held_quotas.ip) == (0, 9)
