"""Owners of a real house that take calls themselves: one dies, and who connects meanwhile is heard, a little late."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from cardkeep_client import Client, Retry

from protos.cardkeep.v1 import allocation_pb2, allocation_pb2_grpc
from tests.cluster.living_house import LivingHouse

_CARDS = 50

#: A process of Ray's, the pool's recovery, and the front end, on a busy machine.
_BACK_WITHIN_S = 30.0


@pytest.fixture
def house(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[LivingHouse]:
    """With as many owners as the test says."""
    house = LivingHouse(tmp_path / "data", actors_max=str(request.param))
    house.start()
    yield house
    house.end()


def _stock(client: Client, sku: str) -> None:
    client.create_sku(sku)
    client.import_cards(sku, [f"{sku}-{number}" for number in range(_CARDS)], import_id=f"cards of {sku}")


def _owner_pid(client: Client, sku: str) -> int:
    (pool,) = [pool for pool in client.pools() if pool.name.endswith(f"/{sku}")]
    (owner,) = [owner for owner in client.owners() if owner.name == pool.owner]
    return owner.process_id


@pytest.mark.parametrize("house", [1], indirect=True)
def test_who_connects_while_the_only_owner_is_dead_waits_in_line_and_is_served(house: LivingHouse) -> None:
    """One call on a new connection and no retry: without the house's doorstep it would be refused at once."""
    with Client(house.target) as client:
        _stock(client, "vip")
        os.kill(_owner_pid(client, "vip"), signal.SIGKILL)
    began_s = time.monotonic()
    with grpc.insecure_channel(house.target, options=[("grpc.enable_retries", 0)]) as channel:
        wish = allocation_pb2.AllocateRequest(
            parent="tenants/default/skus/vip", order_ref="order-1", request_id="request-1", quantity=1
        )
        hold = allocation_pb2_grpc.AllocationServiceStub(channel).Allocate(wish, timeout=_BACK_WITHIN_S)
    assert hold.name == "tenants/default/skus/vip/holds/1"
    assert hold.epoch > 1
    assert time.monotonic() - began_s < _BACK_WITHIN_S


@pytest.mark.parametrize("house", [2], indirect=True)
def test_the_other_owner_sells_on_and_sells_for_the_dead_one_when_it_is_back(house: LivingHouse) -> None:
    """Every SKU is sold through whichever process a caller met; the dead one's holds are all there."""
    with Client(house.target) as client:
        for sku in ("a", "b"):
            _stock(client, sku)
        pids = {_owner_pid(client, sku) for sku in ("a", "b")}
        assert len(pids) == 2
        before = client.allocate("a", order_ref="before")
        os.kill(_owner_pid(client, "a"), signal.SIGKILL)
    # Connections meet one process or the other by chance, so there are several.
    for number in range(4):
        with Client(house.target, retry=Retry(tries=20), timeout_s=_BACK_WITHIN_S) as client:
            assert client.allocate("b", order_ref=f"b-{number}").quantity == 1
            assert client.allocate("a", order_ref=f"a-{number}").quantity == 1
            assert client.allocate("a", order_ref="before").name == before.name
    with Client(house.target) as client:
        for sku, held in (("a", 5), ("b", 4)):
            audit = client.audit(sku)
            assert audit.ok
            assert (audit.cards.received, audit.cards.held) == (_CARDS, held)
