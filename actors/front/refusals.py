"""The error map: every way a call can end other than well, as one table. The words stand in types.proto.

A `Refusal` is raised anywhere in a front end and becomes a status with exactly one ErrorInfo; what may be
retried also carries RetryInfo and the `grpc-retry-pushback-ms` trailer (gRFC A6).
"""

import secrets
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.code_pb2 import Code
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from actors.line import NotOwner
from engine.errors import (
    InDoubt,
    InvariantBroken,
    Overloaded,
    PoolClosed,
    ReportOfNothing,
    ReportTooLarge,
    StoreUnavailable,
    UnreadableCard,
)
from engine.names import BatchNo, HoldNo, PoolName, batch_name, card_name, hold_name, parse_card
from engine.stock import commands as ask
from engine.stock.commands import Command
from engine.stock.outcomes import Refused

DOMAIN = "cardkeep"

_ARGUMENT, _MISSING, _EXISTS = Code.INVALID_ARGUMENT, Code.NOT_FOUND, Code.ALREADY_EXISTS
_SPENT, _STATE, _AWAY = Code.RESOURCE_EXHAUSTED, Code.FAILED_PRECONDITION, Code.UNAVAILABLE


class Meaning(NamedTuple):
    """A reason's canonical code, what a person should read, and when to retry (0 = a retry cannot help)."""

    code: int
    text: str
    retry_after_ms: int = 0


MEANINGS: Mapping[str, Meaning] = {
    "INVALID_NAME": Meaning(_ARGUMENT, "The name does not read like tenants/*/skus/*…; see types.proto."),
    "INVALID_QUANTITY": Meaning(_ARGUMENT, "The quantity is out of bounds; ask for one between min and max."),
    "INVALID_DURATION": Meaning(_ARGUMENT, "The duration is out of bounds; ask for one between minMs and maxMs."),
    "INVALID_MONEY": Meaning(_ARGUMENT, "Money is 0 to 10^11 minor units of a currency of three capital letters."),
    "INVALID_FIELD": Meaning(_ARGUMENT, "A field cannot be read as it is; see its comment in the .proto."),
    "REQUEST_ID_REQUIRED": Meaning(
        _ARGUMENT, "Every write needs an id of its own: make a UUIDv7, keep it over retries."
    ),
    "ORDER_REF_REQUIRED": Meaning(_ARGUMENT, "Send your order number as order_ref."),
    "PAYMENT_REF_REQUIRED": Meaning(_ARGUMENT, "Send the payment's number as payment_ref."),
    "TOO_MANY_ITEMS": Meaning(_ARGUMENT, "Send 1 to max items; split longer lists."),
    "FIELD_TOO_LONG": Meaning(_ARGUMENT, "A field is longer than it may be; send at most max characters."),
    "BAD_PAGE_TOKEN": Meaning(_ARGUMENT, "The page token is not one of this request; begin without one."),
    "IDEMPOTENCY_KEY_REUSED": Meaning(_ARGUMENT, "This request_id was used with another body; make a new one."),
    "SKU_NOT_FOUND": Meaning(_MISSING, "There is no such SKU; create it first."),
    "HOLD_NOT_FOUND": Meaning(_MISSING, "There is no such hold; Allocate makes one."),
    "BATCH_NOT_FOUND": Meaning(_MISSING, "There is no such batch; ListBatches names them all."),
    "CARD_NOT_FOUND": Meaning(_MISSING, "There is no such card in this batch; check the name."),
    "SUGGESTION_NOT_FOUND": Meaning(
        _MISSING, "No such suggestion waits, or it has no price; ListSuggestions names them."
    ),
    "CLEARANCE_NOT_FOUND": Meaning(_MISSING, "There is no such plan, or its time is over; make another."),
    "SUPPLIER_NOT_FOUND": Meaning(_MISSING, "There is no such supplier; enter it first: ask PutSupplier."),
    "ATTEMPT_NOT_FOUND": Meaning(_MISSING, "There is no such purchase at this supplier; ListAttempts names them."),
    "MACHINE_NOT_FOUND": Meaning(
        _MISSING,
        "There is no such machine; ListMachines names them all. One that joined just now is known in a second or two.",
    ),
    "OWNER_NOT_FOUND": Meaning(_MISSING, "There is no such owner, or it is about to leave; ListOwners names them all."),
    "SKU_EXISTS": Meaning(_EXISTS, "The SKU exists already; use UpdateSku."),
    "ORDER_REF_EXISTS": Meaning(_EXISTS, "This order has a hold of this SKU on other terms; go on with that one."),
    "PAYMENT_REF_USED": Meaning(_EXISTS, "This payment already paid for another hold; send the one for this hold."),
    "OUT_OF_STOCK": Meaning(_SPENT, "There are not enough cards; retry only when stock has come in."),
    "OUT_OF_STOCK_LATE": Meaning(_SPENT, "Paid after the hold ended, and no card is left: refund the buyer."),
    "HELD_QUOTA_EXCEEDED": Meaning(_SPENT, "This buyer holds too many unpaid cards; confirm or release some."),
    "REPORT_TOO_LARGE": Meaning(
        _SPENT, "The report takes too much time or memory; ask for a shorter time, or one SKU."
    ),
    "HEAD_STAYS": Meaning(
        _STATE, "This machine keeps the store and cannot leave; give it few owners: ask ScaleMachine."
    ),
    "HOLD_EXPIRED": Meaning(_STATE, "The hold's time is over; allocate again, or confirm with REACQUIRE."),
    "HOLD_RELEASED": Meaning(_STATE, "The hold was given back; allocate again, or confirm with REACQUIRE."),
    "HOLD_ALREADY_CONFIRMED": Meaning(_STATE, "The hold is sold; refund a second payment for it."),
    "MAX_LIFETIME_REACHED": Meaning(_STATE, "The hold already lasts as long as its SKU allows; confirm or let it go."),
    "PRICE_CHANGED": Meaning(_STATE, "The price is not the expected one; show the buyer the new one."),
    "PRICE_BELOW_COST": Meaning(
        _STATE, "A card that would be taken cost more; make the price higher, or clear its batch."
    ),
    "PRICE_BELOW_FLOOR": Meaning(_STATE, "The price is below its floor; make it higher, or change the rule."),
    "COST_UNKNOWN": Meaning(
        _STATE, "What a card cost is not known in this currency; give landed_unit_cost, or a rule."
    ),
    "PRICE_CURRENCY_MISMATCH": Meaning(_STATE, "A channel's price and its rule are in one currency; use that one."),
    "NOTHING_TO_CLEAR": Meaning(
        _STATE, "No card of it on sale will ever end, or the floor is not below the price; see field."
    ),
    "AMOUNT_MISMATCH": Meaning(_STATE, "The amount paid is not unit price times quantity; do not deliver."),
    "RATE_JUMPS": Meaning(
        _STATE, "The rate is more than 20 % from the one before; check it, and if it is right send accept_jump."
    ),
    "STATEMENT_NOT_OFFERED": Meaning(
        _STATE, "This supplier's protocol has no statement; send the rows of one, and with_rows."
    ),
    "SKU_PAUSED": Meaning(_STATE, "Staff paused the sale of this SKU; try again when it goes on."),
    "BATCH_RECALLED": Meaning(_STATE, "The held cards were withdrawn and no other is left: refund the buyer."),
    "COST_CURRENCY_MISMATCH": Meaning(_STATE, "A SKU has one cost currency; give the cost, or landed cost, in it."),
    "IMPORT_OUT_OF_STEP": Meaning(_STATE, "Chunks come one by one; go on with nextChunk."),
    "IMPORT_CLOSED": Meaning(_STATE, "This import is complete; send a new file under a new import_id."),
    "CARD_NOT_SOLD": Meaning(_STATE, "Only a card that this hold was sold can be replaced; GetHold names them."),
    "CARD_ALREADY_REPLACED": Meaning(_STATE, "The buyer has a fresh card for this one already; GetHold names it."),
    "OVERLOADED": Meaning(_AWAY, "Too much is waiting; retry after the given delay.", 100),
    "ACTOR_RECOVERING": Meaning(_AWAY, "The SKU's owner is starting; retry after the given delay.", 250),
    "SUPPLIER_AWAY": Meaning(
        _AWAY, "The supplier gave no usable answer; retry later, or send its statement as rows.", 5_000
    ),
    "STORE_UNAVAILABLE": Meaning(_AWAY, "Nothing can be made durable right now; retry.", 500),
    "DRAINING": Meaning(_AWAY, "This front end is stopping; retry, another will answer.", 50),
    "OUTCOME_UNKNOWN": Meaning(_AWAY, "It may have happened; retry with the same request_id, or ask GetHold.", 250),
    "DEADLINE_PASSED": Meaning(
        Code.DEADLINE_EXCEEDED, "The deadline passed while waiting, and nothing was taken; retry with more time."
    ),
    "CARD_UNREADABLE": Meaning(
        Code.DATA_LOSS, "The sale stands, but a code does not open: tell the operator; ReplaceCard."
    ),
    "POOL_STOPPED": Meaning(Code.DATA_LOSS, "The SKU broke one of its own laws and stopped: tell the operator."),
    "INTERNAL": Meaning(Code.INTERNAL, "Our mistake; quote correlationId to the operator."),
}


#: The pool's words for what a caller sent, and the caller's own.
_FIELDS: Mapping[str, str] = {
    "hold": "name",
    "batch": "name",
    "cards": "names",
    "action": "method",
    "hold_for_ms": "hold_for",
    "life_ms_min": "min_remaining_life",
    "price": "expected_unit_price",
    "partial": "allow_partial",
    "paid": "paid_amount",
    "late": "late_policy",
    "late_window_ms": "late_window",
    "terms": "sku",
    "fields": "update_mask",
    "creates": "method",
}


_MAY_REACQUIRE = "The payment came after the hold ended; confirm it again with REACQUIRE, or refund it."
_TOO_LATE = "The payment came after the hold ended, and too late for REACQUIRE: refund it."
_AT_A_LOSS = "The payment came after the hold ended, and fresh cards may not be sold at its price: refund it."
_PAUSED = "The payment came after the hold ended, and staff paused the sale: refund it."

#: What a payment that bought nothing is told instead, by the late policy it came with.
_OWED: Mapping[tuple[str, str], str] = {
    ("HOLD_EXPIRED", ask.STRICT): _MAY_REACQUIRE,
    ("HOLD_RELEASED", ask.STRICT): _MAY_REACQUIRE,
    ("HOLD_EXPIRED", ask.REACQUIRE): _TOO_LATE,
    ("HOLD_RELEASED", ask.REACQUIRE): _TOO_LATE,
    ("SKU_PAUSED", ask.STRICT): _PAUSED,
    ("SKU_PAUSED", ask.REACQUIRE): _PAUSED,
    ("PRICE_BELOW_COST", ask.REACQUIRE): _AT_A_LOSS,
    ("PRICE_BELOW_FLOOR", ask.REACQUIRE): _AT_A_LOSS,
    ("COST_UNKNOWN", ask.REACQUIRE): _AT_A_LOSS,
}


class Refusal(Exception):
    """A call or an item ends with this reason. `facts` are for the caller; values become text."""

    def __init__(self, reason: str, facts: Mapping[str, object] | None = None, text: str = "") -> None:
        super().__init__(reason, facts, text)
        self.reason = reason
        self.meaning = MEANINGS[reason]
        self.facts = {name: str(fact) for name, fact in (facts or {}).items()}
        self.text = text or self.meaning.text

    @property
    def code(self) -> int:
        """The canonical status code, as a number."""
        return self.meaning.code


class _AbortStatus(grpc.Status):
    """What `abort_with_status` wants."""

    def __init__(self, code: grpc.StatusCode, details: str, trailers: tuple[tuple[str, str | bytes], ...]) -> None:
        self.code = code
        self.details = details
        self.trailing_metadata = trailers


_GRPC_CODES = {code.value[0]: code for code in grpc.StatusCode}


#: Statuses kept, about 1 KB each: a sale that is sold out refuses ten thousand buyers in the same words.
_statuses_kept_max = 1_024


def status_of(refusal: Refusal) -> grpc.Status:
    """The status a refusal becomes on the wire."""
    return _status(refusal.reason, refusal.text, tuple(refusal.facts.items()))


@lru_cache(_statuses_kept_max)
def _status(reason: str, text: str, facts: tuple[tuple[str, str], ...]) -> grpc.Status:
    meaning = MEANINGS[reason]
    status = Status(code=meaning.code, message=text)
    _add(status, ErrorInfo(reason=reason, domain=DOMAIN, metadata=dict(facts)))
    trailers: tuple[tuple[str, str | bytes], ...] = ()
    if meaning.retry_after_ms:
        delay = Duration()
        delay.FromMilliseconds(meaning.retry_after_ms)
        _add(status, RetryInfo(retry_delay=delay))
        trailers = (("grpc-retry-pushback-ms", str(meaning.retry_after_ms)),)
    trailers = (*trailers, ("grpc-status-details-bin", status.SerializeToString()))
    return _AbortStatus(_GRPC_CODES[meaning.code], text, trailers)


def refusal_of(pool: PoolName, command: Command, refused: Refused) -> Refusal:
    """A pool's definite no to a command, in the words of the error map."""
    facts: dict[str, object] = {}
    for name, fact in refused.facts:
        match name:
            case "hold":
                facts["hold"] = hold_name(pool, HoldNo(int(fact)))
            case "card":
                facts["name"] = f"{pool}/cards/{fact}"
            case "field":
                facts["field"] = _FIELDS.get(fact, fact)
            case "batch":
                facts["batch"] = batch_name(pool, BatchNo(int(fact)))
            case "principal":
                facts["principal"] = "payment_instrument" if fact == "instrument" else fact
            case "endedAtMs" if fact == "0":
                pass
            case _:
                facts[name] = fact
    text = _OWED.get((refused.reason, command.late), "") if isinstance(command, ask.Confirm) else ""
    return Refusal(refused.reason, facts | _named(pool, command, refused.reason), text)


def _named(pool: PoolName, command: Command, reason: str) -> dict[str, object]:
    """What was asked for and is not there, or not as it would have to be."""
    match reason, command:
        case "HOLD_NOT_FOUND", ask.GetHold(hold=0):
            return {"orderRef": command.order_ref}
        case "HOLD_NOT_FOUND", ask.Confirm() | ask.Release() | ask.Extend() | ask.Replace() | ask.GetHold():
            return {"name": hold_name(pool, command.hold)}
        case "BATCH_NOT_FOUND", ask.Withdraw() | ask.ListSold() | ask.ProposeClearance():
            return {"name": batch_name(pool, command.batch)}
        case (("CARD_NOT_SOLD" | "CARD_ALREADY_REPLACED"), ask.Replace()):
            return {"name": card_name(pool, command.card)}
        case "HOLD_ALREADY_CONFIRMED", ask.Release():
            return {"state": "CONFIRMED"}
        case "SKU_EXISTS", _:
            return {"name": pool}
    return {}


def refusal_for(failure: Exception, request_id: str) -> Refusal:
    """What a failed attempt means to the caller. Anything unforeseen is INTERNAL with a number to quote."""
    match failure:
        case Refusal():
            return failure
        case Overloaded():
            return Refusal("OVERLOADED")
        case StoreUnavailable():
            return Refusal("STORE_UNAVAILABLE")
        case PoolClosed() | NotOwner():
            return Refusal("ACTOR_RECOVERING")
        case ReportTooLarge():
            return Refusal("REPORT_TOO_LARGE")
        case ReportOfNothing():
            return Refusal("SKU_NOT_FOUND", {"name": str(failure)})
        case InDoubt():
            return Refusal("OUTCOME_UNKNOWN", {"requestId": request_id})
        case InvariantBroken():
            return Refusal("POOL_STOPPED")
        case UnreadableCard() if parse_card(name := _first_word(failure)):
            return Refusal("CARD_UNREADABLE", {"name": name})
    return Refusal("INTERNAL", {"correlationId": secrets.token_hex(8)})


def _first_word(failure: Exception) -> str:
    """The name an UnreadableCard begins with."""
    return str(failure).partition(" ")[0].rstrip(":")


def _add(status: Status, detail: ErrorInfo | RetryInfo) -> None:
    packed = AnyMessage()
    packed.Pack(detail)
    status.details.append(packed)
