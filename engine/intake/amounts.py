"""Amounts as shops write them: `100`, `100.00`, `¥1,000.00`, `25 USD`. Exact, or refused."""

import re
from functools import lru_cache

from engine.intake.refusals import LineRefused, Reason
from engine.limits import money_minor_max
from engine.money import Money

_AMOUNT = re.compile(r"(\d{1,3}(?:,\d{3})+|\d{1,12})(?:\.(\d{1,4}))?", re.ASCII)
_SIGNED = re.compile(r"([^\d.,\s-]*)\s*([\d.,]+)\s*([^\d.,\s-]*)", re.ASCII)

_SIGNS = {
    "¥": {"CNY", "JPY"},
    "￥": {"CNY", "JPY"},
    "元": {"CNY"},
    "RMB": {"CNY"},
    "$": {"USD", "HKD", "SGD", "AUD", "CAD", "TWD", "NZD", "MXN"},
    "€": {"EUR"},
    "£": {"GBP"},
}
_WITHOUT_MINOR = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"}
)
_THOUSANDTHS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})


@lru_cache(maxsize=4_096)
def amount(text: str, currency: str) -> Money | None:
    """The money `text` names, None for an empty cell.

    A sign or code of another currency than `currency` is refused, and so are fractions finer than
    its minor unit. Raises LineRefused with INVALID_MONEY.
    """
    text = text.strip()
    if not text:
        return None
    signed = _SIGNED.fullmatch(text)
    if signed is None or not all(_fits(sign, currency) for sign in (signed[1], signed[3])):
        raise LineRefused(Reason.INVALID_MONEY)
    figures = _AMOUNT.fullmatch(signed[2])
    places = minor_places(currency)
    if figures is None or len((figures[2] or "").rstrip("0")) > places:
        raise LineRefused(Reason.INVALID_MONEY)
    minor = int(figures[1].replace(",", "") + (figures[2] or "")[:places].ljust(places, "0"))
    if minor > money_minor_max:
        raise LineRefused(Reason.INVALID_MONEY)
    return Money(minor, currency)


def minor_places(currency: str) -> int:
    """Decimal places of a currency's minor unit (ISO 4217): 2 for nearly all."""
    if currency in _WITHOUT_MINOR:
        return 0
    return 3 if currency in _THOUSANDTHS else 2


def _fits(sign: str, currency: str) -> bool:
    return not sign or sign.upper() == currency or currency in _SIGNS.get(sign.upper(), ())
