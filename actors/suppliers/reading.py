"""What an answer says: values by dotted paths, amounts, moments, codes.

What cannot be read raises Unreadable, whose text holds nothing of the answer.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Any

from actors.suppliers.exchange import Unreadable
from engine.intake.amounts import minor_places
from engine.limits import money_minor_max
from engine.money import Money
from engine.supply.ports import Good

#: Characters of a supplier's number or word that are taken in.
text_chars_max = 128

_DIGITS_MAX = 30

#: Not all that Unicode calls a line's end: a code may hold some of it.
_BREAK = re.compile(r"\r\n|\n|\r")


def at(document: Any, path: str) -> Any:
    """The value at `data.items.0.code`, or None when there is none."""
    for part in path.split("."):
        if isinstance(document, Mapping):
            document = document.get(part)
        elif isinstance(document, list) and part.isdecimal() and int(part) < len(document):
            document = document[int(part)]
        else:
            return None
    return document


def text_at(document: Any, path: str) -> str:
    """The value as short text: numbers and booleans as JSON writes them; empty when there is none."""
    value = at(document, path) if path else None
    if value is None or isinstance(value, Mapping | list):
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text[:text_chars_max] if text.isprintable() else ""


def money(value: Any, currency: str, unit: str = "decimal") -> Money:
    """An amount in major units (`decimal`) or in minor ones. Finer fractions are rounded up: nothing gets cheaper."""
    try:
        figure = _figure(str(value).strip().replace(",", ""))
        minor = int((figure if unit == "minor" else figure.scaleb(minor_places(currency))).to_integral(ROUND_CEILING))
    except (InvalidOperation, ValueError, OverflowError):
        raise Unreadable("an amount is no number") from None
    if not 0 <= minor <= money_minor_max:
        raise Unreadable("an amount is out of bounds")
    return Money(minor, currency)


def moment_ms(value: Any, unit: str) -> int:
    """A moment in `ms` or `s` since 1970, or `iso` (RFC 3339)."""
    try:
        if unit == "iso":
            return int(datetime.fromisoformat(str(value)).timestamp() * 1_000)
        return int(_figure(str(value)) * (1_000 if unit == "s" else 1))
    except (InvalidOperation, ValueError, OverflowError):
        raise Unreadable("a moment cannot be read") from None


def _figure(text: str) -> Decimal:
    """A number that is not so large that counting its digits takes for ever. Raises InvalidOperation, ValueError."""
    figure = Decimal(text)
    if not figure.is_finite() or abs(figure.adjusted()) > _DIGITS_MAX:
        raise ValueError("out of bounds")
    return figure


def whole(value: Any) -> int:
    """A count."""
    try:
        return int(str(value))
    except ValueError:
        raise Unreadable("a count is no number") from None


def listed(document: Any, path: str) -> Sequence[Any]:
    """The list at a path; it has to be there."""
    value = at(document, path)
    if not isinstance(value, list):
        raise Unreadable(f"no list at {path}")
    return value


def lines(value: Any) -> Sequence[Good]:
    """Codes as text, one a line; empty lines are none."""
    if not isinstance(value, str):
        raise Unreadable("the codes are no text")
    return [Good(line.strip()) for line in _BREAK.split(value) if line.strip()]
