"""A history file, judged: reads it SKU by SKU, proves an order, follows each hold, and asks each rule."""

from pathlib import Path

from bench.checker.history import OK, SkuHistory
from bench.checker.lives import Lives
from bench.checker.rules_answers import check_answers
from bench.checker.rules_cards import check_cards
from bench.checker.rules_order import check_order
from bench.checker.rules_stock import check_books, check_refusals
from bench.checker.split import by_sku
from bench.checker.verdict import Verdict
from bench.checker.witness import Witness


def check_file(path: Path) -> Verdict:
    """Judge a whole file. Raises HistoryUnreadable."""
    verdict = Verdict()
    for history in by_sku(path):
        check_sku(history, verdict)
    return verdict


def check_sku(history: SkuHistory, verdict: Verdict) -> None:
    """Judge one SKU's history; time and memory grow with its operations (n log n for the sorting)."""
    witness = Witness(history)
    lives = Lives(history, witness)
    verdict.skus += 1
    verdict.operations += len(history.operations)
    verdict.acknowledged += sum(one.end == OK for one in history.operations)
    verdict.unknown += len(witness.requests.unsettled)
    verdict.holds += len(lives.by_hold)
    verdict.sales += sum(life.confirm is not None for life in lives.by_hold.values())
    check_order(history, witness, lives, verdict)
    check_cards(history, witness, lives, verdict)
    check_answers(history, witness, lives, verdict)
    check_books(history, witness, lives, verdict)
    check_refusals(history, witness, lives, verdict)
    _check_replay(history, verdict)


def _check_replay(history: SkuHistory, verdict: Verdict) -> None:
    """R12."""
    for one in history.digests:
        verdict.looked["R12"] += 1
        if one.served != one.replayed:
            text = f"line {one.line}: what was served has digest {one.served}, a replay makes {one.replayed}"
            verdict.object("R12", history.sku, text)
