"""The audit: what buyers wrote down against what the engine says. Trusts neither."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cardkeep_client import CardkeepError, Client, HoldState

Line = dict[str, Any]


@dataclass
class Findings:
    """What a sale came to. Every count that should be 0 is a promise."""

    requests: int = 0
    sold: int = 0
    refused: int = 0
    expired: int = 0
    released: int = 0
    late_sold: int = 0
    refunds_due: int = 0
    oversold: int = 0
    delivered_twice: int = 0
    acknowledged_lost: int = 0
    unlike_answers: int = 0
    unsettled: int = 0
    conservation_ok: bool = False
    notes: list[str] = field(default_factory=list)


def read_books(paths: Iterable[Path]) -> tuple[int, list[Line]]:
    """All buyers' records: how many requests they sent, and every answer."""
    requests = 0
    lines: list[Line] = []
    for path in paths:
        with path.open() as book:
            requests += json.loads(book.readline())["requests"]
            lines.extend(json.loads(line) for line in book)
    return requests, lines


def audit_sale(client: Client, sku: str, requests: int, lines: Sequence[Line], cards: int) -> Findings:
    """Check a finished sale of `cards` cards."""
    findings = Findings(requests=requests)
    buyer_of: dict[str, set[str]] = defaultdict(set)
    answers: dict[tuple[str, str], list[str]] = defaultdict(list)
    for line in lines:
        answers[line["kind"], line["order"]].append(json.dumps({**line, "plan": ""}, sort_keys=True))
        for code in line.get("codes", {}).values():
            buyer_of[code].add(line["order"])
        if line["answer"] in {"OUTCOME_UNKNOWN", "DEADLINE_EXCEEDED", "ACTOR_RECOVERING", "OVERLOADED"}:
            findings.unsettled += 1
    findings.sold = len(buyer_of)
    findings.oversold = max(0, len(buyer_of) - cards)
    findings.delivered_twice = sum(1 for buyers in buyer_of.values() if len(buyers) > 1)
    findings.unlike_answers = sum(1 for same in answers.values() if len(set(same)) > 1)
    _count_ends(findings, lines)
    _look_for_lost(client, sku, findings, lines)
    _compare_with_engine(client, sku, findings, cards)
    return findings


def _count_ends(findings: Findings, lines: Sequence[Line]) -> None:
    seen = Counter({(line["kind"], line["answer"], line.get("how", ""), line["order"]): 1 for line in lines})
    ends = Counter((kind, answer, how) for kind, answer, how, _ in seen)
    findings.refused = ends["allocate", "OUT_OF_STOCK", ""]
    findings.released = ends["release", "OK", ""]
    findings.late_sold = ends["confirm", "OK", "REACQUIRED"]
    findings.refunds_due = ends["confirm", "HOLD_EXPIRED", ""] + ends["confirm", "OUT_OF_STOCK_LATE", ""]


def _look_for_lost(client: Client, sku: str, findings: Findings, lines: Sequence[Line]) -> None:
    """Every acknowledged hold must be known, every acknowledged sale must still be that sale."""
    sold = {line["order"]: set(line["codes"]) for line in lines if line["kind"] == "confirm" and line["answer"] == "OK"}
    held = {line["order"]: line["hold"] for line in lines if line["kind"] == "allocate" and line["answer"] == "OK"}
    for order, name in held.items():
        try:
            hold = client.get_hold(sku=sku, order_ref=order)
        except CardkeepError as failure:
            findings.acknowledged_lost += 1
            findings.notes.append(f"{order}: its hold {name} is gone ({failure.reason})")
            continue
        findings.expired += hold.state is HoldState.EXPIRED
        cards = {card.name for card in hold.cards}
        is_lost = hold.name != name or (
            order in sold and (hold.state is not HoldState.CONFIRMED or cards != sold[order])
        )
        if is_lost:
            findings.acknowledged_lost += 1
            findings.notes.append(f"{order}: sold {sold.get(order)}, but the engine has {hold.state} {cards}")


def _compare_with_engine(client: Client, sku: str, findings: Findings, cards: int) -> None:
    audit = client.audit(sku)
    findings.notes.extend(audit.violations)
    counts = audit.cards
    adds_up = counts.received == counts.on_shelf + counts.held + counts.sold + counts.void
    findings.conservation_ok = audit.ok and adds_up and counts.received == cards and counts.sold == findings.sold
    if not findings.conservation_ok:
        findings.notes.append(f"buyers have {findings.sold} cards; the engine counts {counts}")
