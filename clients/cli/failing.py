"""How a command fails: its exit code, one line about what happened, one line about what to do next.

Knows every reason of the error map that staff can do something about; the rest says what the server says.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from clients.cli.amounts import money_words

if TYPE_CHECKING:
    from cardkeep_client import CardkeepError


class ExitCode(IntEnum):
    """What a script may rely on."""

    OK = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    OUTCOME_UNKNOWN = 4
    UNREACHABLE = 5


EXIT_CODES: Mapping[ExitCode, str] = {
    ExitCode.OK: "done",
    ExitCode.FAILED: "failed; nothing was sold or changed unless the text says so",
    ExitCode.USAGE: "the command was typed wrong",
    ExitCode.REFUSED: "refused by the engine, a definite no (OUT_OF_STOCK, say); nothing was taken",
    ExitCode.OUTCOME_UNKNOWN: "outcome unknown: it may have happened; run the printed command, it never acts twice",
    ExitCode.UNREACHABLE: "no server answers; start one with `cardkeep up`",
}


@dataclass(kw_only=True, eq=False)
class CommandFailed(Exception):
    """Ends a command. `facts` are for programs; texts are for people and hold no code of a card."""

    what: str
    do: str
    exit_code: ExitCode = ExitCode.FAILED
    reason: str = "FAILED"
    request_id: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.what

    def as_plain(self) -> dict[str, object]:
        """The failure as a JSON document."""
        return {
            "error": {
                "reason": self.reason,
                "what": self.what,
                "do": self.do,
                "exit_code": int(self.exit_code),
                "request_id": self.request_id,
                "facts": dict(self.facts),
            }
        }


def wrong_usage(what: str, do: str) -> CommandFailed:
    """The command was typed wrong."""
    return CommandFailed(what=what, do=do, exit_code=ExitCode.USAGE, reason="USAGE")


def unreachable(target: str) -> CommandFailed:
    """Nobody listens there."""
    return CommandFailed(
        what=f"No Cardkeep server answers at {target}.",
        do="Start one with `cardkeep up`, or say where it is with --server host:port.",
        exit_code=ExitCode.UNREACHABLE,
        reason="UNREACHABLE",
        facts={"server": target},
    )


#: What to do about a refusal, where a command helps. `{name}` is a fact that came with it.
_NEXT_STEPS: Mapping[str, str] = {
    "SKU_NOT_FOUND": "See `cardkeep sku list`, or put it on sale with `cardkeep sku create`.",
    "SKU_EXISTS": "Change it with `cardkeep sku set`.",
    "HOLD_NOT_FOUND": "Check the number, or look by order: `cardkeep hold --sku SKU --order ORDER`.",
    "BATCH_NOT_FOUND": "See `cardkeep batches SKU`.",
    "CARD_NOT_FOUND": "See the cards of a sale with `cardkeep hold HOLD`.",
    "ORDER_REF_EXISTS": "Go on with the hold it has: `cardkeep hold {hold}`.",
    "PAYMENT_REF_USED": "That payment paid for {hold}; ask for another payment.",
    "OUT_OF_STOCK": "Bring in cards with `cardkeep import`, or wait for holds to end: `cardkeep status`.",
    "OUT_OF_STOCK_LATE": "Refund the buyer.",
    "HELD_QUOTA_EXCEEDED": "Confirm or release what this buyer holds first.",
    "HOLD_EXPIRED": "Allocate again; or, if the money has arrived, confirm with --late reacquire.",
    "HOLD_RELEASED": "Allocate again.",
    "HOLD_ALREADY_CONFIRMED": "See `cardkeep hold HOLD`; refund a second payment.",
    "SKU_PAUSED": "Put it back on sale with `cardkeep sku set SKU --on-sale`.",
    "BATCH_RECALLED": "Put it back on sale with `cardkeep restore BATCH --reason …`.",
    "PRICE_CHANGED": "Show the buyer the new price, and allocate with that one.",
    "AMOUNT_MISMATCH": "Do not deliver. Ask the payment channel what was paid, or refund it.",
    "MAX_LIFETIME_REACHED": "Confirm it, or release it and allocate again.",
    "CARD_NOT_SOLD": "Take it off sale with `cardkeep void CARD --reason …`.",
    "CARD_ALREADY_REPLACED": "The buyer has a fresh one: see `cardkeep hold HOLD`.",
    "COST_CURRENCY_MISMATCH": "Say the cost in {expected}.",
    "IMPORT_CLOSED": "To bring other cards, choose another --import-id.",
    "IDEMPOTENCY_KEY_REUSED": "Leave --request-id out: this is a new wish.",
    "CARD_UNREADABLE": "The sale stands; give the buyer a fresh card: `cardkeep replace HOLD CARD --reason …`.",
    "POOL_STOPPED": "Tell the operator; other SKUs go on. `cardkeep status` says why it stopped.",
    "DEADLINE_PASSED": "Run the command again, with a longer --timeout.",
}

_FOR_PEOPLE = re.compile(r"tenants/default/skus/")


def failure_of(error: "CardkeepError", again: str, target: str) -> CommandFailed:
    """The failure an error of the client is. `again` is the command that asks again with the same request id."""
    what = _what(error)
    facts = dict(error.metadata)
    match error.did_it_happen:
        case "unknown" if error.reason != "CARD_UNREADABLE":
            do = f"It may have happened. Ask again, it never acts twice:\n  {again}"
            code = ExitCode.OUTCOME_UNKNOWN
            what = f"No answer, so the outcome of request {error.request_id} is unknown."
        case "refused":
            do, code = _next_step(error, "Nothing was taken."), ExitCode.REFUSED
        case "no" if error.reason == "NO_ANSWER" and error.code == "UNAVAILABLE":
            return unreachable(target)
        case _:
            do, code = _next_step(error, "Nothing happened. Run the command again in a moment."), ExitCode.FAILED
    return CommandFailed(
        what=what, do=do, exit_code=code, reason=error.reason, request_id=error.request_id, facts=facts
    )


def _what(error: "CardkeepError") -> str:
    facts = ", ".join(f"{name} {value}" for name, value in sorted(_in_words(error.metadata).items()))
    text = _FOR_PEOPLE.sub("", f"{error.message} ({facts})" if facts else error.message)
    return f"{error.reason}: {text}"


def _in_words(facts: Mapping[str, str]) -> dict[str, str]:
    """Facts with amounts as people write them; programs get them in minor units."""
    words = dict(facts)
    currency = words.pop("currency", "")
    paid_currency = words.pop("paidCurrency", currency)
    for name, unit in (("minor", currency), ("expected", currency), ("paid", paid_currency)):
        if unit and words.get(name, "").isdecimal():
            words["now" if name == "minor" else name] = money_words(int(words.pop(name)), unit)
    return words


def _next_step(error: "CardkeepError", otherwise: str) -> str:
    step = _NEXT_STEPS.get(error.reason, otherwise)
    if error.reason.startswith("INVALID_"):
        step = "Mend the command and run it again; `--help` says what it takes."
    for name, value in error.metadata.items():
        step = step.replace(f"{{{name}}}", _FOR_PEOPLE.sub("", value))
    return re.sub(r"\{\w+\}", "another", step)
