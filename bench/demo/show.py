"""The demo's table: each promise, what was found, and whether it holds."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table


class Verdict(NamedTuple):
    """One promise and what came of it."""

    promise: str
    found: str
    holds: bool


def verdicts(result: Mapping[str, Any]) -> Sequence[Verdict]:
    """Every check of the demo; `ok` is all of them."""
    return [
        Verdict(
            "every card of the file is in stock", f"{result['imported']:,} of 10,000", result["imported"] == 10_000
        ),
        Verdict("nothing sold beyond the stock", str(result["oversold"]), result["oversold"] == 0),
        Verdict("no card delivered to two buyers", str(result["delivered_twice"]), result["delivered_twice"] == 0),
        Verdict(
            "no acknowledged hold or sale lost", str(result["acknowledged_lost"]), result["acknowledged_lost"] == 0
        ),
        Verdict("the same request gets the same answer", str(result["unlike_answers"]), result["unlike_answers"] == 0),
        Verdict("every buyer got a definite answer", f"{result['unsettled']} did not", result["unsettled"] == 0),
        Verdict("one card, one winner", str(result["last_card_winners"]), result["last_card_winners"] == 1),
        Verdict("the owner was killed in mid-sale", str(result["owner_kills"]), result["owner_kills"] >= 1),
        Verdict("received = shelf + held + sold + void", "", bool(result["conservation_ok"])),
    ]


def write_table(console: Console, result: Mapping[str, Any]) -> None:
    """Print it."""
    facts = Table(title="What happened", show_header=False, title_justify="left")
    facts.add_row("imported", f"{result['imported']:,} cards in {result['import_s']:.2f} s on the server")
    facts.add_row("the sale", f"{result['buyers']:,} buyers for {result['cards']:,} cards")
    facts.add_row("requests", f"{result['requests']:,}")
    facts.add_row("sold", f"{result['sold']:,}, of them {result['late_sold']} paid late and got fresh cards")
    facts.add_row("refused, sold out", f"{result['refused']:,}")
    facts.add_row("released", f"{result['released']:,}")
    facts.add_row("expired", f"{result['expired']:,}, and {result['refunds_due']} late payments are to be refunded")
    facts.add_row("owner killed", f"answered again after {result['recovery_ms']:,} ms")
    facts.add_row("the last card", f"{result['last_card_buyers']:,} buyers at once, {result['last_card_winners']} won")
    promises = Table(title="What was promised", show_header=False, title_justify="left")
    for verdict in verdicts(result):
        promises.add_row("[green]✓" if verdict.holds else "[red]✗", verdict.promise, verdict.found)
    console.print(facts, promises)
    for note in result["notes"][:20]:
        console.print(f"[red]{note}")
    console.print("[green]Every promise holds." if result["ok"] else "[red]A promise is broken: see above.")
