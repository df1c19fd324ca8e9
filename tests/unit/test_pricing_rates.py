"""Rates of exchange: which one counts when, what may be entered, and what had better be looked at twice."""

import pytest

from engine import limits
from engine.money import Money
from engine.pricing.landing import Fees, Rate, landed
from engine.pricing.rates import NO_RATE, RATE_TOO_OLD, EnteredRate, Rates, RateUnusable, jumps, parsed

NOW_MS = 1_700_000_000_000
DAY_MS = limits.DAY_MS


def entered(figures: str = "7.2", from_ms: int = NOW_MS, **others: object) -> EnteredRate:
    """From dollars to yuan."""
    rate = EnteredRate("shop", "USD", "CNY", figures, from_ms, from_ms, "ann")
    return rate._replace(**others)  # type: ignore[arg-type]


def test_a_rate_counts_from_its_moment_until_a_later_one_does() -> None:
    """To the millisecond, whatever order they were entered in: a purchase of yesterday is counted at yesterday's."""
    rates = Rates([entered("7.3", NOW_MS + DAY_MS), entered("7.1", NOW_MS)])
    assert rates.between("shop", "USD", "CNY", NOW_MS) == Rate("USD", "CNY", 71, 10, NOW_MS)
    assert rates.between("shop", "USD", "CNY", NOW_MS + DAY_MS - 1) == Rate("USD", "CNY", 71, 10, NOW_MS)
    assert rates.between("shop", "USD", "CNY", NOW_MS + DAY_MS) == Rate("USD", "CNY", 73, 10, NOW_MS + DAY_MS)


def test_before_its_moment_and_a_week_after_it_none_can_be_used() -> None:
    """The two have words of their own, for what is to be done is not the same."""
    rates = Rates([entered()])
    last_ms = NOW_MS + limits.rate_age_max_ms - 1
    assert rates.between("shop", "USD", "CNY", last_ms).dated_ms == NOW_MS
    for at_ms, why in ((NOW_MS - 1, NO_RATE), (last_ms + 1, RATE_TOO_OLD)):
        with pytest.raises(RateUnusable, match="from USD to CNY") as unusable:
            rates.between("shop", "USD", "CNY", at_ms)
        assert unusable.value.why == why
        assert str(unusable.value).startswith(f"{why}: ")


def test_the_last_word_for_a_moment_counts_and_the_others_stay_to_be_seen() -> None:
    """Who said what, the last word first; also when it is read first."""
    slip, mended = entered("7.9"), entered("7.2", entered_at_ms=NOW_MS + 1, who="bob")
    for rates in (Rates([slip, mended]), Rates([mended, slip])):
        assert rates.between("shop", "USD", "CNY", NOW_MS).numerator == 72
        assert rates.counts_at("shop", "USD", "CNY", NOW_MS) == mended
        assert rates.of("shop") == [mended, slip]


def test_another_tenants_rate_and_the_way_back_are_none() -> None:
    """Nothing of one shop is another's, and selling dollars costs another spread; one currency needs no rate."""
    rates = Rates([entered()])
    for tenant, source, target in (("other", "USD", "CNY"), ("shop", "CNY", "USD")):
        with pytest.raises(RateUnusable):
            rates.between(tenant, source, target, NOW_MS)
    assert rates.counts_at("shop", "CNY", "USD", NOW_MS) is None
    assert landed(Money(950, "CNY"), Fees(), rates.between("any", "CNY", "CNY", NOW_MS)) == Money(950, "CNY")
    assert rates.of("other") == []


def test_the_same_again_changes_nothing_and_a_correction_is_the_last_word_by_any_clock() -> None:
    """Whoever entered it first did so by a clock that was a second ahead."""
    first = entered(entered_at_ms=NOW_MS + 1_000)
    assert first.says_as(entered(who="bob"))
    assert not first.says_as(entered("7.20"))
    assert not first.says_as(entered(from_ms=NOW_MS + 1))
    correction = entered("7.3", entered_at_ms=NOW_MS).after(first)
    assert Rates([correction, first]).counts_at("shop", "USD", "CNY", NOW_MS) == correction
    assert entered("7.3", entered_at_ms=NOW_MS + 5_000).after(first).entered_at_ms == NOW_MS + 5_000


@pytest.mark.parametrize(
    ("source", "target", "figures", "cost", "counts"),
    [
        # 9.50 USD × 7.2141 = 68.53395 CNY, rounded up.
        ("USD", "CNY", "7.2141", 950, 6_854),
        # 1,000 JPY × 0.0468 = 46.80 CNY.
        ("JPY", "CNY", "0.0468", 1_000, 4_680),
        # 46.80 CNY × 21.37 = 1,000.116 JPY, rounded up.
        ("CNY", "JPY", "21.37", 4_680, 1_001),
        # 1.000 KWD (thousandths) × 23.5 = 23.50 CNY.
        ("KWD", "CNY", "23.5", 1_000, 2_350),
        # A third of a yuan for each: 10.00 at 1/3 is 3.3333…, rounded up.
        ("USD", "CNY", "1/3", 1_000, 334),
    ],
)
def test_figures_are_of_whole_units_and_exact(source: str, target: str, figures: str, cost: int, counts: int) -> None:
    """By hand, with currencies of two, no and three decimals."""
    rate = entered(figures, source=source, target=target).rate
    assert landed(Money(cost, source), Fees(), rate) == Money(counts, target)


@pytest.mark.parametrize(
    "figures", ["", "7,2", "-7.2", "+7", "7.", ".5", "1e3", "0", "0.000", "7/0", "0/7", "1/2/3", "７", "7.1234567890"]
)
def test_what_is_no_rate_is_refused(figures: str) -> None:
    """Above all what would make a cost nothing: a slip of the keyboard must not give cards away."""
    with pytest.raises(ValueError, match=r"rate|decimal"):
        parsed(figures)


def test_a_rate_that_is_a_fifth_from_the_one_before_is_still_no_jump() -> None:
    """20 % either way is, at the very most, an evil day; a slip of the point is not."""
    before = entered("7.00")
    assert [jumps(before, entered(figures)) for figures in ("8.4", "5.6", "8.41", "5.59", "70", "0.7")] == [
        *(False, False),
        *(True, True, True, True),
    ]


def test_what_is_kept_is_bounded_and_what_counts_is_never_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was entered first goes first, unless it is the one that counts now."""
    monkeypatch.setattr(limits, "rates_kept_max", 3)
    now, later = entered("7.0"), [entered("7.1", NOW_MS + day * DAY_MS) for day in (1, 2)]
    backdated = entered("6.9", NOW_MS - DAY_MS, entered_at_ms=NOW_MS + 3 * DAY_MS)
    assert Rates([now, *later]).surplus("shop", "USD", "CNY", NOW_MS) == [later[0]]
    assert Rates([now, *later, backdated]).surplus("shop", "USD", "CNY", NOW_MS) == later
    assert Rates([now]).surplus("shop", "USD", "CNY", NOW_MS) == []
    assert Rates().surplus("shop", "USD", "CNY", NOW_MS) == []


def test_a_tenant_has_so_many_pairs_of_currencies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those there are may always be said anew."""
    monkeypatch.setattr(limits, "rate_pairs_max", 1)
    rates = Rates([entered()])
    assert rates.has_room_for(entered("7.3"))
    assert not rates.has_room_for(entered(source="EUR"))
    assert rates.has_room_for(entered(source="EUR", tenant="other"))
