"""R4, R5 and R7: what was acknowledged stays, and the same question has the same answer."""

from collections.abc import Iterator

from bench.checker.history import (
    ACTIVE,
    ALLOCATE,
    CONFIRMED,
    EXPIRED,
    FAIL,
    NEVER,
    OK,
    RELEASED,
    WITHDRAW,
    Final,
    Operation,
    SkuHistory,
)
from bench.checker.lives import Life, Lives
from bench.checker.verdict import Verdict
from bench.checker.witness import LAST, Witness

#: A refusal of the asking, not an answer to the request.
_REUSED = "IDEMPOTENCY_KEY_REUSED"


def check_answers(history: SkuHistory, witness: Witness, lives: Lives, verdict: Verdict) -> None:
    """Hold every answer against what had been acknowledged before."""
    _check_repeats(history, lives, verdict)
    may_swap = _may_be_swapped(history)
    for one in history.operations:
        life = lives.by_hold.get(one.hold)
        if life is None or one.replayed:
            continue
        if one.end == FAIL:
            verdict.looked["R5"] += 1
            wrong = _why_wrongly_refused(life, one, witness, history.clock_error_ms)
            if wrong:
                verdict.object("R5", history.sku, f"{one.words()}: {wrong}, by {life.told.words()}")
        elif one.end == OK and one.seq:
            _check_sighting(history, life, one, witness, verdict, may_swap=may_swap)
    for final in history.finals:
        _check_final(history.sku, lives.by_hold.get(final.hold), final, witness, verdict)


def _check_repeats(history: SkuHistory, lives: Lives, verdict: Verdict) -> None:
    answers: dict[str, Operation] = {}
    holds: dict[str, Operation] = {}
    for one in history.operations:
        if one.end not in (OK, FAIL) or one.reason == _REUSED:
            continue
        if one.request_id:
            known = answers.setdefault(one.request_id, one)
            if known is not one:
                verdict.looked["R7"] += 1
                if (known.end, known.reason, known.hold, known.cards) != (one.end, one.reason, one.hold, one.cards):
                    verdict.object("R7", history.sku, f"{known.words()}, and then {one.words()}")
                continue
        if one.kind == ALLOCATE and one.end == OK:
            given, is_new = len(set(one.cards)), one.state == ACTIVE and one.quantity
            if is_new and given != one.quantity and not (one.partial and 0 < given < one.quantity):
                verdict.object("R7", history.sku, f"{one.words()} wanted {one.quantity}, and has {given}")
            known = holds.setdefault(one.order_ref, one) if one.order_ref else one
            if known.hold != one.hold:
                verdict.object(
                    "R7", history.sku, f"order {one.order_ref} has two holds: {known.words()}, {one.words()}"
                )
            if one.order_ref and lives.by_hold[one.hold].order_ref != one.order_ref:
                before = lives.by_hold[one.hold].told
                verdict.object("R7", history.sku, f"two orders have hold {one.hold}: {before.words()}, {one.words()}")


def _why_wrongly_refused(life: Life, one: Operation, witness: Witness, clock_error_ms: float) -> str:
    """Why a hold cannot have been what this refusal says it was; else nothing."""
    earliest, latest = witness.earliest(one), witness.latest(one)
    if one.reason == "HOLD_NOT_FOUND" and life.begins < earliest:
        return "it was acknowledged before"
    if one.reason == "HOLD_RELEASED" and _is_after(life.may_release, latest):
        return "nobody had released it"
    if one.reason == "HOLD_ALREADY_CONFIRMED" and _is_after(_sold_at_the_earliest(life, witness), latest):
        return "nobody had bought it"
    if one.reason == "HOLD_EXPIRED" and _is_early(life, one, witness, clock_error_ms):
        return "it still had time"
    return ""


def _is_early(life: Life, one: Operation, witness: Witness, clock_error_ms: float) -> bool:
    """Whether a deadline that was in force cannot have come when this was answered."""
    earliest, latest = witness.earliest(one), witness.latest(one)
    deadline_ms = max((at_ms for seq, at_ms in life.deadlines_ms if seq < earliest), default=0.0)
    return min(witness.time_at_most_ms(latest), one.returned_at_ms + clock_error_ms) < deadline_ms < NEVER


def _is_after(seq: float, latest: float) -> bool:
    return seq > latest or seq == LAST


def _sold_at_the_earliest(life: Life, witness: Witness) -> float:
    confirm = LAST if life.confirm is None else witness.earliest(life.confirm)
    return min(life.may_sell, confirm, *life.sold.values(), LAST)


def _check_sighting(
    history: SkuHistory, life: Life, one: Operation, witness: Witness, verdict: Verdict, *, may_swap: bool
) -> None:
    """What an answer shows of a hold, against what had been said of it."""
    sku = history.sku
    confirm = life.confirm
    if confirm is one and not one.late and life.told.state == ACTIVE and not may_swap:
        wanted = one.quantity or len(life.cards)
        if len(set(one.cards)) != wanted or not set(one.cards) <= set(life.cards):
            verdict.object("R4", sku, f"{one.words()} is of other cards than {life.told.words()}")
    if confirm is not None and confirm is not one and confirm.seq < one.seq:
        verdict.looked["R4"] += 1
        if one.state in (ACTIVE, RELEASED, EXPIRED):
            verdict.object("R4", sku, f"{confirm.words()}, and then {one.words()} finds it {one.state}")
        elif one.kind == confirm.kind and not life.fresh_cards and set(one.cards) != set(confirm.cards):
            verdict.object("R4", sku, f"{confirm.words()}, and then {one.words()}")
    if one.state == EXPIRED and life.begins < one.seq and _is_early(life, one, witness, history.clock_error_ms):
        verdict.object("R5", sku, f"{one.words()} finds it over: it still had time, by {life.told.words()}")


def _may_be_swapped(history: SkuHistory) -> bool:
    """Whether a held card can have become unfit for sale, so that a fresh one is sold in its place."""
    return any(one.perishable for one in history.imports) or any(one.kind == WITHDRAW for one in history.operations)


def _check_final(sku: str, life: Life | None, final: Final, witness: Witness, verdict: Verdict) -> None:
    if life is None:
        return
    for rule, wrong in _wrong_at_the_end(life, final, witness):
        verdict.object(rule, sku, f"line {final.line}: hold {final.hold} is {final.state} at the end, but {wrong}")
    verdict.looked["R4" if life.confirm is not None else "R5"] += 1


def _wrong_at_the_end(life: Life, final: Final, witness: Witness) -> Iterator[tuple[str, str]]:
    confirm = life.confirm
    if confirm is not None and final.state != CONFIRMED:
        yield "R4", f"it was sold by {confirm.words()}"
    elif confirm is not None and not life.fresh_cards and set(final.cards) != set(confirm.cards):
        yield "R4", f"its cards are {', '.join(final.cards)}, and were others in {confirm.words()}"
    elif confirm is not None and life.order_ref and final.order_ref and final.order_ref != life.order_ref:
        yield "R4", f"its order is {final.order_ref}, and was {life.order_ref}"
    elif confirm is None and final.state == RELEASED and life.may_release == LAST:
        yield "R5", f"nobody released it since {life.told.words()}"
    elif confirm is None and final.state == CONFIRMED and _sold_at_the_earliest(life, witness) == LAST:
        yield "R5", f"nobody bought it since {life.told.words()}"
