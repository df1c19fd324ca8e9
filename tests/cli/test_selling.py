"""Commands of a sale: what they ask of the server, and what stands on the screen."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from cardkeep_client.v1 import allocation_pb2, inventory_pb2, types_pb2
from google.protobuf.timestamp_pb2 import Timestamp

Run = Callable[..., Any]

HOLD = "tenants/default/skus/NETFLIX-30/holds/17"
CARD = "tenants/default/skus/NETFLIX-30/cards/3-1"


def hold(**fields: Any) -> types_pb2.Hold:
    """A hold of two cards at 15 yuan."""
    usual: dict[str, Any] = {
        "name": HOLD,
        "state": types_pb2.HOLD_STATE_ACTIVE,
        "quantity": 2,
        "order_ref": "1042",
        "unit_price": types_pb2.Money(minor=1500, currency="CNY"),
        "expire_time": Timestamp(seconds=1_800_000_000),
        "cards": [types_pb2.Card(name=CARD, mask="****WXYZ")],
    }
    return types_pb2.Hold(**{**usual, **fields})


def sale(*codes: str) -> allocation_pb2.ConfirmResponse:
    """A confirmed hold with these codes."""
    card = types_pb2.Card(name=CARD, mask="****WXYZ")
    return allocation_pb2.ConfirmResponse(
        hold=hold(state=types_pb2.HOLD_STATE_CONFIRMED),
        outcome=allocation_pb2.CONFIRM_OUTCOME_POSTED,
        delivered=[types_pb2.DeliveredCard(card=card, code=code) for code in codes],
    )


def test_allocate_asks_for_what_was_typed_and_says_how_to_confirm(server: Any, cardkeep: Run, run_line: Run) -> None:
    """All options arrive, and the line it prints sells exactly this hold at its whole price."""
    server.will("Allocate", hold())
    server.will("Confirm", sale("CODE"))
    words = "allocate NETFLIX-30 -n 2 --order 1042 --hold-for 15m --user u1 --ip 10.0.0.1 --min-life 30d --partial"
    ended = cardkeep(*words.split(), "--price", "15.00 CNY")
    (asked,) = server.requests("Allocate")
    assert asked.parent == "tenants/default/skus/NETFLIX-30"
    assert (asked.quantity, asked.order_ref, asked.allow_partial) == (2, "1042", True)
    assert (asked.hold_for.seconds, asked.min_remaining_life.seconds) == (900, 30 * 86_400)
    assert (asked.principal.user, asked.principal.ip) == ("u1", "10.0.0.1")
    assert asked.expected_unit_price == types_pb2.Money(minor=1500, currency="CNY")
    assert "2027-01-15 16:00:00+08:00" in ended.stdout
    assert "15.00 CNY each, 30.00 CNY in all" in ended.stdout
    run_line(ended.stderr.splitlines()[-1].replace("REF", "pay-77"))
    (confirmed,) = server.requests("Confirm")
    assert (confirmed.name, confirmed.payment_ref) == (HOLD, "pay-77")
    assert confirmed.paid_amount == types_pb2.Money(minor=3000, currency="CNY")


def test_confirm_prints_each_code_whole_on_a_line_of_its_own(server: Any, cardkeep: Run) -> None:
    """Long, bracketed and Chinese codes come out as they went in: nothing is folded, and nothing is markup."""
    codes = ["x" * 512, "[red]AB[/red]:smile:", "账号----密码"]
    server.will("Confirm", sale(*codes))
    ended = cardkeep("confirm", "17", "--sku", "NETFLIX-30", "--payment", "p")
    assert ended.exit_code == 0
    assert [line for line in ended.stdout.splitlines() if line in codes] == codes
    assert not any(code in ended.stderr for code in codes)


def test_confirm_in_json_has_stable_names(server: Any, cardkeep: Run) -> None:
    """Programs rest on these."""
    server.will("Confirm", sale("CODE"))
    ended = cardkeep("confirm", HOLD, "--payment", "p", "--late", "reacquire", "--late-window", "2h", "--json")
    document = json.loads(ended.stdout)
    assert set(document) == {"hold", "outcome", "delivered"}
    assert document["delivered"][0]["code"] == "CODE"
    assert document["hold"]["unit_price"] == {"minor": 1500, "currency": "CNY", "text": "15.00 CNY"}
    assert document["hold"]["expire_time"] == "2027-01-15T08:00:00Z"
    assert document["hold"]["state"] == "CONFIRMED"
    (asked,) = server.requests("Confirm")
    assert asked.late_policy == allocation_pb2.LATE_POLICY_REACQUIRE
    assert asked.late_window.seconds == 7_200


@pytest.mark.parametrize("words", [("hold", "17", "--sku", "NETFLIX-30"), ("hold", HOLD)])
def test_a_hold_is_found_by_name_and_shown_with_masks(words: tuple[str, ...], server: Any, cardkeep: Run) -> None:
    """Staff see which card, never which code."""
    server.will("GetHold", hold())
    ended = cardkeep(*words)
    assert server.requests("GetHold")[0].name == HOLD
    assert "****WXYZ" in ended.stdout
    assert "owed" not in ended.stdout


def test_what_is_owed_names_each_payment_and_why(server: Any, cardkeep: Run) -> None:
    """Staff can pay the right one back without asking anybody."""
    owed = [
        types_pb2.RefundDue(
            payment_ref="p2", reason="HOLD_ALREADY_CONFIRMED", paid_amount=types_pb2.Money(minor=1500, currency="CNY")
        ),
        types_pb2.RefundDue(payment_ref="p3"),
    ]
    server.will("GetHold", hold(payment_ref="p1", refunds_due=owed))
    (line,) = [line for line in cardkeep("hold", HOLD).stdout.splitlines() if line.startswith("owed")]
    assert line.removeprefix("owed").strip() == "p2 15.00 CNY (second payment); p3"


def test_text_of_others_cannot_steer_the_terminal(server: Any, cardkeep: Run) -> None:
    """An order number may hold anything, an escape sequence too."""
    server.will("GetHold", hold(order_ref="\x1b[2J\x07[bold]1042"))
    ended = cardkeep("hold", HOLD)
    assert "\x1b" not in ended.stdout
    assert "?[2J?[bold]1042" in ended.stdout


def test_a_hold_is_found_by_its_order(server: Any, cardkeep: Run) -> None:
    """What one does when the answer to allocate was lost."""
    server.will("GetHold", hold())
    cardkeep("hold", "--sku", "NETFLIX-30", "--order", "1042")
    order = server.requests("GetHold")[0].order
    assert (order.parent, order.order_ref) == ("tenants/default/skus/NETFLIX-30", "1042")


def test_set_changes_what_was_typed_and_keeps_the_other_quotas(server: Any, cardkeep: Run) -> None:
    """An update takes all four quotas at once; those not typed must survive it."""
    before = inventory_pb2.Sku(name="tenants/default/skus/A", held_quotas=inventory_pb2.HeldQuotas(user=5, ip=9))
    server.will("GetSku", before)
    server.will("UpdateSku", before)
    cardkeep("sku", "set", "A", "--quota-user", "3", "--price", "20.00 CNY", "--paused", "--reset", "title")
    (asked,) = server.requests("UpdateSku")
    assert sorted(asked.update_mask.paths) == ["held_quotas", "paused", "title", "unit_price"]
    assert (asked.sku.held_quotas.user, asked.sku.held_quotas.ip) == (3, 9)
    assert asked.sku.unit_price.minor == 2000
    assert asked.sku.paused
    assert asked.sku.title == ""


def test_a_broken_law_is_exit_code_1_in_both_forms(server: Any, cardkeep: Run) -> None:
    """An audit that fails must fail the script it runs in."""
    broken = inventory_pb2.SkuAudit(sku="tenants/default/skus/A", ok=False, violations=["held is 3, holds say 2"])
    server.will("AuditSku", broken, broken)
    told = cardkeep("audit", "A")
    assert told.exit_code == 1
    assert "held is 3, holds say 2" in told.stderr
    plain = cardkeep("audit", "A", "--json")
    assert plain.exit_code == 1
    assert json.loads(plain.stdout)["violations"] == ["held is 3, holds say 2"]


def test_withdrawn_cards_that_stayed_are_listed(server: Any, cardkeep: Run) -> None:
    """A sold card cannot be voided, and staff must know which."""
    batch = inventory_pb2.Batch(name="tenants/default/skus/A/batches/3")
    server.will(
        "VoidCards", inventory_pb2.WithdrawResponse(batch=batch, moved=1, sold=["tenants/default/skus/A/cards/3-2"])
    )
    ended = cardkeep("void", "3-1", "3-2", "--sku", "A", "--reason", "misprint")
    (asked,) = server.requests("VoidCards")
    assert list(asked.names) == ["tenants/default/skus/A/cards/3-1", "tenants/default/skus/A/cards/3-2"]
    assert asked.reason == "misprint"
    assert "A/cards/3-2" in ended.stdout


def test_replace_takes_the_sku_of_the_hold(server: Any, cardkeep: Run) -> None:
    """`3-1` is a card of the hold's SKU; its fresh code is the buyer's."""
    fresh = types_pb2.DeliveredCard(card=types_pb2.Card(name=CARD), code="FRESH-CODE")
    server.will("ReplaceCard", inventory_pb2.ReplaceCardResponse(hold=hold(), bad=CARD, fresh=fresh))
    ended = cardkeep("replace", "NETFLIX-30/holds/17", "3-1", "--reason", "used before")
    (asked,) = server.requests("ReplaceCard")
    assert (asked.name, asked.card) == (HOLD, CARD)
    assert "FRESH-CODE" in ended.stdout.splitlines()
