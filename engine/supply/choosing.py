"""Whom to ask, and for how much: the best offer for all that is wanted, else the best for the most anybody can give."""

from collections.abc import Sequence
from typing import NamedTuple

from engine.supply.routing import Offer, Wish, excluded_for, ranked


class Candidate(NamedTuple):
    """A supplier's offer, and how many units may be asked of it at most: what its exposure bears, and its habits."""

    offer: Offer
    units_max: int


class Choice(NamedTuple):
    """Who is asked, for how many units."""

    offer: Offer
    units: int


def choose(candidates: Sequence[Candidate], wish: Wish) -> Choice | None:
    """See above; None when nobody can give one."""
    able = _able(candidates, wish)
    if able:
        return Choice(able[0], wish.quantity)
    most = _most(candidates, wish)
    return Choice(_able(candidates, wish._replace(quantity=most))[0], most) if most > 0 else None


def _able(candidates: Sequence[Candidate], wish: Wish) -> Sequence[Offer]:
    quantity = wish.quantity
    return ranked(
        [offer._replace(has_room=offer.has_room and units_max >= quantity) for offer, units_max in candidates], wish
    )


def _most(candidates: Sequence[Candidate], wish: Wish) -> int:
    """The most that any of those can give who are not left out for another reason."""
    return max(
        (_units(each, wish) for each in candidates if not excluded_for(each.offer, wish._replace(quantity=0))),
        default=0,
    )


def _units(candidate: Candidate, wish: Wish) -> int:
    offer, units_max = candidate
    bounds = [units_max, offer.stock, offer.balance_units, wish.quantity]
    return min(bound for bound in bounds if bound is not None)
