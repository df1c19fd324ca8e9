"""The quick judge says what the slow one says, on thousands of little histories, right and wrong.

Both are given the same calls on three cards. The slow one tries every order; see `linearizing.py`.
"""

from collections import Counter
from random import Random

import pytest

from tests.checker.linearizing import Shop, is_possible
from tests.checker.lines import Line, judge, stocked
from tests.checker.shopping import CARDS, honest, tampered

_FULL = Shop(frozenset(CARDS))

#: Histories of each test; each takes some milliseconds.
_HISTORIES = 400


def is_right(calls: list[Line]) -> bool:
    """What the slow judge says, with each refusal put to it alone: they change nothing, and the quick one does so.

    Two refusals can be impossible together where each alone is possible: in 2 of 7,500 histories tried.
    """
    changes = [one for one in calls if one["end"] != "fail"]
    refusals = [one for one in calls if one["end"] == "fail"]
    return is_possible(_FULL, changes) and all(is_possible(_FULL, [*changes, one]) for one in refusals)


@pytest.mark.parametrize("doubt", [0.0, 0.2])
def test_a_right_history_is_never_accused(doubt: float) -> None:
    """Whatever happened in whatever order, and whoever never heard what became of his call."""
    for seed in range(_HISTORIES):
        chance = Random(seed)
        calls = honest(chance, chance.randint(2, 30), doubt=doubt)
        assert judge([stocked(3), *calls]).violations == [], f"seed {seed}"


def test_the_checker_agrees_with_trying_every_order() -> None:
    """Where every answer was heard: wrong histories are called wrong, and only those."""
    said: Counter[bool] = Counter()
    for seed in range(_HISTORIES):
        chance = Random(seed)
        calls = tampered(chance, honest(chance, chance.randint(2, 7)))
        verdict = judge([stocked(3), *calls])
        assert verdict.is_clean == is_right(calls), f"seed {seed}: {verdict.violations}"
        said[verdict.is_clean] += 1
    assert min(said.values()) > _HISTORIES / 10, "both kinds are to be tried"


def test_doubt_never_accuses_and_hides_little() -> None:
    """Where answers were not heard, what the checker objects to is wrong, and most of what is wrong it objects to."""
    wrong = found = 0
    for seed in range(_HISTORIES):
        chance = Random(seed)
        calls = tampered(chance, honest(chance, chance.randint(2, 7), doubt=0.2))
        is_clean = judge([stocked(3), *calls]).is_clean
        if is_possible(_FULL, calls):
            assert is_clean, f"seed {seed}"
        else:
            wrong += 1
            found += not is_clean
    assert found > 0.8 * wrong > 0
