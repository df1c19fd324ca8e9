"""Money: minor units and a currency. Never a float, never a bare number."""

import re
from typing import NamedTuple

_CURRENCY = re.compile(r"[A-Z]{3}")


class Money(NamedTuple):
    """An amount in minor units (cents, fen) of an ISO 4217 currency."""

    minor: int
    currency: str

    def times(self, count: int) -> "Money":
        """The price of `count` pieces."""
        return Money(self.minor * count, self.currency)

    def __str__(self) -> str:
        return f"{self.minor} {self.currency} (minor units)"


def is_currency(text: str) -> bool:
    """Whether `text` has the form of an ISO 4217 code."""
    return _CURRENCY.fullmatch(text) is not None
