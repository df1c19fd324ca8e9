"""Mischief by rule: as often as it is told, on what it is told, and the same again with the same seed."""

import pytest

from clients.sandbox.counter import twist_of
from clients.sandbox.mischief import Mischief, Question, Rule, Trick, rule_from, rules_max
from clients.sandbox.scenario import Scenario, checked, scenario_from
from clients.sandbox.shop import PLAIN, Twist, Why
from engine.supply.suppliers import Idempotency


def struck(mischief: Mischief, count: int, question: Question = Question.ORDER, product: str = "P") -> list[bool]:
    """Whether each of so many requests was struck."""
    return [bool(mischief.strikes(question, product)) for _ in range(count)]


def test_the_next_three_orders_after_two() -> None:
    """Counted from when it was told."""
    mischief = Mischief()
    mischief.set([Rule(Trick.DOWN, times=3, skip=2)])
    assert struck(mischief, 7) == [False, False, True, True, True, False, False]
    assert mischief.struck[Trick.DOWN] == 3


def test_a_share_is_kept_and_its_chance_is_seeded() -> None:
    """30 % of 10,000: within five standard deviations of 46."""
    runs = []
    for _ in range(2):
        mischief = Mischief(seed=7)
        mischief.set([Rule(Trick.HANG, share=0.3)])
        runs.append(struck(mischief, 10_000))
    assert runs[0] == runs[1]
    assert abs(runs[0].count(True) - 3_000) < 230


def test_a_rule_strikes_only_what_it_is_on() -> None:
    """A question, a product, or anything."""
    mischief = Mischief()
    mischief.set(
        [Rule(Trick.DOWN, product="P"), Rule(Trick.HTML, on=Question.LOOK_UP), Rule(Trick.SLOW, on=Question.ANY)]
    )
    assert set(mischief.strikes(Question.ORDER, "P")) == {Trick.DOWN, Trick.SLOW}
    assert set(mischief.strikes(Question.ORDER, "Q")) == {Trick.SLOW}
    assert set(mischief.strikes(Question.LOOK_UP)) == {Trick.HTML, Trick.SLOW}
    mischief.clear()
    assert mischief.strikes(Question.ORDER, "P") == {}


def test_rules_are_bounded() -> None:
    """Each request looks at all of them."""
    with pytest.raises(ValueError, match="at most"):
        Mischief().set([Rule(Trick.SLOW)] * (rules_max + 1))


def test_tricks_are_what_the_shop_is_told() -> None:
    """Several at once."""
    rules = {
        rule.trick: rule for rule in (Rule(Trick.DEAR, factor=3), Rule(Trick.PROCESSING, ms=50), Rule(Trick.TWICE))
    }
    assert twist_of(rules) == Twist(factor=3, pends_for_ms=50, is_twice=True)
    assert twist_of({Trick.OUT_OF_BALANCE: Rule(Trick.OUT_OF_BALANCE)}) == PLAIN._replace(refuses=Why.OUT_OF_BALANCE)
    assert twist_of({Trick.FAIL_LATER: Rule(Trick.FAIL_LATER)}) == PLAIN._replace(fails=True, pends_for_ms=0)


@pytest.mark.parametrize(
    "document", [{}, {"trick": "lie"}, {"trick": "slow", "speed": 3}, {"trick": "slow", "on": "x"}]
)
def test_a_rule_that_is_none_is_said(document: dict[str, object]) -> None:
    """In words, when it is told."""
    with pytest.raises(ValueError, match=r"rule|Trick|Question"):
        rule_from(document)


def test_a_scenario_is_read_whole() -> None:
    """With what the real shops do as the usual class."""
    made = scenario_from(
        {
            "name": "alpha",
            "dialect": "acg-faka",
            "currency": "USD",
            "may_reverse": False,
            "products": [{"product": "P", "unit_cost_minor": 5, "stock": 2, "prefix": "X"}],
            "mischief": [{"trick": "hang", "commits": True, "share": 0.3}],
        }
    )
    assert made.policy.idempotency is Idempotency.REJECT_BLIND
    assert not made.policy.may_reverse
    assert [(ware.product, ware.unit_cost.currency, ware.stock) for ware in made.wares] == [("P", "USD", 2)]
    assert made.mischief == [Rule(Trick.HANG, commits=True, share=0.3)]
    assert {ware.product for ware in checked(Scenario()).wares} == {"GAME-10", "GAME-50", "TOPUP-10"}


@pytest.mark.parametrize(
    "document", [{"dialect": "x"}, {"signing": "x"}, {"currency": "gold"}, {"colour": 1}, {"idempotency": "SOME"}]
)
def test_a_scenario_that_is_not_sound_is_said(document: dict[str, object]) -> None:
    """In words."""
    with pytest.raises(ValueError, match=r"no |currency|Idempotency"):
        scenario_from(document)
