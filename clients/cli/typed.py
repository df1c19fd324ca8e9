"""What people type, read: names, money, spans of time, moments. Each refuses with an example of the right form."""

# ruff: noqa: PLC0415 - a command that only prints its help must not wait for what reads values

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from clients.cli.failing import CommandFailed, wrong_usage
from engine.money import is_currency
from engine.names import DEFAULT_TENANT, is_name_part, parse_batch, parse_card, parse_hold, parse_pool, parse_supplier

if TYPE_CHECKING:
    from cardkeep_client import Money

_SPAN = re.compile(r"(?:(\d{1,5})d)?(?:(\d{1,6})h)?(?:(\d{1,7})m)?(?:(\d{1,9})s)?", re.ASCII)
_UNITS_S = (86_400, 3_600, 60, 1)
_WHOLE = re.compile(r"\d[\d,]*(?:\.\d{1,4})?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MAJOR_MONEY = re.compile(r"(\S+) ?([A-Za-z]{3})")


def sku_name(typed: str) -> str:
    """`NETFLIX-30`, or the whole name `tenants/t/skus/s`."""
    whole = typed if "/" in typed else f"tenants/{DEFAULT_TENANT}/skus/{typed}"
    if parse_pool(whole) is None:
        raise wrong_usage(f"{typed!r} is no SKU.", "Type it like NETFLIX-30: 1–63 letters, digits, `.`, `_` or `-`.")
    return whole


def default_tenant() -> str:
    """Whose suppliers are meant where nobody says."""
    return f"tenants/{DEFAULT_TENANT}"


def supplier_name(typed: str) -> str:
    """`east`, or the whole name `tenants/t/suppliers/east`."""
    whole = typed if "/" in typed else f"{default_tenant()}/suppliers/{typed}"
    if parse_supplier(whole) is None:
        raise wrong_usage(f"{typed!r} is no supplier.", "Type it like east: 1–63 letters, digits, `.`, `_` or `-`.")
    return whole


def hold_name(typed: str, sku: str | None = None) -> str:
    """`NETFLIX-30/holds/17`, the whole name, or `17` of the SKU given apart."""
    whole = _whole(typed, "holds", sku)
    if parse_hold(whole) is None:
        raise _no_name(typed, "hold", "NETFLIX-30/holds/17, or 17 --sku NETFLIX-30")
    return whole


def batch_name(typed: str, sku: str | None = None) -> str:
    """`NETFLIX-30/batches/3`, the whole name, or `3` of the SKU given apart."""
    whole = _whole(typed, "batches", sku)
    if parse_batch(whole) is None:
        raise _no_name(typed, "batch", "NETFLIX-30/batches/3, or 3 --sku NETFLIX-30")
    return whole


def card_name(typed: str, sku: str | None = None) -> str:
    """`NETFLIX-30/cards/3-17`, the whole name, or `3-17` of the SKU given apart."""
    whole = _whole(typed, "cards", sku)
    if parse_card(whole) is None:
        raise _no_name(typed, "card", "NETFLIX-30/cards/3-17, or 3-17 --sku NETFLIX-30")
    return whole


def batch_or_cards(typed: list[str], sku: str | None = None) -> str | list[str]:
    """The name of one batch, or the names of cards."""
    is_batch = [parse_batch(_whole(each, "batches", sku)) is not None for each in typed]
    if not any(is_batch):
        return [card_name(each, sku) for each in typed]
    if len(typed) > 1:
        raise wrong_usage("A batch goes alone.", "Name one batch, or cards only.")
    return batch_name(typed[0], sku)


def money(typed: str | None) -> "Money | None":
    """`15.00 CNY` or `1500 JPY`, as minor units; None for nothing typed."""
    if typed is None:
        return None
    match = _MAJOR_MONEY.fullmatch(typed.strip())
    if match is None:
        raise _no_money(typed)
    return _amount(match[1], match[2].upper())


def unit_cost(typed: str | None, currency: str | None) -> "Money | None":
    """`10.00 CNY`; or minor units (`1000`) with the currency apart."""
    from cardkeep_client import Money

    if typed is not None and typed.isascii() and typed.isdecimal():
        if currency is None:
            raise wrong_usage(
                f"{typed!r} says no currency.", f'Type "{typed}.00 CNY", or minor units: {typed} --currency CNY.'
            )
        return Money(int(typed), currency_code(currency))
    cost = money(typed)
    if cost is not None and currency is not None and currency_code(currency) != cost.currency:
        raise wrong_usage(f"--unit-cost is in {cost.currency}, --currency is {currency}.", "Leave --currency out.")
    return cost


def currency_code(typed: str) -> str:
    """Three letters, such as CNY."""
    code = typed.upper()
    if not is_currency(code):
        raise wrong_usage(f"{typed!r} is no currency.", "Type three letters, like CNY or USD.")
    return code


def days(typed: str | None) -> list[int] | None:
    """`30,14,7,1`; None for nothing typed."""
    if typed is None:
        return None
    parts = [part.strip() for part in typed.split(",")]
    if not all(part.isascii() and part.isdecimal() for part in parts):
        raise wrong_usage(f"{typed!r} is no list of days.", "Type it like 30,14,7,1.")
    return [int(part) for part in parts]


def span(typed: str | None) -> timedelta | None:
    """`90s`, `15m`, `2h`, `1h30m`, `7d`; None for nothing typed."""
    if typed is None:
        return None
    match = _SPAN.fullmatch(typed.strip().lower())
    if match is None or not any(match.groups()):
        raise wrong_usage(f"{typed!r} is no span of time.", "Type it like 90s, 15m, 2h, 1h30m or 7d.")
    seconds = sum(int(count or 0) * unit_s for count, unit_s in zip(match.groups(), _UNITS_S, strict=True))
    return timedelta(seconds=seconds)


def moment(typed: str | None) -> datetime | None:
    """`2026-12-31` is the end of that day here; `2026-12-31 18:00` is here too; `…+08:00` or `…Z` says where."""
    if typed is None:
        return None
    from engine.intake.dates import expiry_ms
    from engine.intake.refusals import LineRefused

    try:
        utc_ms = expiry_ms(typed, 0)
        # The zone's offset on that very day: summer time may not have begun yet today.
        here_ms = None if utc_ms is None else expiry_ms(typed, utc_offset_ms(utc_ms))
    except (LineRefused, OverflowError, ValueError, OSError):
        here_ms = None
    if here_ms is None:
        raise wrong_usage(f"{typed!r} is no date.", 'Type it like 2026-12-31 or "2026-12-31 18:00+08:00".')
    return datetime.fromtimestamp(here_ms / 1_000, UTC)


def beginning(typed: str) -> datetime:
    """As `moment`, but a day is its first moment."""
    found = moment(f"{typed} 00:00" if _DAY.fullmatch(typed.strip()) else typed)
    assert found is not None
    return found


def utc_offset_ms(at_ms: int) -> int:
    """What clocks here show ahead of UTC at a moment."""
    offset = datetime.fromtimestamp(at_ms / 1_000).astimezone().utcoffset()
    return 0 if offset is None else int(offset.total_seconds() * 1_000)


def _whole(typed: str, collection: str, sku: str | None) -> str:
    if sku is not None and "/" not in typed:
        return f"{sku_name(sku)}/{collection}/{typed}"
    head = typed.partition("/")[0]
    return f"tenants/{DEFAULT_TENANT}/skus/{typed}" if head != "tenants" and is_name_part(head) else typed


def _no_name(typed: str, kind: str, example: str) -> CommandFailed:
    return wrong_usage(f"{typed!r} is no {kind}.", f"Type it like {example}.")


def _no_money(typed: str) -> CommandFailed:
    return wrong_usage(f"{typed!r} is no amount of money.", 'Type it like "15.00 CNY" or "1500 JPY".')


def _amount(figures: str, currency: str) -> "Money":
    from cardkeep_client import Money

    from engine.intake.amounts import amount, minor_places
    from engine.intake.refusals import LineRefused
    from engine.limits import money_minor_max

    try:
        found = amount(figures, currency)
    except LineRefused:
        found = None
    if found is None:
        major_max = money_minor_max // 10 ** minor_places(currency)
        if _WHOLE.fullmatch(figures) and int(figures.partition(".")[0].replace(",", "")) >= major_max:
            raise wrong_usage(f"{figures} {currency} is too much.", f"An amount is at most {major_max:,} {currency}.")
        raise _no_money(f"{figures} {currency}")
    return Money(found.minor, found.currency)
