"""Each hold's life, as far as the answers prove it: when it surely began, when it can have ended, what was sold of it.

Every rule about cards rests on this. Bounds are chosen so that doubt never accuses: a hold is open from the least seq
at which it surely was, up to the least at which it can have ended.
"""

from collections.abc import Sequence

from bench.checker.history import (
    ACTIVE,
    ALLOCATE,
    CONFIRM,
    CONFIRMED,
    EXPIRED,
    EXTEND,
    INFO,
    NEVER,
    OK,
    RELEASE,
    RELEASED,
    REPLACE,
    Operation,
    SkuHistory,
)
from bench.checker.witness import LAST, Witness


class Life:
    """One hold. Seqs are bounds: `begins` and `sold` are not later than said, `may_end` not earlier."""

    __slots__ = (
        *("begins", "begins_earliest", "cards", "confirm", "deadlines_ms", "fresh_cards", "hold", "made_earliest"),
        *("may_end", "may_lengthen", "may_release", "may_sell", "order_ref", "released", "sold", "told", "told_over"),
    )

    def __init__(self, hold: str, told: Operation) -> None:
        self.hold = hold
        #: The first operation that told of it.
        self.told = told
        self.order_ref = ""
        self.begins: float = LAST
        self.begins_earliest: float = LAST
        #: The same by Allocates alone; LAST where none told of it.
        self.made_earliest: float = LAST
        self.cards: tuple[str, ...] = ()
        #: Deadlines as they were told, with the seq by which each was in force.
        self.deadlines_ms: list[tuple[float, float]] = []
        #: Whether somebody asked for a longer life and never heard.
        self.may_lengthen = False
        #: The least seqs at which somebody can have released it, or sold it without ever hearing of that.
        self.may_release: float = LAST
        self.may_sell: float = LAST
        #: The first fresh ok of a release that ended it, and of a confirm.
        self.released: Operation | None = None
        self.confirm: Operation | None = None
        #: Card → by which seq it was sold to this hold.
        self.sold: dict[str, float] = {}
        #: Cards that replaced bad ones.
        self.fresh_cards: set[str] = set()
        #: The first answer that called it over, unsold.
        self.told_over: Operation | None = None
        self.may_end: float = LAST

    @property
    def last_deadline_ms(self) -> float:
        """It cannot be open after this; NEVER when nobody knows."""
        return NEVER if self.may_lengthen else max((at_ms for _, at_ms in self.deadlines_ms), default=NEVER)


class Lives:
    """Every hold of a SKU by its name."""

    def __init__(self, history: SkuHistory, witness: Witness) -> None:
        self._witness = witness
        self.by_hold: dict[str, Life] = {}
        asked_about: list[Operation] = []
        for one in history.operations:
            if one.end == OK and one.hold:
                self._hear(one)
            if one.kind in (RELEASE, CONFIRM, EXTEND):
                asked_about.append(one)
        unsettled = {id(one) for one in witness.requests.unsettled}
        for one in asked_about:
            life = self.by_hold.get(one.hold)
            if life is not None and (one.end == OK or (one.end == INFO and id(one) in unsettled)):
                self._attempted(life, one)
        for life in self.by_hold.values():
            life.may_end = min(life.may_release, life.may_sell, self._may_expire(life))

    def _hear(self, one: Operation) -> None:
        life = self.by_hold.get(one.hold)
        if life is None:
            life = self.by_hold[one.hold] = Life(one.hold, one)
        seq = self._witness.latest(one)
        if one.kind == ALLOCATE or one.state == ACTIVE:
            earliest = self._witness.earliest(one)
            life.begins_earliest = min(life.begins_earliest, earliest)
            if one.kind == ALLOCATE:
                life.made_earliest = min(life.made_earliest, earliest)
        if seq < life.begins or (seq == life.begins == LAST and not life.cards):
            life.begins = seq
            if one.kind != REPLACE and one.state not in (RELEASED, EXPIRED):
                life.cards = one.cards
                life.told = one
        if one.kind == ALLOCATE and one.order_ref and not life.order_ref:
            life.order_ref = one.order_ref
        if one.state == ACTIVE and one.expires_at_ms < NEVER:
            life.deadlines_ms.append((seq, one.expires_at_ms))
        self._hear_of_end(life, one, seq)

    def _hear_of_end(self, life: Life, one: Operation, seq: float) -> None:
        if one.kind == REPLACE:
            life.fresh_cards.update(one.cards)
        if one.state == CONFIRMED or one.kind == REPLACE:
            for card in one.cards:
                life.sold[card] = min(seq, life.sold.get(card, LAST))
        if one.kind == CONFIRM and _is_earlier(one, life.confirm):
            life.confirm = one
        elif one.state in (RELEASED, EXPIRED):
            if _is_earlier(one, life.told_over):
                life.told_over = one
            if one.kind == RELEASE and one.state == RELEASED and one.is_fresh and _is_earlier(one, life.released):
                life.released = one

    def _attempted(self, life: Life, one: Operation) -> None:
        earliest = self._witness.earliest(one)
        if one.kind == RELEASE:
            life.may_release = min(life.may_release, earliest)
        elif one.kind == EXTEND:
            life.may_lengthen |= one.end == INFO
        elif one.end == INFO or set(one.cards) != set(life.cards):
            life.may_sell = min(life.may_sell, earliest)

    def _may_expire(self, life: Life) -> float:
        """The least seq at which its time can have run out: each deadline counts if it was in force before."""
        if not life.deadlines_ms:
            return life.begins + 1 if life.begins < LAST else LAST
        life.deadlines_ms.sort()
        over = 0.0
        for place, (seq, deadline_ms) in enumerate(life.deadlines_ms):
            if place and seq >= over:
                break
            over = max(over, self._witness.time_may_be_over(deadline_ms))
        return over


def _is_earlier(one: Operation, known: Operation | None) -> bool:
    return known is None or (one.seq, one.invoked_at_ms) < (known.seq, known.invoked_at_ms)


Stay = tuple[float, float, Life, bool]
"""A card in a hold: surely from one seq up to another, whose, and whether it was sold then."""


def stays(life: Life) -> Sequence[tuple[str, Stay]]:
    """Every card's stays in one hold. What a sale of a part gave back may come again, in the place of a bad one."""
    kept = life.confirm.cards if life.confirm is not None and not life.confirm.late else ()
    held = [
        (card, (life.begins, LAST if card in kept else life.may_end, life, False))
        for card in life.cards
        if life.begins < LAST
    ]
    return [*held, *((card, (seq, LAST, life, True)) for card, seq in life.sold.items() if seq < LAST)]
