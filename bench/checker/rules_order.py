"""R9 and R11 (and R3 for holds): what was answered before another call began comes before it, by seq and by epoch."""

from bisect import bisect_left
from collections.abc import Callable, Iterable

from bench.checker.history import ALLOCATE, OK, Operation, SkuHistory
from bench.checker.lives import Lives
from bench.checker.verdict import Verdict
from bench.checker.witness import LAST, Witness


def check_order(history: SkuHistory, witness: Witness, lives: Lives, verdict: Verdict) -> None:
    """Compare each answer with the furthest that had been heard when it was asked for."""
    stamped = [one for one in history.operations if one.end == OK and one.seq]
    verdict.looked["R9"] += len(stamped)
    _check_one_change_a_seq(history.sku, witness, verdict)
    _check_beginnings(stamped, history.sku, witness, lives, verdict)
    stamped.sort(key=lambda one: one.returned_at_ms)
    returned_ms = [one.returned_at_ms for one in stamped]
    furthest = _furthest(stamped, lambda one: one.seq)
    newest = _furthest(stamped, lambda one: one.epoch)
    for one in stamped:
        place = bisect_left(returned_ms, one.invoked_at_ms)
        if not place:
            continue
        before = furthest[place - 1]
        if one.seq < before.seq + one.is_fresh:
            verdict.object("R9", history.sku, f"{before.words()} was answered before {one.words()} was asked")
        before = newest[place - 1]
        verdict.looked["R11"] += 1
        if 0 < one.epoch < before.epoch:
            verdict.object("R11", history.sku, f"{before.words()} was answered before {one.words()} was asked")


def _furthest(stamped: list[Operation], of: Callable[[Operation], int]) -> list[Operation]:
    """Of each prefix, the operation with the greatest value."""
    best = stamped[0] if stamped else None
    found: list[Operation] = []
    for one in stamped:
        if best is None or of(one) > of(best):
            best = one
        found.append(best)
    return found


def _check_one_change_a_seq(sku: str, witness: Witness, verdict: Verdict) -> None:
    for one, following in zip(witness.fresh, witness.fresh[1:], strict=False):
        if one.seq == following.seq:
            verdict.object("R9", sku, f"{one.words()} and {following.words()} have one place")
        elif one.epoch > following.epoch > 0 and one.returned_at_ms >= following.invoked_at_ms:
            verdict.object("R11", sku, f"{following.words()} comes after {one.words()}")


def _check_beginnings(stamped: Iterable[Operation], sku: str, witness: Witness, lives: Lives, verdict: Verdict) -> None:
    """Every hold was made by somebody, and nothing was done with it before."""
    unheard = [witness.earliest(one) for one in witness.requests.unsettled if one.kind == ALLOCATE]
    made_by_unheard = min(unheard, default=LAST)
    for one in stamped:
        life = lives.by_hold.get(one.hold)
        if life is None or one.kind == ALLOCATE or one.replayed:
            continue
        if one.seq < min(life.made_earliest, made_by_unheard):
            made = f"it was made by {life.told.words()}" if life.made_earliest < LAST else "nobody made it"
            verdict.object("R9" if life.made_earliest < LAST else "R3", sku, f"{one.words()}, but {made}")
