"""Expiry dates: read exactly, or refused; never guessed."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.intake.dates import expiry_ms, is_date
from engine.intake.refusals import LineRefused, Reason

CHINA_MS = 8 * 3_600_000
LAST_OF_2026 = int(datetime(2027, 1, 1, tzinfo=timezone(timedelta(hours=8))).timestamp()) * 1_000 - 1


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-31",
        "2026/12/31",
        "2026.12.31",
        "2026年12月31日",
        "2026年12月31",
        "20261231",
        "31.12.2026",
        "31/12/2026",
        "12/31/2026",
        " 2026-12-31 ",
    ],
)
def test_a_date_means_the_last_millisecond_of_its_day_where_the_file_was_written(text: str) -> None:
    """31 December in China ends at 16:00 UTC."""
    assert expiry_ms(text, CHINA_MS) == LAST_OF_2026
    assert expiry_ms(text, 0) == LAST_OF_2026 + CHINA_MS


def test_months_and_days_of_one_digit_are_read() -> None:
    """As Excel writes them in a Chinese locale."""
    expected = int(datetime(2027, 3, 6, tzinfo=UTC).timestamp()) * 1_000 - 1
    for text in ("2027-3-5", "2027/3/5", "2027年3月5日"):
        assert expiry_ms(text, 0) == expected


@pytest.mark.parametrize(
    ("text", "hour", "minute", "second"),
    [
        ("2026-12-31 18:30", 18, 30, 0),
        ("2026-12-31 18:30:15", 18, 30, 15),
        ("2026-12-31T18:30:15.250", 18, 30, 15),
        ("2026/12/31 8:05", 8, 5, 0),
        ("2026年12月31日18:30:15", 18, 30, 15),
        ("20261231 18:30", 18, 30, 0),
        ("20261231183015", 18, 30, 15),
        ("31.12.2026 18:30", 18, 30, 0),
        ("2026-12-31 00:00:00", 0, 0, 0),
    ],
)
def test_a_time_is_that_moment(text: str, hour: int, minute: int, second: int) -> None:
    """Midnight written out is midnight, at the start of the day."""
    moment = datetime(2026, 12, 31, hour, minute, second, tzinfo=UTC)
    assert expiry_ms(text, 0) == int(moment.timestamp()) * 1_000
    assert expiry_ms(text, CHINA_MS) == int(moment.timestamp()) * 1_000 - CHINA_MS


@pytest.mark.parametrize(
    ("zone", "ahead_minutes"), [("Z", 0), ("+08:00", 480), ("+0530", 330), ("-03:30", -210), (" +08:00", 480)]
)
def test_a_zone_in_the_text_wins_over_the_files(zone: str, ahead_minutes: int) -> None:
    """The same text means the same moment wherever it is read."""
    moment = datetime(2026, 12, 31, 18, 30, tzinfo=timezone(timedelta(minutes=ahead_minutes)))
    for offset_ms in (0, CHINA_MS):
        assert expiry_ms(f"2026-12-31 18:30{zone}", offset_ms) == int(moment.timestamp()) * 1_000


@pytest.mark.parametrize("text", ["", "  ", "-", "永久", "长期有效", "Never", "N/A", "0"])
def test_words_for_never_are_no_expiry(text: str) -> None:
    """The batch's own expiry, or none, holds then."""
    assert expiry_ms(text, 0) is None
    assert not is_date(text)


@pytest.mark.parametrize("text", ["01/02/2026", "1.2.2026", "12-11-2026"])
def test_a_date_with_two_readings_is_refused(text: str) -> None:
    """Being a month wrong sells dead cards or throws good ones away."""
    with pytest.raises(LineRefused) as caught:
        expiry_ms(text, 0)
    assert caught.value.reason is Reason.AMBIGUOUS_DATE
    assert is_date(text)


def test_equal_day_and_month_have_one_reading() -> None:
    """05/05/2026 is the fifth of May either way."""
    assert expiry_ms("05/05/2026", 0) == expiry_ms("2026-05-05", 0)


@pytest.mark.parametrize(
    "text",
    [
        "2026-13-01",
        "2026-02-29",
        "2026-00-10",
        "20260230",
        "13/14/2026",
        "2026-12/31",
        "26-12-31",
        "2026-12",
        "next year",
        "46387",
        "2026-12-31 24:00",
        "2026-12-31 10:60",
        "2026-12-31 10:00:60",
        "1969-12-31",
        "0000-01-01",
        "２０２６-12-31",
        "2026-12-31 ABC",
    ],
)
def test_what_is_no_date_is_refused(text: str) -> None:
    """A wrong expiry is worse than a refused line."""
    with pytest.raises(LineRefused) as caught:
        expiry_ms(text, 0)
    assert caught.value.reason is Reason.INVALID_DATE
    assert not is_date(text)


@given(st.dates(min_value=date(1970, 1, 2)), st.sampled_from(["%Y-%m-%d", "%Y/%m/%d", "%Y年%m月%d日", "%Y%m%d"]))
def test_every_day_of_the_calendar_is_read(day: date, form: str) -> None:
    """Reckoned against datetime, for each year-first form."""
    text = day.isoformat() if form == "%Y-%m-%d" else f"{day.year:04}" + day.strftime(form)[len(day.strftime("%Y")) :]
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    assert expiry_ms(text, 0) == int(midnight.timestamp()) * 1_000 + 86_399_999
