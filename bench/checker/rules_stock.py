"""R6 and R8: how many cards there were, at the end and whenever somebody was told that there were none."""

from bisect import bisect_left, bisect_right
from itertools import accumulate

from bench.checker.history import ALLOCATE, CONFIRM, FAIL, NOT_DONE, OK, REPLACE, WITHDRAW, Books, Operation, SkuHistory
from bench.checker.lives import Life, Lives
from bench.checker.verdict import Verdict
from bench.checker.witness import LAST, Witness

_OUT_OF_STOCK = "OUT_OF_STOCK"


def check_books(history: SkuHistory, witness: Witness, lives: Lives, verdict: Verdict) -> None:
    """What the house counted at the end is what clients were told, as far as they know."""
    for books in history.books:
        verdict.looked["R6"] += 1
        for rule, wrong in _wrong_in(books, history, witness, lives):
            verdict.object(rule, history.sku, f"line {books.line}: {wrong}")


def _wrong_in(books: Books, history: SkuHistory, witness: Witness, lives: Lives) -> list[tuple[str, str]]:
    wrong = [("R6", f"the house says: {law}") for law in books.laws_broken]
    counted = books.on_shelf + books.held + books.sold + books.void
    if books.received != counted:
        wrong.append(("R6", f"{books.received} cards came in, {counted} are somewhere"))
    if history.imports:
        least = sum(one.count for one in history.imports if one.end == OK)
        most = sum(one.count for one in history.imports)
        if not least <= books.received <= most:
            wrong.append(("R6", f"{least} to {most} cards were brought, the house received {books.received}"))
    if books.void and not any(one.kind == WITHDRAW for one in history.operations):
        wrong.append(("R6", f"{books.void} cards are void, and nobody withdrew any"))
    given = {card for life in lives.by_hold.values() for card in (*life.cards, *life.sold)}
    if len(given) > books.received:
        wrong.append(("R3", f"{len(given)} different cards went out, {books.received} came in"))
    return [*wrong, *_miscounted(books, witness, lives)]


def _miscounted(books: Books, witness: Witness, lives: Lives) -> list[tuple[str, str]]:
    """Sold and held cards that are missing, or too many."""
    doubt = dict.fromkeys((ALLOCATE, CONFIRM, REPLACE), 0)
    for one in witness.requests.unsettled:
        if one.kind == CONFIRM:
            life = lives.by_hold.get(one.hold)
            doubt[CONFIRM] += len(life.cards) if life else one.quantity or 1
        elif one.kind in doubt:
            doubt[one.kind] += one.quantity or 1
    alive = lives.by_hold.values()
    sold = sum(len(life.sold) for life in alive)
    surely_held = sum(len(life.cards) for life in alive if _is_surely_held(life, books.counted_at_ms))
    maybe_held = sum(len(life.cards) for life in alive if _is_maybe_held(life, books.counted_at_ms))
    wrong = []
    if books.sold < sold:
        wrong.append(("R4", f"{sold} cards were told to be sold, the house has {books.sold}"))
    if books.sold > sold + doubt[CONFIRM] + doubt[REPLACE]:
        wrong.append(("R6", f"the house has sold {books.sold} cards, clients were told of {sold}"))
    if books.held < surely_held:
        wrong.append(("R5", f"{surely_held} cards were told to be held, the house has {books.held}"))
    if books.held > maybe_held + doubt[ALLOCATE]:
        wrong.append(("R6", f"the house holds {books.held} cards, clients were told of {maybe_held}"))
    return wrong


def _is_surely_held(life: Life, now_ms: float) -> bool:
    is_let_go = life.sold or life.told_over or min(life.may_release, life.may_sell) < LAST
    return not is_let_go and max((at_ms for _, at_ms in life.deadlines_ms), default=0.0) > now_ms


def _is_maybe_held(life: Life, now_ms: float) -> bool:
    return not life.sold and life.told_over is None and life.last_deadline_ms > now_ms


def check_refusals(history: SkuHistory, witness: Witness, lives: Lives, verdict: Verdict) -> None:
    """Whoever was told "sold out" was told so at a moment when there can have been too few cards."""
    refused = [
        (witness.latest(one), max(0, witness.earliest(one) - 1), one)
        for one in history.operations
        if one.kind == ALLOCATE and one.end == FAIL and one.reason == _OUT_OF_STOCK
    ]
    verdict.looked["R8"] += len(refused)
    verdict.refusals += len(refused)
    if not refused:
        return
    seqs, surely_free = _course(history, witness, lives)
    refused.sort(key=lambda one: one[0])
    # Places of a falling tail: from each on, the least of all that follow. So the least between two is found at once.
    tail: list[int] = []
    place = 0
    for until, since, one in refused:
        last = bisect_right(seqs, until)
        while place < last:
            while tail and surely_free[tail[-1]] >= surely_free[place]:
                tail.pop()
            tail.append(place)
            place += 1
        first = bisect_right(seqs, since) - 1
        if first < 0 or first >= last:  # Nothing is known so early; or the order is broken, of which R9 tells.
            continue
        least = surely_free[tail[bisect_left(tail, first)]]
        wanted = 1 if one.partial else max(1, one.quantity)
        if least >= wanted:
            text = f"{one.words()} wanted {wanted}, and at least {least:.0f} were on the shelf all the while"
            verdict.object("R8", history.sku, text)


def _course(history: SkuHistory, witness: Witness, lives: Lives) -> tuple[list[float], list[float]]:
    """Seqs, and how many cards surely were on the shelf from each on: every doubt counts as a card that is gone."""
    changes: list[tuple[float, float]] = [
        (came.seq or witness.before(came.returned_at_ms) - 1, came.count)
        for came in history.imports
        if came.end == OK and not came.perishable
    ]
    for life in lives.by_hold.values():
        changes += _comings_and_goings(life, witness)
    for one in history.operations:
        if one.kind == REPLACE and one.end == OK:
            changes.append((witness.earliest(one), -1))
        elif one.kind == WITHDRAW and one.end not in (FAIL, NOT_DONE):
            changes.append((witness.earliest(one), -LAST))
    changes += [(witness.earliest(one), -_may_have_taken(one)) for one in witness.requests.unsettled]
    changes.sort()
    return [seq for seq, _ in changes], list(accumulate(change for _, change in changes))


def _may_have_taken(one: Operation) -> float:
    return {ALLOCATE: one.quantity or 1, REPLACE: 1}.get(one.kind, 0)


def _comings_and_goings(life: Life, witness: Witness) -> list[tuple[float, float]]:
    """What a hold took from the shelf, and what surely came back: nothing, where it was or may have been sold."""
    changes: list[tuple[float, float]] = [(life.begins_earliest, -len(life.cards))]
    if life.confirm is not None:
        others = len(life.sold.keys() - set(life.cards) - life.fresh_cards)
        return [*changes, (witness.earliest(life.confirm), -others)]
    if life.sold or life.may_sell < LAST:
        return changes
    back = witness.time_is_over(life.last_deadline_ms)
    if life.told_over is not None:
        back = min(back, witness.latest(life.told_over))
    return [*changes, (back, len(life.cards))] if back < LAST else changes
