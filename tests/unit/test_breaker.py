"""The breaker's formula, figure by figure as it is published."""

from engine.supply.breaker import (
    Breaker,
    Override,
    failures_in_a_row,
    purchases_seen_max,
    rest_first_ms,
    rest_last_ms,
    seen_for_ms,
    successes_to_close,
)

NOW_MS = 1_000_000


def _after(ends: str, *, every_ms: int = 1_000) -> tuple[Breaker, int]:
    """A breaker that saw these ends, `+` well and `-` not, and the moment of the last."""
    breaker, now_ms = Breaker(), NOW_MS
    for end in ends:
        now_ms += every_ms
        breaker.ends(now_ms, is_well=end == "+")
    return breaker, now_ms


def test_three_failures_in_a_row_open_it_and_two_do_not() -> None:
    """At once, however well all went before."""
    breaker, now_ms = _after("+" * 40 + "--")
    assert breaker.is_closed
    assert breaker.lets_through(now_ms)
    breaker.ends(now_ms, is_well=False)
    assert not breaker.is_closed
    assert not breaker.lets_through(now_ms)


def test_two_in_five_open_it_once_five_have_failed() -> None:
    """4 of 8 are too few, 5 of 13 too small a share; 5 of 12 and 6 of 15 are enough."""
    assert _after("-+" * 4)[0].is_closed
    assert _after("-+" * 4 + "++++-")[0].is_closed
    assert not _after("-+" * 4 + "+++-")[0].is_closed
    assert not _after("-+" * 4 + "++++-+-")[0].is_closed


def test_what_was_long_ago_or_many_purchases_ago_does_not_count() -> None:
    """Four failures of an hour ago and one of now are one; and so with four before fifty others."""
    breaker, now_ms = _after("-+-+-+-+")
    breaker.ends(now_ms + seen_for_ms + 1, is_well=False)
    assert breaker.is_closed
    breaker, now_ms = _after("-+-+-+-+" + "+" * purchases_seen_max, every_ms=1)
    breaker.ends(now_ms, is_well=False)
    assert breaker.is_closed


def test_after_its_rest_one_at_a_time_tries_and_two_successes_close_it() -> None:
    """Nobody else is let through while one is under way."""
    breaker, now_ms = _after("-" * failures_in_a_row)
    assert not breaker.lets_through(now_ms + rest_first_ms - 1)
    now_ms += rest_first_ms
    for _ in range(successes_to_close):
        assert breaker.lets_through(now_ms)
        breaker.begins()
        assert not breaker.lets_through(now_ms)
        assert not breaker.is_closed
        breaker.ends(now_ms, is_well=True)
    assert breaker.is_closed
    breaker.begins()
    assert breaker.lets_through(now_ms)
    for _ in range(failures_in_a_row - 1):
        breaker.ends(now_ms, is_well=False)
    assert breaker.is_closed  # What it saw before it opened is forgotten: else five of seven have failed.


def test_a_failed_try_doubles_the_rest_up_to_a_longest_and_closing_forgets_it() -> None:
    """5 s, 10 s, 20 s … 300 s."""
    breaker, now_ms = _after("-" * failures_in_a_row)
    rests = [rest_first_ms]
    for _ in range(8):
        now_ms += rests[-1]
        breaker.begins()
        breaker.ends(now_ms, is_well=False)
        rests.append(min(rest_last_ms, 2 * rests[-1]))
        assert not breaker.lets_through(now_ms + rests[-1] - 1)
        assert breaker.lets_through(now_ms + rests[-1])
    assert rests[-1] == rest_last_ms
    for _ in range(successes_to_close):
        breaker.begins()
        breaker.ends(now_ms, is_well=True)
    for _ in range(failures_in_a_row):
        breaker.ends(now_ms, is_well=False)
    assert breaker.lets_through(now_ms + rest_first_ms)


def test_purchases_that_began_before_it_opened_are_no_tries() -> None:
    """Ten that were under way neither make its rest longer when they fail nor close it when they succeed."""
    breaker, now_ms = _after("-" * failures_in_a_row)
    for is_well in (False, True) * 5:
        breaker.ends(now_ms, is_well=is_well)
    assert not breaker.lets_through(now_ms + rest_first_ms - 1)
    assert breaker.lets_through(now_ms + rest_first_ms)
    assert not breaker.is_closed


def test_a_success_between_two_failed_tries_closes_nothing() -> None:
    """Two in a row are asked for."""
    breaker, now_ms = _after("-" * failures_in_a_row)
    for is_well in (True, False, True):
        now_ms += rest_last_ms
        breaker.begins()
        breaker.ends(now_ms, is_well=is_well)
    assert not breaker.is_closed


def test_what_staff_decide_holds_whatever_was_seen() -> None:
    """Both ways, until they take it back."""
    breaker, now_ms = _after("-" * failures_in_a_row)
    breaker.override = Override.HELD_CLOSED
    assert breaker.is_closed
    assert breaker.lets_through(now_ms)
    breaker.override = Override.NONE
    assert not breaker.lets_through(now_ms)
    breaker = Breaker()
    breaker.override = Override.HELD_OPEN
    assert not breaker.is_closed
    assert not breaker.lets_through(now_ms)
