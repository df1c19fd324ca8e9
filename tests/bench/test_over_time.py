"""What is followed over time: slopes and how sure they are, single moments, looks from a thread, prepared imports."""

import random
import threading

import pytest

from bench.load.history import Call, Item
from bench.load.importing import CHUNK_CARDS, Brought, Cargo
from bench.run.moments import Moment, calm_again_s, first_ok_after, p99_s, refused_s
from bench.run.processes import Usage, least_share
from bench.run.slope import slope
from bench.run.watch import Look, memory_courses, watching
from protos.cardkeep.v1 import inventory_pb2


def test_a_line_without_noise_is_found_exactly() -> None:
    """Two units a second are 7,200 an hour, and there is no doubt about it."""
    found = slope([(at_s, 5.0 + 2.0 * at_s) for at_s in range(60)])
    assert found == pytest.approx((7_200, 7_200, 7_200))
    assert found.grows()
    assert not found.grows(negligible=8_000)


def test_noise_is_not_growth_and_growth_is_seen_through_noise() -> None:
    """Steps of ten points each, as memory moves: flat ones stay flat, and a leak of half a step in all is found."""
    chance = random.Random(7)
    steps = [chance.choice((0.0, 1.0)) for _ in range(60)]
    course = [steps[at // 10] + chance.gauss(0, 0.1) for at in range(600)]
    assert not slope([(float(at), value) for at, value in enumerate(course)]).grows()
    leaking = [(float(at), value + at / 150) for at, value in enumerate(course)]
    assert slope(leaking).grows()


def test_points_one_by_one_would_be_too_sure() -> None:
    """The same steps: an interval from blocks is much wider than one from single points would be."""
    chance = random.Random(3)
    steps = [chance.gauss(0, 1.0) for _ in range(20)]
    in_steps = slope([(float(at), steps[at // 30]) for at in range(600)])
    values = [steps[at // 30] for at in range(600)]
    chance.shuffle(values)
    shuffled = slope([(float(at), value) for at, value in enumerate(values)])
    assert in_steps.high - in_steps.low > 2 * (shuffled.high - shuffled.low)


def test_shrinking_is_not_growing() -> None:
    """Memory that is given back is nobody's leak."""
    assert not slope([(float(at), 100.0 - at) for at in range(10)]).grows()


@pytest.mark.parametrize("points", [[], [(0.0, 1.0), (1.0, 2.0)], [(1.0, 1.0)] * 5])
def test_no_slope_is_made_of_nothing(points: list[tuple[float, float]]) -> None:
    """Two points always fit."""
    with pytest.raises(ValueError, match="no slope"):
        slope(points)


def test_the_first_answer_is_that_of_a_call_sent_after() -> None:
    """One that was on its way at the moment, and one that failed, prove nothing."""
    calls = [
        Moment(0.9, 1.1, is_ok=True),
        Moment(1.2, 1.3, is_ok=False),
        Moment(1.25, 2.5, is_ok=True),
        Moment(1.4, 2.4, is_ok=True),
    ]
    assert first_ok_after(calls, 1.0) == 2.4
    assert first_ok_after(calls, 1.5) is None


def test_how_long_a_refusal_took_is_told_by_its_reason() -> None:
    """What was refused for another reason, answered well or never is not among them."""
    item = Item("r", "", "tenants/default/skus/A")
    ends = [
        (2_000, 8, "OVERLOADED"),
        (5_000, 14, "DRAINING"),
        (3_000, 0, ""),
        (None, None, ""),
        (4_000, 8, "OVERLOADED"),
    ]
    calls = [Call("Allocate", (item,), 1_000, at_ns, status, reason, b"") for at_ns, status, reason in ends]
    assert refused_s(calls, "OVERLOADED") == [1e-6, 3e-6]


def test_one_in_a_hundred_may_be_slower_than_the_p99() -> None:
    """In whatever order they come."""
    assert p99_s([9.0, *[0.1] * 98, 0.2]) == 9.0
    assert p99_s([9.0, *[0.1] * 198, 0.2]) == 0.2
    assert p99_s([]) == 0.0


def test_calm_is_back_when_the_middle_of_a_row_is() -> None:
    """One fast call among slow ones is not calm; one slow among fast ones does not hinder."""
    took_s = [0.1, 0.001, 0.1, 0.1, 0.001, 0.1, 0.001, 0.001, 0.001]
    calls = [Moment(float(at), at + took, is_ok=True) for at, took in enumerate(took_s)]
    assert calm_again_s(calls, 0.0, like_s=0.002, calls_alike=3) == 4.0
    assert calm_again_s(calls, 5.0, like_s=0.002, calls_alike=3) == 0.0
    assert calm_again_s(calls, 0.0, like_s=0.0005, calls_alike=3) is None
    assert calm_again_s(calls[:2], 0.0, like_s=1.0, calls_alike=3) is None


def test_memory_is_followed_process_by_process() -> None:
    """Two owners are two courses; the one store needs no number."""
    looks = [
        Look(10.0, {1: Usage("owner", 0.0, 100, "py"), 2: Usage("owner", 0.0, 200, "py"), 3: Usage("store", 0.0, 300)}),
        Look(11.0, {1: Usage("owner", 0.0, 110, "py"), 3: Usage("store", 0.0, 310)}),
    ]
    assert memory_courses(looks, from_s=10.0) == {
        "owner py 1": [(0.0, 100.0), (1.0, 110.0)],
        "owner py 2": [(0.0, 200.0)],
        "store": [(0.0, 300.0), (1.0, 310.0)],
    }


def test_who_is_there_for_a_moment_is_no_course() -> None:
    """A store that writes its file anew is one store all the while."""
    store, child = Usage("store", 0.0, 100), Usage("store", 0.0, 90)
    looks = [Look(float(at_s), {7: store, 8: child} if at_s == 2 else {7: store}) for at_s in range(5)]
    assert memory_courses(looks, from_s=0.0) == {"store": [(float(at_s), 100.0) for at_s in range(5)]}


def test_who_does_least_is_compared_with_an_even_share() -> None:
    """Three seconds beside one second: half of a share. Who came or went, or does something else, does not count."""
    before = {
        1: Usage("front", 1.0, 0),
        2: Usage("front", 5.0, 0),
        3: Usage("owner", 0.0, 0),
        4: Usage("front", 9.0, 0),
    }
    after = {1: Usage("front", 4.0, 0), 2: Usage("front", 6.0, 0), 3: Usage("owner", 9.0, 0), 5: Usage("front", 0.0, 0)}
    assert least_share(before, after, "front") == 0.5
    assert least_share(before, after, "owner") == 1.0
    assert least_share(before, before, "front") == least_share(before, after, "store") == 0.0


def test_a_watch_goes_on_after_a_look_that_failed() -> None:
    """What is looked at may be dying; a mistake of our own would end the thread, and the list would stay short."""
    seen = threading.Event()
    answers = iter((1, None, 3))

    def look() -> int:
        answer = next(answers, 4)
        if answer is None:
            raise ConnectionRefusedError
        if answer == 4:
            seen.set()
        return answer

    with watching(look, every_s=0.001) as looks:
        assert seen.wait(10)
    assert [one.seen for one in looks[:3]] == [1, 3, 4]


def test_a_cargo_is_whole_chunks_of_fresh_codes() -> None:
    """Read back as the house reads it; another import of the same SKU has no code in common."""
    codes: set[str] = set()
    for import_id in ("one", "two"):
        cargo = Cargo.of("A", import_id, 2 * CHUNK_CARDS)
        header = inventory_pb2.ImportCardsRequest.FromString(cargo.header).header
        assert (header.parent, header.import_id) == ("tenants/default/skus/A", f"A-{import_id}")
        chunks = [inventory_pb2.ImportCardsRequest.FromString(chunk).chunk for chunk in cargo.chunks]
        assert [chunk.chunk_no for chunk in chunks] == [0, 1]
        assert [row.line_no for chunk in chunks for row in chunk.rows] == list(range(1, 2 * CHUNK_CARDS + 1))
        codes.update(row.code for chunk in chunks for row in chunk.rows)
    assert len(codes) == 4 * CHUNK_CARDS
    assert {len(code) for code in codes} == {24}
    with pytest.raises(ValueError, match="whole chunks"):
        Cargo.of("A", "one", CHUNK_CARDS + 1)


def test_cards_count_when_they_were_acknowledged() -> None:
    """2,000 cards in the second second of three."""
    brought = Brought(began_s=0.0, ended_s=4.0, acknowledged=[(0.5, 1_000), (1.5, 2_000), (2.0, 3_000), (3.5, 4_000)])
    assert brought.between(1.0, 2.0) == 2_000
    assert brought.between(0.0, 0.4) == 0
    assert brought.cards == 4_000
    assert brought.cards_per_s == 1_000


def test_an_import_that_is_fast_before_and_after_is_told_by_its_median_second() -> None:
    """Five seconds: 900 cards, then 10 a second, then 500."""
    brought = Brought(began_s=10.0, ended_s=15.0, acknowledged=[(10.5, 900), (11.5, 910), (12.5, 920), (13.5, 930)])
    brought.acknowledged.append((14.5, 1430))
    assert brought.cards_in_a_second == 10
    assert Brought().cards == 0
