"""Every reason of the error map is provoked and says what its line in types.proto promises."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from actors.front.refusals import MEANINGS
from protos.cardkeep.v1 import allocation_pb2, inventory_pb2, types_pb2
from tests.api import breakdowns_provoked, refusals_provoked
from tests.api.failures import Failure, failure
from tests.api.small_house import (
    SmallHouse,
    lasting,
    money,
    new_id,
    wish,
)

_PROTO = Path(__file__).parents[2] / "protos/cardkeep/v1/types.proto"


class Promise(NamedTuple):
    """One line of the error map."""

    reason: str
    code: str
    happened: str
    facts: frozenset[str]


def promises() -> list[Promise]:
    """The error map as it stands in types.proto."""
    lines = re.findall(r"^// ([A-Z_]{3,}) +\| ([A-Z_]+) +\| (\w+) +\| (.*)$", _PROTO.read_text(), re.MULTILINE)
    return [Promise(reason, code, happened, _facts(text)) for reason, code, happened, text in lines]


def _facts(text: str) -> frozenset[str]:
    """What is in the metadata in every case: names in backquotes, but not those of one case among several."""
    always = re.sub(r"at Confirm `\w+`|\(`\w+`\)|`\w+` or `\w+`", "", text)
    return frozenset(re.findall(r"`(\w+)`", always))


def provocation(reason: str) -> Callable[[SmallHouse], Awaitable[Failure]]:
    """How the reason comes about; a new line of the map needs one."""
    for module in (refusals_provoked, breakdowns_provoked):
        if hasattr(module, reason.lower()):
            provoke: Callable[[SmallHouse], Awaitable[Failure]] = getattr(module, reason.lower())
            return provoke
    raise AssertionError(f"nobody provokes {reason}")


def test_the_server_knows_the_reasons_of_the_map_and_no_others() -> None:
    """A reason that is not promised cannot be sent, one that is promised can."""
    assert {promise.reason for promise in promises()} == MEANINGS.keys()


@pytest.mark.parametrize("promise", promises(), ids=lambda promise: promise.reason)
async def test_a_reason_says_what_the_error_map_promises(promise: Promise, own_house: SmallHouse) -> None:
    """Code, facts, retry and next step as in its line; `failure` checks what holds for all errors."""
    refused = await provocation(promise.reason)(own_house)
    assert (refused.reason, refused.code.name) == (promise.reason, promise.code)
    assert promise.facts <= refused.facts.keys()
    assert all(refused.facts[fact] for fact in promise.facts)
    assert bool(refused.retry_ms) == (promise.code == "UNAVAILABLE")
    assert _NEXT_STEP.search(refused.message), refused.message


#: Verbs that tell a caller what to do, or (INVALID_MONEY) what is right.
_NEXT_STEP = re.compile(
    r"\b(ask|send|make|see|begin|create|use|go on|retry|refund|confirm|allocate|show|deliver|give|try again|"
    r"tell|quote|split|check|names|Allocate makes|is 0 to|out of bounds)\b",
    re.IGNORECASE,
)


async def test_a_reused_id_names_the_field_as_the_caller_knows_it(house: SmallHouse) -> None:
    """Every field of an Allocate, one after the other, differs from what was asked first."""
    sku = await house.sku(9)
    request = wish(sku)
    await house.allocation.Allocate(request)
    others = {
        "order_ref": "another",
        "quantity": 2,
        "hold_for": lasting(5),
        "principal": types_pb2.Principal(user="ann"),
        "min_remaining_life": lasting(5),
        "expected_unit_price": money(5),
        "allow_partial": True,
        "channel": "taobao",
    }
    for field, value in others.items():
        other = allocation_pb2.AllocateRequest(
            **{
                **{known.name: known_value for known, known_value in request.ListFields()},
                field: value,
            }
        )
        refused = await failure(house.allocation.Allocate(other))
        assert (refused.reason, refused.facts) == ("IDEMPOTENCY_KEY_REUSED", {"field": field})


async def test_an_id_of_another_method_is_refused(house: SmallHouse) -> None:
    """One id is one wish, whatever was wished; quarantine and void are two wishes."""
    sku = await house.sku(2)
    hold = await house.allocate(sku, request_id="one-id")
    request = allocation_pb2.ReleaseRequest(name=hold.name, request_id="one-id")
    assert (await failure(house.allocation.Release(request))).facts == {"field": "method"}
    name = f"{sku}/batches/1"
    off = inventory_pb2.QuarantineBatchRequest(name=name, request_id="another-id")
    await house.inventory.QuarantineBatch(off)
    void = inventory_pb2.VoidBatchRequest(name=name, request_id="another-id")
    assert (await failure(house.inventory.VoidBatch(void))).facts == {"field": "method"}


@pytest.mark.parametrize(
    ("fields", "reason", "facts"),
    [
        ({"parent": "tenants/default"}, "INVALID_NAME", {"field": "parent", "value": "tenants/default"}),
        ({"quantity": 0}, "INVALID_QUANTITY", {"quantity": "0", "min": "1", "max": "1000"}),
        ({"quantity": -1}, "INVALID_QUANTITY", {"quantity": "-1", "min": "1", "max": "1000"}),
        ({"quantity": 101}, "INVALID_QUANTITY", {"quantity": "101", "min": "1", "max": "100"}),
        ({"hold_for": lasting(0)}, "INVALID_DURATION", {"field": "hold_for", "minMs": "1000", "maxMs": "7200000"}),
        ({"hold_for": lasting(7201)}, "INVALID_DURATION", {"field": "hold_for", "minMs": "1000", "maxMs": "7200000"}),
        (
            {"min_remaining_life": lasting(-1)},
            "INVALID_DURATION",
            {"field": "min_remaining_life", "minMs": "0", "maxMs": "3153600000000"},
        ),
        ({"expected_unit_price": money(-1)}, "INVALID_MONEY", {"field": "expected_unit_price"}),
        ({"principal": types_pb2.Principal(ip="x" * 129)}, "FIELD_TOO_LONG", {"field": "principal.ip", "max": "128"}),
        ({"request_id": "x" * 129}, "FIELD_TOO_LONG", {"field": "request_id", "max": "128"}),
        ({"request_id": ""}, "REQUEST_ID_REQUIRED", {"field": "request_id"}),
    ],
)
async def test_a_bad_field_is_named(
    house: SmallHouse, fields: dict[str, Any], reason: str, facts: dict[str, str]
) -> None:
    """Which field, what it was, what it may be; and nothing was taken."""
    sku = await house.sku(1)
    usual = {"parent": sku, "quantity": 1, "order_ref": new_id(), "request_id": new_id()}
    refused = await failure(house.allocation.Allocate(allocation_pb2.AllocateRequest(**{**usual, **fields})))
    assert (refused.reason, refused.facts) == (reason, facts)
    assert (await house.cards(sku)).held == 0
