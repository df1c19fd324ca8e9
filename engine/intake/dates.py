"""Expiry dates as shops write them, read without guessing.

Year first is always clear: 2026-12-31, 2026/12/31, 2026.12.31, 2026年12月31日, 20261231, each with or
without a time. Year last is taken only when it has one reading: 31/12/2026 and 12/31/2026 have, and so
has 05/05/2026; 01/02/2026 has two and is refused. A date without a time means the end of that day.
"""

import re
from datetime import date
from functools import lru_cache

from engine.intake.refusals import LineRefused, Reason
from engine.limits import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS

_YEAR_FIRST = (
    r"(?P<year>\d{4})(?:(?P<gap>[-/.])(?P<month>\d{1,2})(?P=gap)|年(?P<month_cn>\d{1,2})月)(?P<day>\d{1,2})日?"
)
_COMPACT = r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})"
_YEAR_LAST = r"(?P<one>\d{1,2})(?P<gap>[-/.])(?P<two>\d{1,2})(?P=gap)(?P<year>\d{4})"
_TIME = r"(?:[T ]*(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d{1,9})?)?)?"
_COMPACT_TIME = r"(?:(?P<hour>\d{2})(?P<minute>\d{2})(?P<second>\d{2}))?"
_ZONE = r"(?P<zone> ?(?:Z|[+-]\d{2}:?\d{2}))?"
_FORMS = tuple(
    re.compile(form, re.ASCII)
    for form in (_YEAR_FIRST + _TIME + _ZONE, _COMPACT + _TIME + _ZONE, _COMPACT + _COMPACT_TIME, _YEAR_LAST + _TIME)
)
_NEVER = frozenset({"", "-", "/", "0", "never", "none", "n/a", "永久", "永久有效", "长期", "长期有效", "不限", "无"})
_EPOCH_DAY = date(1970, 1, 1).toordinal()


@lru_cache(maxsize=4_096)
def expiry_ms(text: str, utc_offset_ms: int) -> int | None:
    """The last millisecond of the day, or the moment, that `text` names; None for "never" and an empty cell.

    `utc_offset_ms` is what clocks show ahead of UTC where the file was written; a zone in the text
    wins over it. Raises LineRefused with INVALID_DATE or AMBIGUOUS_DATE. (Files repeat a few dates
    many times, so the last few are remembered.)
    """
    text = text.strip()
    if text.casefold() in _NEVER:
        return None
    found = next((match for form in _FORMS if (match := form.fullmatch(text))), None)
    if found is None:
        raise LineRefused(Reason.INVALID_DATE)
    parts = found.groupdict()
    day_ms = (_day(parts).toordinal() - _EPOCH_DAY) * DAY_MS
    if day_ms < 0:
        raise LineRefused(Reason.INVALID_DATE)
    time_ms = DAY_MS - 1 if parts["hour"] is None else _time_ms(parts)
    zone = parts.get("zone")
    return day_ms + time_ms - (_zone_ms(zone.strip()) if zone else utc_offset_ms)


def is_date(text: str) -> bool:
    """Whether `text` is a date in one of the forms, even an ambiguous one; "never" is not."""
    try:
        return expiry_ms(text, 0) is not None
    except LineRefused as refused:
        return refused.reason is Reason.AMBIGUOUS_DATE


def _day(parts: dict[str, str]) -> date:
    year = int(parts["year"])
    if "one" not in parts:
        return _date(year, int(parts["month"] or parts["month_cn"]), int(parts["day"]))
    one, two = int(parts["one"]), int(parts["two"])
    if one != two and max(one, two) <= 12:
        raise LineRefused(Reason.AMBIGUOUS_DATE)
    return _date(year, min(one, two), max(one, two))


def _date(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise LineRefused(Reason.INVALID_DATE) from None


def _time_ms(parts: dict[str, str]) -> int:
    hour, minute, second = int(parts["hour"]), int(parts["minute"]), int(parts["second"] or 0)
    if hour > 23 or minute > 59 or second > 59:
        raise LineRefused(Reason.INVALID_DATE)
    return hour * HOUR_MS + minute * MINUTE_MS + second * SECOND_MS


def _zone_ms(zone: str) -> int:
    if zone == "Z":
        return 0
    ahead_ms = int(zone[1:3]) * HOUR_MS + int(zone[-2:]) * MINUTE_MS
    return -ahead_ms if zone[0] == "-" else ahead_ms
