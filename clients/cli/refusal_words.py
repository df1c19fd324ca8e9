"""What a server's no means to somebody at a command line: what happened, and the command that goes on from there.

The server's own texts speak to programmers of the API; here stand those that differ. Knows every reason of the
error map that staff can do something about.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from clients.cli.amounts import money_words

if TYPE_CHECKING:
    from cardkeep_client import CardkeepError

#: What happened, where the server says it in words of the API.
_WHAT: Mapping[str, str] = {
    "INVALID_NAME": "The name cannot be read.",
    "INVALID_DURATION": "The span of time is out of bounds.",
    "INVALID_MONEY": "The amount is out of bounds.",
    "INVALID_FIELD": "A value cannot be taken as it is.",
    "ORDER_REF_REQUIRED": "The order number is missing.",
    "PAYMENT_REF_REQUIRED": "The payment's number is missing.",
    "IDEMPOTENCY_KEY_REUSED": "This request id was used for something else.",
    "SKU_NOT_FOUND": "There is no such SKU.",
    "HOLD_NOT_FOUND": "There is no such hold.",
    "BATCH_NOT_FOUND": "There is no such batch.",
    "SUPPLIER_NOT_FOUND": "There is no such supplier.",
    "ATTEMPT_NOT_FOUND": "There is no such purchase at this supplier.",
    "SUPPLIER_AWAY": "The supplier gave no usable answer.",
    "STATEMENT_NOT_OFFERED": "This supplier's protocol has no statement to ask for.",
    "MACHINE_NOT_FOUND": "There is no such machine.",
    "OWNER_NOT_FOUND": "There is no such owner.",
    "HEAD_STAYS": "This machine keeps the store, and cannot leave.",
    "SKU_EXISTS": "The SKU exists already.",
    "HOLD_EXPIRED": "The hold's time is over.",
    "HOLD_RELEASED": "The hold was given back.",
    "HOLD_ALREADY_CONFIRMED": "The hold is sold.",
    "CARD_NOT_SOLD": "This hold was not sold that card.",
    "CARD_ALREADY_REPLACED": "The buyer has a fresh card for this one already.",
    "SUGGESTION_NOT_FOUND": "No such suggestion waits, or it has no price.",
    "CLEARANCE_NOT_FOUND": "There is no such clearance, or its time is over.",
    "COST_UNKNOWN": "Nobody knows what a card cost in the currency of its price.",
    "PRICE_BELOW_COST": "It would be sold at a loss.",
    "RATE_JUMPS": "The rate is more than 20 % from the one before it: perhaps a slip.",
    "NOTHING_TO_CLEAR": "No card of it on sale will ever end, or the floor is not below its price.",
    "IMPORT_OUT_OF_STEP": "Somebody else imports the same file just now.",
    "IMPORT_CLOSED": "This import is complete.",
    "CARD_UNREADABLE": "The sale stands, but a code does not open.",
    "STORE_UNAVAILABLE": "The store is away, so nothing can be kept right now.",
}

#: What to do about it. `{sku}` and its like are what the command named, or a fact that came with the no.
_NEXT_STEPS: Mapping[str, str] = {
    "SKU_NOT_FOUND": "See `cardkeep sku list`, or put it on sale with `cardkeep sku create {sku}`.",
    "SKU_EXISTS": "Change it with `cardkeep sku set {sku}`.",
    "HOLD_NOT_FOUND": "Check the number, or look by order: `cardkeep hold --sku {sku} --order {order}`.",
    "BATCH_NOT_FOUND": "See `cardkeep batches {sku}`.",
    "CARD_NOT_FOUND": "See the cards of a sale with `cardkeep hold HOLD`.",
    "ORDER_REF_EXISTS": "Go on with the hold it has: `cardkeep hold {hold}`.",
    "PAYMENT_REF_USED": "That payment paid for {hold}; ask for another payment.",
    "OUT_OF_STOCK": "Bring in cards: `cardkeep import FILE --sku {sku}`; or wait for holds to end: `cardkeep status`.",
    "OUT_OF_STOCK_LATE": "Refund the buyer.",
    "REPORT_TOO_LARGE": "Ask for a shorter time with --from and --to, or for one SKU with --sku.",
    "HELD_QUOTA_EXCEEDED": "Confirm or release what this buyer holds first.",
    "HOLD_EXPIRED": "Allocate again with a new --order: this one's answer stays as it is.",
    "HOLD_RELEASED": "Allocate again with a new --order: this one's answer stays as it is.",
    "HOLD_ALREADY_CONFIRMED": "See `cardkeep hold {hold}`. `cardkeep replace {hold} CARD` replaces a bad card.",
    "SKU_PAUSED": "Put it back on sale with `cardkeep sku set {sku} --on-sale`.",
    "BATCH_RECALLED": "Refund the buyer; or bring the batch back: `cardkeep batches {sku}`, `cardkeep restore BATCH`.",
    "PRICE_CHANGED": "Show the buyer the new price, and allocate with that one.",
    "AMOUNT_MISMATCH": "Do not deliver. Ask the payment channel what was paid, or refund it.",
    "MAX_LIFETIME_REACHED": "Confirm it, or release it and allocate again with a new --order.",
    "CARD_NOT_SOLD": "See its cards with `cardkeep hold {hold}`. `cardkeep void {card}` withdraws one in stock.",
    "CARD_ALREADY_REPLACED": "See `cardkeep hold {hold}`.",
    "PRICE_BELOW_COST": "See `cardkeep price suggestions {sku}`, or set a price: `cardkeep price set {sku} MONEY`.",
    "PRICE_BELOW_FLOOR": "See `cardkeep price show {sku}`; change the price or its rule.",
    "COST_UNKNOWN": "Import with --landed-cost; or let a rule sell it: `cardkeep price rule {sku} --ceiling MONEY`.",
    "PRICE_CURRENCY_MISMATCH": "Say it in {expected}; or take the rule away: `cardkeep price rule {sku} --remove`.",
    "SUGGESTION_NOT_FOUND": "See what waits: `cardkeep price suggestions {sku}`.",
    "CLEARANCE_NOT_FOUND": "See `cardkeep price show {sku}`, or propose another: `cardkeep clearance propose BATCH`.",
    "NOTHING_TO_CLEAR": "See `cardkeep batches {sku}` for what ends, and `cardkeep price show {sku}` for its price.",
    "RATE_JUMPS": "Check it. If it is right, say so with --accept-jump.",
    "COST_CURRENCY_MISMATCH": "Say the cost in {expected}, with fees and exchange: --landed-cost MONEY.",
    "IMPORT_OUT_OF_STEP": "Wait until the other run has ended, and run the command again.",
    "IMPORT_CLOSED": "To bring other cards, choose another --import-id.",
    "IDEMPOTENCY_KEY_REUSED": "Leave --request-id out: this is a new wish.",
    "CARD_UNREADABLE": "Tell the operator, and give the buyer a fresh card: `cardkeep replace {hold} {card}`.",
    "POOL_STOPPED": "Tell the operator; other SKUs go on. `cardkeep status` says why it stopped.",
    "SUPPLIER_AWAY": "Run the command again in a moment, or give the statement you have: --file FILE.",
    "STATEMENT_NOT_OFFERED": "Give the statement you have: --file FILE.",
    "MACHINE_NOT_FOUND": "`cardkeep machines` names them all; one that has just joined is known in a second or two.",
    "DEADLINE_PASSED": "Run the command again, with a longer --timeout.",
}

#: What to do when a payment came with the question.
_PAID_STEPS: Mapping[str, str] = {
    "HOLD_EXPIRED": "Run it again with --late reacquire to take fresh cards for the same payment; or refund it.",
    "HOLD_RELEASED": "Run it again with --late reacquire to take fresh cards for the same payment; or refund it.",
    "HOLD_ALREADY_CONFIRMED": "See `cardkeep hold {hold}`. If {payment} is a second payment, refund it.",
    "SKU_PAUSED": "The payment came after the hold's end, and the sale is paused: refund it.",
    "PRICE_BELOW_COST": "The payment came after the hold's end, and fresh cards cost more: refund it.",
    "PRICE_BELOW_FLOOR": "The payment came after the hold's end, and fresh cards cost more: refund it.",
    "COST_UNKNOWN": "The payment came after the hold's end, and nobody knows what fresh cards cost: refund it.",
}
_TOO_LATE_STEP = "It came too late for fresh cards, too: refund it."

_OPTIONS = {
    "hold_for": "--hold-for",
    "hold_for_max": "--hold-for-max",
    "hold_lifetime_max": "--hold-lifetime-max",
    "late_window": "--late-window",
    "min_remaining_life": "--min-life",
    "expected_unit_price": "--price",
    "unit_price": "--price",
    "paid_amount": "--paid",
    "landed_unit_cost": "--landed-cost",
    "floor_minor": "--floor",
    "ceiling_minor": "--ceiling",
    "target_margin_ppm": "--margin",
    "max_pressure_ppm": "--pressure",
    "rest_s": "--rest",
    "expiry_warning_days": "--warn-days",
    "order_ref": "--order",
    "payment_ref": "--payment",
    "request_id": "--request-id",
}
_FOR_PEOPLE = re.compile(r"tenants/default/(?:skus|suppliers)/")
_CAPITAL = re.compile(r"(?<=[a-z])([A-Z])")


def what_happened(error: "CardkeepError", about: Mapping[str, str]) -> str:
    """The reason, a sentence, and the facts as people write them."""
    text = _WHAT.get(error.reason, error.message)
    if error.reason == "INVALID_FIELD" and ".proto" not in error.message:
        text = error.message  # It says which value, and what it may be.
    facts = _in_words(error.metadata)
    if _left_out_paid(error, about):
        text = "Nothing says what was paid."
        facts.pop("paid", None)
    if about.get("payment") and error.metadata.get("refundDue"):
        facts.pop("refund due", None)
        text += " The payment bought nothing."
    listed = ", ".join(f"{name} {value}".strip() for name, value in sorted(facts.items()))
    return for_people(f"{error.reason}: {text} ({listed})" if listed else f"{error.reason}: {text}")


def next_step(error: "CardkeepError", about: Mapping[str, str], otherwise: str) -> str:
    """The command that goes on from there, with the names that are known; `otherwise` where none helps."""
    step = _NEXT_STEPS.get(error.reason, otherwise)
    if about.get("payment") and (error.metadata.get("refundDue") or error.reason == "HOLD_ALREADY_CONFIRMED"):
        step = _PAID_STEPS.get(error.reason, step)
        if about.get("late") == "reacquire" and "reacquire" in step:
            step = _TOO_LATE_STEP
    if error.reason.startswith("INVALID_"):
        step = "Mend the command and run it again; `--help` says what it takes."
        if error.metadata.get("field", "").partition(".")[0] == "supplier":
            step = "Mend the profile and put it again; docs/suppliers.md has every field and option."
    if _left_out_paid(error, about):
        expected = _in_words(error.metadata).get("expected", "15.00 CNY")
        step = f'Ask the payment channel, and say it: the price is --paid "{expected}".'
    known = _names(error, about)
    return re.sub(r"\{(\w+)\}", lambda found: known.get(found[1]) or found[1].upper(), step)


def for_people(text: str) -> str:
    """Names without the default tenant."""
    return _FOR_PEOPLE.sub("", text)


def _left_out_paid(error: "CardkeepError", about: Mapping[str, str]) -> bool:
    return error.reason == "AMOUNT_MISMATCH" and about.get("paid") == ""


def _names(error: "CardkeepError", about: Mapping[str, str]) -> dict[str, str]:
    """Facts of the answer before what the command named; the SKU is in every other name."""
    known = {**about, **_in_words(error.metadata)}
    name = for_people(error.metadata.get("name", ""))
    for kind, part in (("hold", "/holds/"), ("batch", "/batches/"), ("card", "/cards/")):
        if part in name:
            known[kind] = name
    whole = next((known[kind] for kind in ("hold", "batch", "card") if "/" in known.get(kind, "")), "")
    known.setdefault("sku", for_people(whole).rpartition("/")[0].rpartition("/")[0])
    return {each: for_people(value) for each, value in known.items()}


def _in_words(facts: Mapping[str, str]) -> dict[str, str]:
    """Facts with amounts, moments and spans as people write them; programs get them in minor units and milliseconds."""
    facts = dict(facts)
    currency = facts.pop("currency", "")
    paid_currency = facts.pop("paidCurrency", currency)
    words: dict[str, str] = {}
    for name, value in facts.items():
        unit = paid_currency if name == "paid" else currency
        if name in {"minor", "expected", "paid", "cost", "floor"} and unit and value.isdecimal():
            words["now" if name == "minor" else name] = money_words(int(value), unit)
        elif name.endswith("Ms") and value.lstrip("-").isdecimal():
            words.update([_time(name, int(value))])
        elif name == "field":
            words["field"] = _OPTIONS.get(value.rpartition(".")[2], value)
        elif name == "refundDue":
            words["refund due"] = ""
        else:
            words[_spaced(name)] = value
    return words


def _time(name: str, value_ms: int) -> tuple[str, str]:
    """`endedAtMs` is a moment, `maxMs` a span."""
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415 - a command that does not fail needs none

    from clients.cli import show  # noqa: PLC0415

    if name.endswith("AtMs"):
        return _spaced(name.removesuffix("AtMs")), show.moment(datetime.fromtimestamp(value_ms // 1_000, UTC))
    return _spaced(name.removesuffix("Ms")), show.span(timedelta(milliseconds=value_ms))


def _spaced(name: str) -> str:
    return _CAPITAL.sub(lambda found: f" {found[1].lower()}", name)
