"""The real house is killed in all its parts, and started again: what it said is still true."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cardkeep_client import Client, HoldState, Money, OutOfStock
from grpc import insecure_channel
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.cluster.living_house import LivingHouse

CODES = ["CODE-1", "user----password", "会员-3", "CODE-4"]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[LivingHouse]:
    """A house that is down at the end."""
    house = LivingHouse(tmp_path / "data")
    house.start()
    yield house
    house.end()


def test_a_house_that_was_killed_remembers_what_it_said(house: LivingHouse) -> None:
    """Kill -9 of every process; the sale, the hold, the refusal, the codes and the half import are there again."""
    price = Money(990, "CNY")
    with Client(house.target) as client:
        client.create_sku("vip", unit_price=price, title="一个月会员")
        client.import_cards("vip", CODES, import_id="file-1")
        sold = client.allocate("vip", 2, order_ref="order-1")
        delivered = client.confirm(sold, payment_ref="pay-1", paid_amount=Money(1980, "CNY"))
        assert [one.code for one in delivered.delivered] == CODES[:2]
        held = client.allocate("vip", order_ref="order-2", request_id="the hold")
        with pytest.raises(OutOfStock):
            client.allocate("vip", 2, order_ref="order-3", request_id="the refusal")

    names = house.kill()
    assert {"raylet", "valkey-server"} <= set(names)
    assert house.left() == []
    house.start()

    with Client(house.target, timeout_s=30) as client:
        assert client.get_hold(sold).state is HoldState.CONFIRMED
        again = client.confirm(sold, payment_ref="pay-1", paid_amount=Money(1980, "CNY"))
        assert [one.code for one in again.delivered] == CODES[:2]
        hold = client.allocate("vip", order_ref="order-2", request_id="the hold")
        assert (hold.name, hold.replayed, hold.state) == (held.name, True, HoldState.ACTIVE)
        assert hold.expire_time == held.expire_time
        with pytest.raises(OutOfStock):
            client.allocate("vip", 2, order_ref="order-3", request_id="the refusal")
        paid = client.confirm(hold, payment_ref="pay-2", paid_amount=price)
        assert [one.code for one in paid.delivered] == [CODES[2]]
        report = client.import_cards("vip", [*CODES, "CODE-5"], import_id="file-2")
        assert (report.accepted, report.refused_by_reason) == (1, {"DUPLICATE_IN_STOCK": 4})
        audit = client.audit("vip")
        assert audit.ok
        assert (audit.cards.received, audit.cards.sold, audit.cards.available) == (5, 3, 2)


def test_a_store_that_was_killed_is_started_again_and_callers_only_wait(house: LivingHouse) -> None:
    """Nobody has to look after the embedded store: the house does, and no answer given before is lost."""
    with Client(house.target, timeout_s=30) as client:
        client.create_sku("vip")
        client.import_cards("vip", CODES, import_id="file-1")
        before = client.allocate("vip", order_ref="order-1")
        house.kill_store()
        after = client.allocate("vip", order_ref="order-2")
        assert {card.name for card in after.cards}.isdisjoint(card.name for card in before.cards)
        assert client.get_hold(before).state is HoldState.ACTIVE
        assert client.audit("vip").ok


def test_a_house_stops_soon_and_leaves_nobody_behind(house: LivingHouse) -> None:
    """With a SKU, a caller on the line, and somebody who watches its health for ever."""
    with Client(house.target) as client, insecure_channel(house.target) as channel:
        client.create_sku("vip")
        client.import_cards("vip", CODES, import_id="file-1")
        watching = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert next(watching).status == health_pb2.HealthCheckResponse.SERVING
        took_s = house.stop()
    assert house.left() == []
    assert took_s < 20
    assert [path for path in house.folder.rglob("*") if path.is_socket()] == []
