"""The audit of a load objects to every kind of wrong history, by name, and to no right one."""

import pytest

from bench.audit import OK, Books, Call, Findings, audit

SKU = "tenants/default/skus/A"
FOREVER = float("inf")


def hold(number: int) -> str:
    """The name of a hold."""
    return f"{SKU}/holds/{number}"


def card(number: int) -> str:
    """The name of a card."""
    return f"{SKU}/cards/1-{number}"


def held(number: int, *cards: int, at_ms: float = 100.0, expires_ms: float = 900_000.0, request: str = "") -> Call:
    """An Allocate that was answered with a hold, asked 10 ms before."""
    request = request or f"r{number}"
    names = tuple(card(one) for one in cards)
    return Call("allocate", request, SKU, f"o-{request}", at_ms - 10, at_ms, OK, hold(number), names, expires_ms)


def allocate(request: str, answer: str, at_ms: float = 100.0) -> Call:
    """An Allocate that was answered otherwise, or not at all."""
    return Call("allocate", request, SKU, f"o-{request}", at_ms - 10, FOREVER if answer == "" else at_ms, answer)


def released(number: int, *, at_ms: float, answer: str = OK) -> Call:
    """A Release, asked 10 ms before its answer."""
    name = hold(number) if answer == OK else ""
    return Call("release", f"b{number}", hold(number), "", at_ms - 10, at_ms, answer, name)


def sold(number: int, *cards: int, at_ms: float) -> Call:
    """A Confirm, asked 10 ms before its answer."""
    names = tuple(card(one) for one in cards)
    return Call("confirm", f"c{number}", hold(number), f"p{number}", at_ms - 10, at_ms, OK, hold(number), names)


def books(*, received: int = 10, held: int = 0, sold: int = 0, void: int = 0, at_ms: float = 1_000.0) -> Books:
    """What an honest house counts."""
    on_shelf = received - held - sold - void
    return Books("A", received, on_shelf, held, sold, void, holds_active=held, counted_at_ms=at_ms)


def broken(findings: Findings) -> dict[str, int]:
    """What was objected to."""
    return dict(findings.broken)


def test_an_honest_sale_is_clean() -> None:
    """Held, sold, given back and given again: 3 cards held, 1 sold, 1 on the shelf twice."""
    calls = [
        held(1, 1),
        held(2, 2),
        held(3, 3, 4),
        sold(2, 2, at_ms=300.0),
        released(1, at_ms=300.0),
        held(4, 1, at_ms=400.0),
        allocate("r5", "OUT_OF_STOCK"),
    ]
    findings = audit(calls, [books(held=3, sold=1)])
    assert broken(findings) == {}
    assert (findings.calls, findings.holds, findings.sales, findings.cards_given) == (7, 4, 1, 4)


def test_the_order_of_the_histories_does_not_matter() -> None:
    """Each client process has a file of its own, so ends may be read before beginnings."""
    calls = [held(4, 1, at_ms=400.0), released(1, at_ms=300.0), held(1, 1)]
    assert broken(audit(calls, [books(held=1)])) == {}


def test_a_card_in_two_live_holds_is_doubled() -> None:
    """Both were acknowledged, and neither had ended."""
    findings = audit([held(1, 7), held(2, 7, at_ms=200.0)], None)
    assert broken(findings) == {"doubled": 1}
    assert findings.violations == [f"doubled: {card(7)} was in {hold(1)} and in {hold(2)} at one time"]


def test_a_card_given_again_before_its_hold_can_have_ended_is_doubled() -> None:
    """The release was asked for at 490, the card was out again at 400."""
    findings = audit([held(1, 7), released(1, at_ms=500.0), held(2, 7, at_ms=400.0)], None)
    assert broken(findings) == {"doubled": 1}


def test_a_release_and_the_next_hold_may_cross_on_the_wire() -> None:
    """Asked at 490, answered at 600; the next buyer heard of the card at 500: it can have been in that order."""
    assert broken(audit([held(1, 7), released(1, at_ms=500.0), held(2, 7, at_ms=495.0)], None)) == {}


def test_a_release_nobody_answered_may_have_happened() -> None:
    """The client does not know, so it cannot object."""
    assert "doubled" not in broken(
        audit([held(1, 7), released(1, at_ms=300.0, answer=""), held(2, 7, at_ms=400.0)], None)
    )


def test_an_expired_hold_gives_its_card_to_the_next() -> None:
    """At its moment, not before."""
    first = held(1, 7, expires_ms=300.0)
    assert broken(audit([first, held(2, 7, at_ms=301.0)], None)) == {}
    assert broken(audit([first, held(2, 7, at_ms=298.0)], None)) == {"doubled": 1}


def test_a_hold_that_is_heard_of_when_it_is_over_hinders_nobody() -> None:
    """Its first answer was lost, its card went out again, and whoever asks again hears of what was."""
    late = held(1, 1, at_ms=900.0, expires_ms=300.0)
    assert broken(audit([held(2, 1, at_ms=400.0), late], [books(held=1)])) == {}
    assert broken(audit([late, held(2, 1, at_ms=400.0)], [books(held=1)])) == {}
    told = late._replace(made_ms=100.0)
    assert broken(audit([held(2, 1, at_ms=400.0), told], None)) == {}
    assert broken(audit([held(2, 1, at_ms=200.0), told], None)) == {"doubled": 1}
    assert broken(audit([held(2, 1, at_ms=200.0), told], None, clock_wrong_ms=500.0)) == {}


def test_a_clock_that_was_wrong_ends_holds_early() -> None:
    """By as much as it was wrong, and no more."""
    calls = [held(1, 1, expires_ms=3_000.0), held(2, 1, at_ms=1_500.0)]
    assert broken(audit(calls, None)) == {"doubled": 1}
    assert broken(audit(calls, None, clock_wrong_ms=1_000.0)) == {"doubled": 1}
    assert broken(audit(calls, None, clock_wrong_ms=2_000.0)) == {}


def test_an_extended_hold_keeps_its_card() -> None:
    """What the extend was told counts, not what the allocate was."""
    extended = held(1, 7, at_ms=200.0, expires_ms=600.0, request="e1")._replace(kind="extend")
    findings = audit([held(1, 7, expires_ms=300.0), extended, held(2, 7, at_ms=400.0)], None)
    assert broken(findings) == {"doubled": 1}


@pytest.mark.parametrize("second_ms", [400.0, 10_000_000.0])
def test_a_card_sold_twice_is_doubled(second_ms: float) -> None:
    """A sale is for ever, however long ago the hold would have ended."""
    calls = [held(1, 7), sold(1, 7, at_ms=200.0), held(2, 7, at_ms=second_ms)]
    assert broken(audit(calls, None)) == {"doubled": 1}


def test_a_late_sale_with_fresh_cards_frees_the_old_ones_and_keeps_the_fresh() -> None:
    """The hold ended at 300; at 500 it was sold card 8; card 7 may be with another, card 8 may not."""
    calls = [held(1, 7, expires_ms=300.0), sold(1, 8, at_ms=500.0), held(2, 7, at_ms=400.0)]
    assert broken(audit(calls, [books(held=1, sold=1)])) == {}
    assert broken(audit([*calls, held(3, 8, at_ms=600.0)], None)) == {"doubled": 1}


def test_a_sale_of_other_cards_frees_the_held_ones_at_once() -> None:
    """The held card was withdrawn and another sold in its place, long before the hold would have ended."""
    calls = [held(1, 7), sold(1, 8, at_ms=200.0), held(2, 7, at_ms=250.0)]
    assert broken(audit(calls, [books(held=1, sold=1)])) == {}
    assert broken(audit([*calls, held(3, 7, at_ms=150.0)], None)) == {"doubled": 2}


def test_a_hold_lives_from_the_first_answer_that_named_it() -> None:
    """A retry was told of it at 500 and stands first in the file; the first try was told at 100."""
    calls = [held(1, 7, at_ms=500.0), held(1, 7, at_ms=100.0), held(2, 7, at_ms=300.0), released(2, at_ms=400.0)]
    assert broken(audit(calls, None)) == {"doubled": 1}


def test_more_cards_out_than_came_in_is_oversold() -> None:
    """Three cards with three buyers, of a batch of two."""
    findings = audit([held(1, 1), held(2, 2), held(3, 3)], [books(received=2, held=2)])
    assert findings.broken["oversold"] == 1
    assert "gave out 3 cards of 2" in findings.violations[0]


def test_another_answer_to_the_same_request_is_changed() -> None:
    """A retry got a hold of its own."""
    findings = audit([held(1, 1, request="r"), held(2, 2, at_ms=200.0, request="r")], None)
    assert broken(findings) == {"changed": 1}
    assert findings.violations[0].startswith("changed: r was answered")


def test_a_refusal_that_becomes_a_hold_is_changed() -> None:
    """A definite no is an answer like any other."""
    assert broken(audit([allocate("r", "OUT_OF_STOCK"), held(1, 1, request="r")], None)) == {"changed": 1}


def test_nothing_happened_may_become_anything() -> None:
    """OVERLOADED promised nothing, and no answer at all did not either."""
    calls = [allocate("r", "OVERLOADED"), allocate("r", ""), held(1, 1, request="r"), held(1, 1, request="r")]
    assert broken(audit(calls, [books(held=1)])) == {}


def test_a_pool_that_stopped_said_nothing_about_the_request() -> None:
    """It broke a law, which the books tell; the hold it gave before is still what it gave."""
    stopped = books()._replace(received=0, on_shelf=0, violations=("POOL_STOPPED",))
    findings = audit([held(1, 7), held(2, 7, at_ms=200.0), allocate("r1", "POOL_STOPPED")], [stopped])
    assert "changed" not in broken(findings)
    assert {text.partition(":")[0] for text in findings.violations} == {"doubled", "conservation", "oversold", "lost"}


def test_one_hold_for_two_orders_is_changed() -> None:
    """Two buyers were told of the same hold."""
    calls = [held(1, 1, request="r"), held(1, 1, request="s")]
    assert broken(audit(calls, None)) == {"changed": 1}


def test_a_hold_sold_two_different_cards_is_changed() -> None:
    """Each with a request id of its own."""
    again = sold(1, 2, at_ms=300.0)._replace(request_id="c-other")
    assert audit([held(1, 1), sold(1, 1, at_ms=200.0), again], None).broken["changed"] == 1


def test_an_acknowledged_hold_the_house_does_not_have_is_lost() -> None:
    """Two holds were acknowledged; the house knows one."""
    findings = audit([held(1, 1), held(2, 2)], [books(held=1)])
    assert broken(findings) == {"lost": 1}
    assert findings.violations == ["lost: 2 cards of A were told to be held, it has 1"]


def test_an_acknowledged_sale_the_house_does_not_have_is_lost() -> None:
    """It is on the shelf again, by the house's books."""
    assert broken(audit([held(1, 1), sold(1, 1, at_ms=200.0)], [books()])) == {"lost": 1}


def test_a_hold_of_which_nobody_was_told_is_found() -> None:
    """A card is set aside that no client ever heard of."""
    findings = audit([held(1, 1)], [books(held=2)])
    assert findings.violations == ["lost: A has 2 cards held, clients were told of 1"]


def test_an_expired_hold_is_not_missed() -> None:
    """It ended before the house counted."""
    assert broken(audit([held(1, 1, expires_ms=900.0)], [books(held=0, at_ms=1_000.0)])) == {}


def test_a_request_nobody_can_answer_is_unsettled() -> None:
    """Asked, asked again, and still unknown."""
    findings = audit([allocate("r", ""), allocate("r", "OUTCOME_UNKNOWN")], None)
    assert broken(findings) == {"unsettled": 1}


def test_a_retry_without_an_answer_does_not_undo_the_answer_there_was() -> None:
    """The outcome is known."""
    assert broken(audit([held(1, 1, request="r"), allocate("r", "")], None)) == {}


def test_books_that_do_not_add_up_are_named() -> None:
    """Ten came in, eleven are somewhere."""
    wrong = books()._replace(on_shelf=11)
    assert broken(audit([], [wrong])) == {"conservation": 1}


def test_a_law_the_house_itself_says_is_broken_is_named() -> None:
    """The house's own audit counts too."""
    findings = audit([], [books()._replace(violations=("held twice",))])
    assert findings.violations == ["conservation: A says: held twice"]


def test_many_violations_are_all_counted_and_the_first_are_told() -> None:
    """A report nobody can read is no report."""
    findings = audit([held(number, 7, at_ms=100.0 + number) for number in range(101)], None)
    assert broken(findings) == {"doubled": 100}
    assert len(findings.violations) == 5
