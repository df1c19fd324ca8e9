"""R1, R2, R3 and R10: where each card was, card by card."""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence

from bench.checker.history import ACTIVE, NEVER, OK, RELEASE, RELEASED, Import, Operation, SkuHistory
from bench.checker.lives import Life, Lives, Stay, stays
from bench.checker.verdict import Verdict
from bench.checker.witness import LAST, Witness

_NUMBERED = re.compile(r"(.*?)([0-9]+)")


def check_cards(history: SkuHistory, witness: Witness, lives: Lives, verdict: Verdict) -> None:
    """No card in two places, none from nowhere, none back before it came back."""
    first: dict[str, Stay] = {}
    more: dict[str, list[Stay]] = {}
    for life in lives.by_hold.values():
        for card, stay in stays(life):
            if first.setdefault(card, stay) is not stay:
                more.setdefault(card, [first[card]]).append(stay)
    verdict.looked["R1"] += len(first)
    for card, in_turn in more.items():
        _check_overlaps(history.sku, card, in_turn, verdict)
    _check_sold_once(history.sku, lives, verdict)
    _check_origin(history, witness, lives, verdict)
    _check_ends(history, witness, lives, verdict)


def _check_overlaps(sku: str, card: str, in_turn: list[Stay], verdict: Verdict) -> None:
    """Of a card's stays, each that begins while an earlier one of another hold surely lasts."""
    in_turn.sort(key=lambda stay: stay[:2])
    verdict.looked["R10"] += len(in_turn) - 1
    longest = in_turn[0]
    for stay in in_turn[1:]:
        begins, ends, life, _ = stay
        if begins < longest[1] and begins < ends and life is not longest[2]:
            _object(sku, card, longest, stay, verdict)
        if ends > longest[1] or (begins >= longest[1]):
            longest = stay


def _object(sku: str, card: str, earlier: Stay, later: Stay, verdict: Verdict) -> None:
    known, other, begins = earlier[2], later[2], later[0]
    if card in known.sold and card in other.sold:
        return  # R2 tells of it.
    both = f"{card} is given to hold {other.hold} by {other.told.words()}"
    if known.sold.get(card, LAST) <= begins:
        verdict.object("R10", sku, f"{both} after it was sold to hold {known.hold}")
    elif known.released is not None:
        verdict.object("R10", sku, f"{both} before it came back from hold {known.hold} by {known.released.words()}")
    else:
        verdict.object("R1", sku, f"{both} while hold {known.hold} has it by {known.told.words()}")


def _check_sold_once(sku: str, lives: Lives, verdict: Verdict) -> None:
    owner: dict[str, Life] = {}
    for life in lives.by_hold.values():
        for card in life.sold:
            known = owner.setdefault(card, life)
            if known is not life:
                told = (life.confirm or life.told).words()
                before = (known.confirm or known.told).words()
                verdict.object("R2", sku, f"{card} is sold twice: by {before} and by {told}")
    verdict.looked["R2"] += len(owner)


def _check_origin(history: SkuHistory, witness: Witness, lives: Lives, verdict: Verdict) -> None:
    came = _Origins(history.imports)
    cards = 0
    for life in lives.by_hold.values():
        for card in {*life.cards, *life.sold} if history.imports else ():
            cards += 1
            given_by = life.begins if card in life.cards else life.sold[card]
            if not any(_came_at_the_earliest(one, witness) <= given_by for one in came.of(card)):
                giver = life.told if card in life.cards else (life.confirm or life.told)
                verdict.object("R3", history.sku, f"{card} came from nowhere: {giver.words()}")
    verdict.looked["R3"] += cards
    brought: dict[str, int] = defaultdict(int)
    for one in history.imports:
        if one.end == OK:
            brought[one.import_id] += one.count
    for import_id, count in brought.items() if history.delivered else ():
        if count > history.delivered.get(import_id, 0):
            text = f"import {import_id} brought {count} cards of {history.delivered.get(import_id, 0)} delivered"
            verdict.object("R3", history.sku, text)


def _came_at_the_earliest(one: Import, witness: Witness) -> int:
    return one.seq or witness.after(one.invoked_at_ms) + 1


class _Origins:
    """Which imports can have brought a card: names are looked up as ranges, not one by one."""

    def __init__(self, imports: Iterable[Import]) -> None:
        self._ranges: dict[str, list[Import]] = defaultdict(list)
        for one in sorted(imports, key=lambda one: one.first):
            self._ranges[one.prefix].append(one)
        self._firsts = {prefix: [one.first for one in ranges] for prefix, ranges in self._ranges.items()}

    def of(self, card: str) -> Sequence[Import]:
        """Those whose range has it. Ranges of one prefix may be the same, as of a chunk sent twice, or apart."""
        numbered = _NUMBERED.fullmatch(card)
        if numbered is None or numbered[1] not in self._ranges:
            return ()
        ranges, number = self._ranges[numbered[1]], int(numbered[2])
        place = bisect_right(self._firsts[numbered[1]], number)
        found = []
        while place and number < ranges[place - 1].first + ranges[place - 1].count:
            place -= 1
            found.append(ranges[place])
        return found


def _check_ends(history: SkuHistory, witness: Witness, lives: Lives, verdict: Verdict) -> None:
    """A hold ends once, and whatever is done with it afterwards does not bring it back."""
    ended: dict[str, Operation] = {}
    for one in history.operations:
        life = lives.by_hold.get(one.hold)
        if life is None or not one.seq or one.end != OK or one.replayed:
            continue
        if one.kind == RELEASE and one.state == RELEASED and one.ended_at_ms:
            known = ended.setdefault(one.hold, one)
            if known.ended_at_ms != one.ended_at_ms:
                verdict.object("R10", history.sku, f"hold {one.hold} came back twice: {known.words()}, {one.words()}")
        is_sale = one is life.confirm and not one.late
        if is_sale or one.state == ACTIVE:
            over = _why_over(life, one, witness)
            if over:
                verdict.object("R10", history.sku, f"{one.words()} is of a hold that {over}")


def _why_over(life: Life, one: Operation, witness: Witness) -> str:
    """Why a hold surely was over when this was done to it; else nothing."""
    if life.released is not None and life.released.seq < one.seq:
        return f"came back by {life.released.words()}"
    if life.last_deadline_ms < NEVER and witness.time_is_over(life.last_deadline_ms) <= one.seq:
        return f"was over at {life.last_deadline_ms:.0f}"
    return ""
