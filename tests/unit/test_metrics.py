"""What the processes count: from the start, without what misleads, and bounded (actors.metrics, alone)."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from actors.metrics import OTHERS, FrontMetrics, OwnerMetrics, skus_named_max
from engine.names import PoolName
from engine.stock.commands import QUARANTINE, REACQUIRE
from engine.stock.looking import shelf_view
from tests.unit.desk import MINUTE_MS, NAME, Desk


@pytest.fixture
def owner() -> OwnerMetrics:
    """Of a process of its own."""
    return OwnerMetrics(CollectorRegistry())


def value(metrics: OwnerMetrics | FrontMetrics, name: str, **labels: str) -> float | None:
    """One sample as a scrape would find it; None when there is none."""
    return metrics.registry.get_sample_value(name, labels)


def test_what_may_happen_to_a_sku_is_counted_from_zero(owner: OwnerMetrics) -> None:
    """An alert on an increase must see the first one, too."""
    owner.recovered(NAME, 0.25)
    for counter in ("cardkeep_fenced_total", "cardkeep_stopped_total"):
        assert value(owner, counter, sku=NAME.sku) == 0
    assert value(owner, "cardkeep_holds_ended_total", sku=NAME.sku, state="EXPIRED") == 0
    owner.stopped(NAME)
    assert value(owner, "cardkeep_stopped_total", sku=NAME.sku) == 1
    assert value(owner, "cardkeep_recovery_seconds", sku=NAME.sku) == 0.25


def test_a_question_for_the_position_is_no_append(owner: OwnerMetrics) -> None:
    """It writes nothing: neither sizes nor times of appends may know of it."""
    owner.appended(1, 8, 0.002)
    owner.appended(3, 0, 0.0001)
    assert value(owner, "cardkeep_append_events_count") == 1
    assert value(owner, "cardkeep_append_seconds_sum") == 0.002
    assert value(owner, "cardkeep_position_checks_total") == 1


def test_ends_of_holds_and_payments_that_are_owed_are_counted_by_why(owner: OwnerMetrics) -> None:
    """One hold is sold, paid twice and so owed; one expires, is owed under STRICT and then bought late."""
    desk = Desk(cards=4)
    desk.allocate()
    desk.confirm(1)
    desk.confirm(1)
    desk.allocate()
    desk.now_ms += 10 * MINUTE_MS
    desk.confirm(2, payment_ref="p")
    desk.confirm(2, payment_ref="p", late=REACQUIRE)
    desk.allocate()
    desk.release(3)
    owner.happened(NAME, desk.happened)
    ends = {
        state: value(owner, "cardkeep_holds_ended_total", sku=NAME.sku, state=state)
        for state in ("CONFIRMED", "EXPIRED", "RELEASED")
    }
    assert ends == {"CONFIRMED": 2, "EXPIRED": 1, "RELEASED": 1}
    for reason in ("HOLD_ALREADY_CONFIRMED", "HOLD_EXPIRED"):
        assert value(owner, "cardkeep_refunds_due_total", sku=NAME.sku, reason=reason) == 1


def test_an_owner_shows_what_it_hosts_now_and_nothing_of_what_moved_away(owner: OwnerMetrics) -> None:
    """Cards by place, SKUs by state, the tail of the journal; a SKU counted by two owners would be stock twice."""
    desk = Desk(cards=5)
    desk.allocate(2)
    desk.withdraw(QUARANTINE, 4)
    owner.recovered(NAME, 0.1)
    owner.hosts({"serving": 1, "fenced": 0}, [(NAME, shelf_view(desk.pool.state, desk.now_ms, 0), 7)])
    places = {
        place: value(owner, "cardkeep_cards", sku=NAME.sku, place=place)
        for place in ("available", "withheld", "on_shelf", "held", "sold", "void")
    }
    assert places == {"available": 2, "withheld": 1, "on_shelf": 3, "held": 2, "sold": 0, "void": 0}
    assert value(owner, "cardkeep_holds_active", sku=NAME.sku) == 1
    assert value(owner, "cardkeep_events_since_snapshot", sku=NAME.sku) == 7
    assert (value(owner, "cardkeep_pools", state="serving"), value(owner, "cardkeep_pools", state="fenced")) == (1, 0)
    owner.hosts({"serving": 0, "fenced": 1}, [])
    assert value(owner, "cardkeep_cards", sku=NAME.sku, place="available") is None
    assert value(owner, "cardkeep_pools", state="serving") == 0


def _opened(owner: OwnerMetrics, skus: int) -> list[PoolName]:
    pools = [PoolName("default", f"sku-{number}") for number in range(skus)]
    for pool in pools:
        owner.recovered(pool, 0.1)
    return pools


def _series(owner: OwnerMetrics) -> int:
    return sum(len(family.samples) for family in owner.registry.collect())


def test_ten_thousand_skus_make_no_more_series_than_a_few_hundred(owner: OwnerMetrics) -> None:
    """Whatever happens to them: who has no name of its own is counted with the others."""
    desk = Desk(cards=5)
    shelf = shelf_view(desk.pool.state, desk.now_ms, 0)
    pools = _opened(owner, 10_000)
    for pool in pools:
        owner.happened(pool, desk.happened)
    owner.hosts({}, [(pool, shelf, 1) for pool in pools])
    assert _series(owner) < 25 * skus_named_max
    assert value(owner, "cardkeep_cards", sku=OTHERS, place="available") == 5 * (10_000 - skus_named_max)
    assert value(owner, "cardkeep_cards", sku="sku-0", place="available") == 5


def test_a_sku_that_something_happens_to_is_named_though_many_were_opened_before(owner: OwnerMetrics) -> None:
    """Half of the names are kept for those; and one that left makes room."""
    pools = _opened(owner, 1_000)
    desk = Desk(cards=5)
    owner.happened(pools[777], desk.happened)
    assert value(owner, "cardkeep_events_total", sku="sku-777", event="BatchOpened") == 1
    for pool in pools:
        owner.happened(pool, desk.happened)
    late = PoolName("default", "late")
    owner.happened(late, desk.happened)
    assert value(owner, "cardkeep_events_total", sku="late", event="BatchOpened") is None
    owner.left(pools[777])
    owner.happened(late, desk.happened)
    assert value(owner, "cardkeep_events_total", sku="late", event="BatchOpened") == 1


def test_a_sku_that_stopped_is_told_by_name_in_any_case(owner: OwnerMetrics) -> None:
    """Somebody has to look at it."""
    owner.stopped(_opened(owner, 1_000)[999])
    assert value(owner, "cardkeep_stopped_total", sku="sku-999") == 1


def test_every_process_tells_its_version_its_means_and_whether_it_reaches_the_store() -> None:
    """And every family has a text and a sample, moments of creation none at all."""
    front = FrontMetrics(CollectorRegistry())
    front.reached_store(is_reachable=False)
    front.answered("Allocate", "OK", 0.0003)
    front.imported("accepted", 3)
    families = {
        family.name: family for family in text_string_to_metric_families(generate_latest(front.registry).decode())
    }
    assert not [name for name in families if name.endswith("_created")]
    assert all(family.samples and family.documentation for family in families.values())
    assert {"process_cpu_seconds", "process_resident_memory_bytes"} <= families.keys()
    assert families["cardkeep_build_info"].samples[0].labels.keys() == {"version"}
    assert families["cardkeep_store_reachable"].samples[0].value == 0
    assert value(front, "cardkeep_request_seconds_bucket", method="Allocate", le="0.0002") == 0
    assert value(front, "cardkeep_request_seconds_bucket", method="Allocate", le="0.0005") == 1
