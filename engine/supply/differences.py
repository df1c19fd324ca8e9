"""What a supplier's statement says other than our ledger: the words. How they are found, reconciling.py says."""

from enum import StrEnum
from typing import NamedTuple

from engine.money import Money


class DifferenceKind(StrEnum):
    """Only a person can settle them, with the supplier."""

    #: Charged, and no attempt of ours.
    UNKNOWN_CHARGE = "UNKNOWN_CHARGE"
    #: Charged for an attempt that is known to have failed or to be taken back.
    CHARGED_FOR_NOTHING = "CHARGED_FOR_NOTHING"
    #: Delivered, and the statement does not have it.
    NOT_IN_STATEMENT = "NOT_IN_STATEMENT"
    OTHER_COST = "OTHER_COST"
    OTHER_UNITS = "OTHER_UNITS"


class DifferenceKey(NamedTuple):
    """What makes two differences the same one, told at two runs. One of `attempt` and `order_no` may be empty."""

    kind: DifferenceKind
    attempt: str
    order_no: str


class Difference(NamedTuple):
    """One difference; costs are what was charged in all, None where a side knows of none."""

    kind: DifferenceKind
    attempt: str
    order_no: str
    our_units: int
    our_cost: Money | None
    their_units: int
    their_cost: Money | None

    @property
    def key(self) -> DifferenceKey:
        """See DifferenceKey."""
        return DifferenceKey(self.kind, self.attempt, self.order_no)


class Noted(NamedTuple):
    """A difference as the ledger keeps it."""

    difference: Difference
    at_ms: int
    is_resolved: bool = False
