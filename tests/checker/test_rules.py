"""Each rule on a handful of calls: what it objects to, and what looks like it and is right."""

from typing import Any

import pytest

from tests.checker.lines import Line, books, broken, call, final, held, judge, no, refused, released, sold, stocked


def test_an_honest_morning_is_clean_and_counted() -> None:
    """Held, sold, given back, given again, sold out: two cards for three buyers."""
    lines = [
        *(stocked(2), held("1", ["1-0"], 2, (10, 12)), held("2", ["1-1"], 3, (11, 13)), refused("a9", (14, 15))),
        *(released("1", 5, (20, 22)), held("3", ["1-0"], 6, (23, 25)), sold("3", ["1-0"], 7, (30, 31))),
        *(final("3", "CONFIRMED", ["1-0"]), books(2, held=1, sold=1)),
    ]
    verdict = judge(lines)
    assert verdict.violations == []
    assert (verdict.operations, verdict.acknowledged, verdict.refusals, verdict.unknown) == (6, 5, 1, 0)
    assert (verdict.holds, verdict.sales) == (3, 1)
    assert verdict.rate_bound == pytest.approx(3 / 5)


def test_a_card_may_go_out_again_only_after_its_hold_is_over_by_the_house_s_clock() -> None:
    """A deadline at 100: made at 99.9 the next hold is one too many, at 100 it is in time."""
    first = held("1", ["1-0"], 2, (10, 12), expires_at_ms=100.0)
    assert broken([stocked(1), first, held("2", ["1-0"], 3, (98, 102), at_ms=99.9)]) == {"R1"}
    assert broken([stocked(1), first, held("2", ["1-0"], 3, (98, 102), at_ms=100.0)]) == set()


def test_an_extended_hold_keeps_its_card_until_the_later_deadline() -> None:
    """Extended at 50 until 200: at 150 the card is not free, unless nobody heard whether it was extended."""
    first = held("1", ["1-0"], 2, (10, 12), expires_at_ms=100.0)
    extended = call("extend", "e1", (48, 52), hold="1", state="ACTIVE", cards=["1-0"], seq=3, expires_at_ms=200.0)
    next_one = held("2", ["1-0"], 4, (149, 151), at_ms=150.0)
    assert broken([stocked(1), first, extended, next_one]) == {"R1"}
    assert broken([stocked(1), first, call("extend", "e1", (48, None), hold="1"), next_one]) == set()


def test_where_the_house_s_moment_is_not_told_clocks_may_differ_by_their_bound() -> None:
    """Over at 100, given again at 97 by a client's clock: the house's may be 5 ms ahead, but not if 1 is the bound."""
    first = held("1", ["1-0"], 2, (10, 12), expires_at_ms=100.0)
    second = held("2", ["1-0"], 3, (90, 97), at_ms=0.0)
    assert broken([stocked(1), first, second], clock_error_ms=5.0) == set()
    assert broken([stocked(1), first, second], clock_error_ms=1.0) == {"R1"}


def test_an_unheard_release_may_have_happened_an_undone_one_has_not() -> None:
    """Doubt never accuses; "nothing happened" is no doubt."""
    first, second = held("1", ["1-0"], 2, (10, 12)), held("2", ["1-0"], 4, (30, 32))
    unheard = call("release", "r1", (20, None), hold="1")
    assert broken([stocked(1), first, unheard, second]) == set()
    assert broken([stocked(1), first, unheard | {"end": "not_done"}, second]) == {"R1"}
    assert broken([stocked(1), first, unheard | {"invoked_at_ms": 33.0}, second]) == {"R1"}


def test_a_card_that_is_back_too_late_was_given_too_early() -> None:
    """The release has seq 5, the next hold seq 4."""
    lines = [stocked(1), held("1", ["1-0"], 2, (10, 12)), released("1", 5, (20, 40)), held("2", ["1-0"], 4, (21, 39))]
    assert broken(lines) == {"R10"}


def test_a_sold_card_is_gone_for_ever() -> None:
    """Sold at seq 3; whoever gets it at seq 4 gets a used one."""
    lines = [stocked(1), held("1", ["1-0"], 2, (10, 12)), sold("1", ["1-0"], 3, (20, 22))]
    assert broken([*lines, held("2", ["1-0"], 4, (30, 32))]) == {"R10"}


def test_a_late_sale_may_be_of_fresh_cards_and_a_sale_in_time_may_not() -> None:
    """Over at 100, paid at 200: with REACQUIRE another card is sold; without, nothing could have been."""
    first = held("1", ["1-0"], 2, (10, 12), expires_at_ms=100.0)
    paid = sold("1", ["1-1"], 3, (199, 201), at_ms=200.0)
    assert broken([stocked(2), first, paid | {"late": True}]) == set()
    assert broken([stocked(2), first, paid]) == {"R4", "R10"}


def test_what_a_sale_of_a_part_gave_back_may_come_again_in_the_place_of_a_bad_card() -> None:
    """Somebody else may have had it meanwhile, and must have given it back."""
    part = [stocked(2), held("1", ["1-0", "1-1"], 2, (10, 12)), sold("1", ["1-0"], 3, (20, 22), quantity=1)]
    meanwhile = [held("2", ["1-1"], 4, (23, 24)), released("2", 5, (25, 26))]
    replaced = call("replace", "p1", (30, 31), hold="1", cards=["1-1"], seq=6)
    assert broken([*part, *meanwhile, replaced]) == set()
    assert broken([*part, meanwhile[0], replaced]) == {"R1"}


def test_a_hold_that_came_back_does_not_live_again_and_comes_back_once() -> None:
    """Released, and then extended; released twice at two moments; asked twice, it says the same moment."""
    lines = [stocked(1), held("1", ["1-0"], 2, (10, 12)), released("1", 3, (20, 22))]
    extended = call("extend", "e1", (48, 52), hold="1", state="ACTIVE", cards=["1-0"], seq=4, expires_at_ms=500.0)
    again = released("1", 4, (30, 32), request_id="other")
    assert broken([*lines, extended]) == {"R10"}
    assert broken([*lines, again]) == {"R10"}
    assert broken([*lines, again | {"ended_at_ms": 21.0}]) == set()


def test_a_card_is_sold_once_even_where_the_answer_of_one_sale_was_lost() -> None:
    """The second owner is found at the end."""
    lines = [stocked(1), held("1", ["1-0"], 2, (10, 12)), sold("1", ["1-0"], 3, (20, 22))]
    found = call("get_hold", "", (50, 51), hold="2", state="CONFIRMED", cards=["1-0"], seq=4)
    unheard = [call("allocate", "a2", (10, None), quantity=1), call("confirm", "c2", (30, None), hold="2")]
    assert broken([*lines, *unheard, found]) == {"R2"}


def test_what_was_given_out_came_in_before() -> None:
    """Not from an import that was asked for later, or has a greater seq, or did not bring that card."""
    hold = held("1", ["1-5"], 2, (10, 12))
    assert broken([stocked(6), hold]) == set()
    assert broken([stocked(5), hold]) == {"R3"}
    assert broken([stocked(6, seq=3), hold]) == {"R3"}
    later = stocked(6, seq=0, invoked_at_ms=13.0, returned_at_ms=14.0)
    assert broken([later, hold, held("2", ["1-4"], 3, (15, 16))]) == {"R3"}
    assert broken([stocked(6, end="info", returned_at_ms=None, seq=0), hold]) == set()


def test_no_more_comes_in_than_was_delivered() -> None:
    """The supplier says five, the import has six."""
    delivery = {"type": "delivery", "sku": "A", "import_id": "first", "count": 5}
    assert broken([stocked(6), delivery]) == {"R3"}
    assert broken([stocked(5), delivery]) == set()


def test_more_different_cards_than_were_received_are_out_of_nothing() -> None:
    """Where nobody wrote down the imports, the house's own count has to do."""
    assert broken([held("1", ["x"], 2, (1, 2)), held("2", ["y"], 3, (1, 2)), books(1, held=1)]) >= {"R3"}


def test_a_hold_nobody_made_is_invented() -> None:
    """Unless somebody asked for one and never heard."""
    paid = sold("7", ["1-0"], 3, (20, 22))
    assert broken([stocked(1), paid]) == {"R3"}
    assert broken([stocked(1), call("allocate", "a7", (10, None), quantity=1), paid]) == set()


@pytest.mark.parametrize(
    ("lost", "rule"),
    [
        (final("1", "RELEASED"), "R4"),
        (final("1", "CONFIRMED", ["1-1"]), "R4"),
        (released("1", 4, (30, 32)), "R4"),
        (no("confirm", "1", "HOLD_NOT_FOUND", (30, 32)), "R5"),
        (books(2, held=1), "R4"),
    ],
)
def test_an_acknowledged_sale_stays(lost: Line, rule: str) -> None:
    """However its loss shows."""
    assert rule in broken(
        [stocked(2), held("1", ["1-0"], 2, (10, 12)), sold("1", ["1-0"], 3, (20, 22)), lost], clock_error_ms=0.0
    )


@pytest.mark.parametrize(
    "lost",
    [
        no("confirm", "1", "HOLD_NOT_FOUND", (30, 32)),
        no("confirm", "1", "HOLD_RELEASED", (30, 32)),
        no("confirm", "1", "HOLD_EXPIRED", (30, 32)),
        no("release", "1", "HOLD_ALREADY_CONFIRMED", (30, 32)),
        final("1", "RELEASED"),
        books(2),
    ],
)
def test_an_acknowledged_hold_stays(lost: Line) -> None:
    """Nobody released or bought it, and its time was not over."""
    assert broken([stocked(2), held("1", ["1-0"], 2, (10, 12)), lost]) == {"R5"}


def test_a_refusal_that_was_under_way_together_with_its_cause_is_right() -> None:
    """The hold was asked for when the confirm was; the release was, too."""
    unborn = no("confirm", "1", "HOLD_NOT_FOUND", (9, 12))
    assert broken([stocked(1), held("1", ["1-0"], 2, (10, 13)), unborn]) == set()
    over = no("confirm", "1", "HOLD_RELEASED", (19, 25))
    assert broken([stocked(1), held("1", ["1-0"], 2, (10, 12)), released("1", 3, (24, 30)), over]) == set()


@pytest.mark.parametrize(
    ("count", "rule"),
    [
        (books(5) | {"on_shelf": 4}, "R6"),
        (books(4), "R6"),
        (books(5, void=1), "R6"),
        (books(5, sold=1), "R6"),
        (books(5, held=1), "R6"),
        (books(5) | {"laws_broken": ["held twice"]}, "R6"),
    ],
)
def test_books_add_up_to_what_clients_know(count: Line, rule: str) -> None:
    """A card that is nowhere, that never came, that nobody withdrew, bought or holds."""
    assert broken([stocked(5), count]) == {rule}
    assert broken([stocked(5), books(5)]) == set()


def test_books_may_have_what_nobody_heard_of() -> None:
    """An Allocate without an answer, and a Confirm: each may have happened, or not."""
    unheard = [call("allocate", "a1", (10, None), quantity=2), held("2", ["1-4"], 3, (10, 12))]
    unheard.append(call("confirm", "c2", (20, None), hold="2"))
    for held_cards, sold_cards in ((1, 0), (0, 1), (3, 0), (2, 1)):
        assert broken([stocked(5), *unheard, books(5, held=held_cards, sold=sold_cards)]) == set()
    assert broken([stocked(5), *unheard, books(5, held=4)]) == {"R6"}


def test_the_same_request_has_the_same_answer() -> None:
    """A retry is shown the first answer again; that a hold becomes a refusal is the other answer."""
    first = held("1", ["1-0"], 2, (10, 12))
    again = {"invoked_at_ms": 20.0, "returned_at_ms": 22.0, "replayed": True, "seq": 9, "at_ms": 0.0}
    assert broken([stocked(1), first, first | again]) == set()
    assert broken([stocked(1), first, refused("a1", (20, 22))]) == {"R7"}
    assert broken([stocked(1), first, refused("a1", (20, 22), reason="IDEMPOTENCY_KEY_REUSED")]) == set()
    assert broken([stocked(1), first, refused("a1", (20, 22), reason="OVERLOADED", end="not_done")]) == set()


def test_an_order_has_one_hold_and_a_hold_one_order() -> None:
    """Whatever the request ids are."""
    one = held("1", ["1-0"], 2, (10, 12))
    assert broken([stocked(2), one, held("2", ["1-1"], 3, (20, 22), order_ref="order-1")]) == {"R7"}
    same = held("1", ["1-0"], 3, (20, 22), request_id="b", order_ref="order-2", at_ms=0.0)
    assert broken([stocked(2), one, same]) == {"R7"}


@pytest.mark.parametrize(("cards", "is_right"), [(["1-0"], False), (["1-0", "1-0"], False), (["1-0", "1-1"], True)])
def test_a_hold_has_as_many_cards_as_were_asked_for(cards: list[str], is_right: bool) -> None:
    """Two were; one card named twice is one. A buyer who takes less is content with one."""
    assert (broken([stocked(2), held("1", cards, 2, (10, 12), quantity=2)]) == set()) is is_right
    assert broken([stocked(2), held("1", ["1-0"], 2, (10, 12), quantity=2, partial=True)]) == set()


def test_sold_out_needs_a_moment_with_too_few_cards() -> None:
    """Two cards; between 12 and 20 one was held, so one was there: two are refused rightly, one is not."""
    lines = [stocked(2), held("1", ["1-0"], 2, (10, 12)), released("1", 4, (20, 22)), held("3", ["1-0"], 6, (40, 41))]
    assert broken([*lines, refused("x", (13, 14))]) == {"R8"}
    assert broken([*lines, refused("x", (13, 14), quantity=2)]) == set()
    assert broken([*lines, refused("x", (23, 24), quantity=2)]) == {"R8"}
    assert broken([*lines, refused("x", (19, 24), quantity=2)]) == set()
    assert broken([*lines, refused("x", (23, 24), quantity=3)]) == set()


@pytest.mark.parametrize(
    "doubt",
    [
        call("allocate", "a8", (5, None), quantity=2),
        call("replace", "p8", (5, None), hold="8"),
        call("withdraw", "w8", (5, 6), seq=2),
    ],
)
def test_every_doubt_excuses_a_sold_out(doubt: dict[str, Any]) -> None:
    """Somebody may have taken the cards, and not heard of it; staff may have withdrawn them."""
    lines = [stocked(2), held("3", ["1-0"], 3, (10, 11)), refused("x", (13, 14))]
    assert broken(lines) == {"R8"}
    assert broken([*lines, doubt]) == set()


def test_cards_that_end_by_themselves_excuse_a_sold_out() -> None:
    """Nobody knows from outside when the house stopped selling them."""
    assert broken([stocked(2, perishable=True), held("3", ["1-0"], 3, (10, 11)), refused("x", (13, 14))]) == set()


def test_an_expired_hold_is_back_on_the_shelf_at_its_deadline() -> None:
    """Made until 50; somebody was told at 60, by the house's clock, that a hold was made: so 50 was over."""
    lines = [stocked(1), held("1", ["1-0"], 2, (10, 12), expires_at_ms=50.0)]
    assert broken([*lines, refused("x", (20, 21))]) == set()
    later = [held("2", ["1-0"], 3, (59, 61)), released("2", 4, (62, 63))]
    assert broken([*lines, *later, refused("x", (64, 65))]) == {"R8"}


def test_what_was_answered_before_is_before() -> None:
    """By seq, by epoch, and no two changes at one seq."""
    first = held("1", ["1-0"], 5, (10, 12), epoch=2)
    assert broken([stocked(2), first, held("2", ["1-1"], 4, (13, 14), epoch=2)]) == {"R9"}
    assert broken([stocked(2), first, held("2", ["1-1"], 4, (11, 14), epoch=2)]) == set()
    assert broken([stocked(2), first, held("2", ["1-1"], 5, (11, 14), epoch=2)]) == {"R9"}
    assert broken([stocked(2), first, held("2", ["1-1"], 6, (13, 14), epoch=1)]) == {"R11"}
    assert broken([stocked(2), first, held("2", ["1-1"], 6, (11, 14), epoch=1)]) == {"R11"}
    assert broken([stocked(2), first, held("2", ["1-1"], 4, (11, 14), epoch=1)]) == set()


def test_nothing_is_done_with_a_hold_before_it_is_made() -> None:
    """Released at seq 2, made at seq 3, both under way at once."""
    assert "R9" in broken([stocked(1), released("1", 2, (10, 20)), held("1", ["1-0"], 3, (10, 20))])


def test_a_replay_makes_the_same_state() -> None:
    """To the byte: the digests are equal."""
    same = {"type": "digests", "sku": "A", "served": "ab", "replayed": "ab"}
    assert broken([same]) == set()
    assert broken([same | {"replayed": "ac"}]) == {"R12"}


def test_skus_are_judged_apart_and_violations_name_theirs() -> None:
    """A card of one name in two SKUs is two cards."""
    lines = [stocked(1), held("1", ["1-0"], 2, (10, 12))]
    others = [line | {"sku": "B"} for line in lines]
    assert broken([*lines, *others]) == set()
    verdict = judge([*lines, *others, held("2", ["1-0"], 3, (13, 14)) | {"sku": "B"}])
    assert [(rule, sku) for rule, sku, _ in verdict.violations] == [("R1", "B")]
    assert verdict.skus == 2
