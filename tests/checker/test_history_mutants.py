"""The checker is worth something: change one answer in a history of a shaken house, and the rule it kept objects.

The histories are the simulator's: real owners, stores that fail, callers that ask twice or give up. Each mutant below
looks for a place where it can be done, and its rule must object; the history as it was must be clean.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy

import pytest

from bench.checker.verdict import RULES
from tests.sim.run import run
from tests.sim.testimony import Line, judge

Mutant = Callable[[list[Line]], bool]
"""Changes a line, or adds one, where there is a place for it. Answers whether there was."""

#: Most histories are of small houses; each mutant finds its place in some of them.
_SEEDS = range(70_080, 70_130)


@pytest.fixture(scope="module")
def histories() -> list[list[Line]]:
    """What callers of some shaken houses were told."""
    return [run(seed).history for seed in _SEEDS]


def _calls(lines: list[Line], kind: str, end: str = "ok") -> Iterator[Line]:
    return (line for line in lines if line["type"] == "op" and line["kind"] == kind and line["end"] == end)


def _new_holds(lines: list[Line]) -> list[Line]:
    """Allocates that were answered with a hold just made, each the only answer of its kind to tell of it."""
    asked = [line["request_id"] for line in lines if line["type"] == "op" and "request_id" in line]
    fresh = [line for line in _calls(lines, "allocate") if "at_ms" in line and not line["replayed"]]
    return sorted((line for line in fresh if asked.count(line["request_id"]) == 1), key=lambda line: line["seq"])


def _is_about(line: Line, hold: Line) -> bool:
    return line["sku"] == hold["sku"] and line.get("hold") == hold["hold"]


def _is_left_alone(lines: list[Line], hold: Line) -> bool:
    """Whether nothing was done with a hold after it was made: it was only looked at."""
    others = (line for line in lines if line["type"] == "op" and line is not hold and _is_about(line, hold))
    return all(line["kind"] == "get_hold" and not line["cards"] for line in others)


def _sales(lines: list[Line]) -> list[Line]:
    """Sales in time, of whole holds, each told once."""
    every = list(_calls(lines, "confirm"))
    alone = [line for line in every if sum(_is_about(other, line) for other in every) == 1]
    return [line for line in alone if not line["replayed"] and not line["late"] and not line["quantity"]]


def _change(line: Line, **answer: object) -> bool:
    line.update(answer)
    return True


def holds_a_card_that_is_held(lines: list[Line]) -> bool:
    """R1: the second of two buyers at a time gets the first one's card."""
    alone = [line for line in _new_holds(lines) if _is_left_alone(lines, line)]
    for one in alone:
        for other in alone:
            is_while = one["seq"] < other["seq"] and other["at_ms"] < one["expires_at_ms"]
            if one["sku"] == other["sku"] and is_while and len(one["cards"]) == len(other["cards"]):
                return _change(other, cards=one["cards"])
    return False


def sells_a_card_twice(lines: list[Line]) -> bool:
    """R2: two orders have the same card for good."""
    sales = _sales(lines)
    for one in sales:
        for other in sales:
            if one is not other and one["sku"] == other["sku"] and len(one["cards"]) == len(other["cards"]):
                return _change(other, cards=one["cards"])
    return False


def gives_a_card_that_never_came(lines: list[Line]) -> bool:
    """R3: nobody ever brought card 77-0."""
    alone = [line for line in _new_holds(lines) if _is_left_alone(lines, line)]
    return bool(alone) and _change(alone[0], cards=["77-0", *alone[0]["cards"][1:]])


def forgets_a_sale(lines: list[Line]) -> bool:
    """R4: what was acknowledged as sold is found expired at the end."""
    sold = {(line["sku"], line["hold"]) for line in _sales(lines)}
    found = (line for line in lines if line["type"] == "final" and (line["sku"], line["hold"]) in sold)
    return any(_change(line, state="EXPIRED", cards=[]) for line in found)


def forgets_a_hold(lines: list[Line]) -> bool:
    """R5: a hold that was acknowledged is not found by whoever asks for it a moment later."""
    for one in _new_holds(lines):
        asked_ms = one["returned_at_ms"] + 0.001
        asked = {"kind": "get_hold", "request_id": "", "invoked_at_ms": asked_ms, "returned_at_ms": asked_ms + 0.001}
        lines.append(one | asked | {"end": "fail", "reason": "HOLD_NOT_FOUND", "cards": [], "seq": 0})
        return True
    return False


def loses_a_card(lines: list[Line]) -> bool:
    """R6: a card is nowhere at the end."""
    full = (line for line in lines if line["type"] == "books" and line["on_shelf"])
    return any(_change(line, on_shelf=line["on_shelf"] - 1) for line in full)


def answers_a_retry_otherwise(lines: list[Line]) -> bool:
    """R7: the same request, sent once more, is shown another card."""
    heard = set()
    for line in _calls(lines, "allocate"):
        if line["replayed"] and line["request_id"] in heard:
            return _change(line, cards=["1-999", *line["cards"][1:]])
        heard.add(line["request_id"])
    return False


def says_sold_out_beside_a_full_shelf(lines: list[Line]) -> bool:
    """R8: at the end all holds are over, and the shelf is not empty; the next buyer is sent away."""
    withdrawn = {line["sku"] for line in _calls(lines, "withdraw")} | {
        line["sku"] for line in lines if line.get("end") == "info"
    }
    perishable = {line["sku"] for line in lines if line.get("perishable")}
    # What a late buyer got in place of cards that had gone back: the rule lets both be away.
    resold = {line["sku"] for line in _calls(lines, "confirm") if line["late"]}
    for books in [line for line in lines if line["type"] == "books"]:
        if books["on_shelf"] and books["sku"] not in withdrawn | perishable | resold:
            after_ms = books["counted_at_ms"] + 1
            template = next((line for line in _calls(lines, "allocate") if line["sku"] == books["sku"]), None)
            if template is None:
                continue
            asked = {"request_id": "the last", "invoked_at_ms": after_ms, "returned_at_ms": after_ms + 1, "seq": 0}
            lines.append(template | asked | {"end": "fail", "reason": "OUT_OF_STOCK", "quantity": 1, "hold": ""})
            return True
    return False


def answers_from_the_past(lines: list[Line]) -> bool:
    """R9: a question is answered as of a seq that an earlier answer had left behind."""
    for read in _calls(lines, "get_hold"):
        asked = (line for line in lines if line["type"] == "op" and line["sku"] == read["sku"])
        before = (line for line in asked if line["end"] == "ok" and "seq" in line)
        if any(line["seq"] == read["seq"] and line["returned_at_ms"] < read["invoked_at_ms"] for line in before):
            return _change(read, seq=read["seq"] - 1)
    return False


def gives_a_sold_card_again(lines: list[Line]) -> bool:
    """R10: a buyer gets a card that was sold before."""
    alone = [line for line in _new_holds(lines) if _is_left_alone(lines, line)]
    for one in _sales(lines):
        for other in alone:
            is_later = one["sku"] == other["sku"] and one["seq"] < other["seq"]
            if is_later and len(one["cards"]) == len(other["cards"]):
                return _change(other, cards=one["cards"])
    return False


def answers_from_an_older_epoch(lines: list[Line]) -> bool:
    """R11: an owner that was replaced answers a question as if it had not been."""
    reads = sorted(_calls(lines, "get_hold"), key=lambda line: line["invoked_at_ms"])
    return any(_change(line, epoch=line["epoch"] - 1) for line in reads[::-1] if line["epoch"] > 1)


def replays_otherwise(lines: list[Line]) -> bool:
    """R12: what a recovery makes of the journal is not what was served."""
    return any(_change(line, replayed="another") for line in lines if line["type"] == "digests")


MUTANTS: dict[str, Mutant] = {
    "R1": holds_a_card_that_is_held,
    "R2": sells_a_card_twice,
    "R3": gives_a_card_that_never_came,
    "R4": forgets_a_sale,
    "R5": forgets_a_hold,
    "R6": loses_a_card,
    "R7": answers_a_retry_otherwise,
    "R8": says_sold_out_beside_a_full_shelf,
    "R9": answers_from_the_past,
    "R10": gives_a_sold_card_again,
    "R11": answers_from_an_older_epoch,
    "R12": replays_otherwise,
}

#: Where one changed answer contradicts two things that had been said: two orders, and the count at the end.
_ALSO = {"R2": {"R4"}}


def test_every_rule_has_a_mutant() -> None:
    """Twelve of twelve."""
    assert set(MUTANTS) == set(RULES)


@pytest.mark.parametrize("rule", MUTANTS)
def test_a_changed_answer_breaks_its_rule(rule: str, histories: list[list[Line]]) -> None:
    """The rule it was changed against objects, no other does, and before the change none did."""
    tried = 0
    for history in histories:
        lines = deepcopy(history)
        if not MUTANTS[rule](lines):
            continue
        tried += 1
        assert judge(history).is_clean
        verdict = judge(lines)
        assert rule in verdict.broken
        assert set(verdict.broken) <= {rule} | _ALSO.get(rule, set()), verdict.violations
    assert tried
