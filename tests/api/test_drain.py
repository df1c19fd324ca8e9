"""Health, reflection, and a front end that stops: nobody who is in is thrown out, nobody new is let in."""

import asyncio
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from actors.adapters.embedded_store import EmbeddedStore
from actors.front.doors import Door
from protos.cardkeep.v1 import inventory_pb2
from tests.api.breakdowns_provoked import frozen
from tests.api.failures import failure
from tests.api.small_house import (
    SmallHouse,
    new_id,
    rows,
)

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
SERVICES = [f"cardkeep.v1.{name}Service" for name in ("Allocation", "Inventory", "Operations")]


@pytest.mark.parametrize("service", ["", *SERVICES])
async def test_every_service_is_healthy(house: SmallHouse, service: str) -> None:
    """The server as a whole, and each service by name."""
    health = health_pb2_grpc.HealthStub(house.channel)
    assert (await health.Check(health_pb2.HealthCheckRequest(service=service))).status == SERVING


async def test_who_watches_our_health_hears_that_we_stop_and_holds_nothing_up(house: SmallHouse) -> None:
    """A watcher never hangs up by itself; the drain takes no notice."""
    health = health_pb2_grpc.HealthStub(house.channel)
    watching = health.Watch(health_pb2.HealthCheckRequest())
    assert (await watching.read()).status == SERVING
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    stopping = asyncio.create_task(house.front.drain())
    assert (await watching.read()).status == NOT_SERVING
    await stopping
    assert loop.time() - began_s < 5, "the patience for calls under way is 10 s"


async def test_a_drain_lets_calls_under_way_finish_and_no_others_in(own_house: SmallHouse) -> None:
    """A hold and an import are in; a third call comes too late and is told to try elsewhere."""
    sku = await own_house.sku(1)
    stream: Any = own_house.inventory.ImportCards()
    header = inventory_pb2.ImportHeader(parent=sku, import_id=new_id())
    await stream.write(inventory_pb2.ImportCardsRequest(header=header))
    await stream.read()
    with frozen(own_house.server_pid):
        waiting = asyncio.create_task(own_house.allocate(sku))
        await own_house.calls_under_way(2)
        stopping = asyncio.create_task(own_house.front.drain())
        await own_house.is_draining()
        refused = await failure(own_house.allocate(sku))
        assert (refused.reason, refused.retry_ms) == ("DRAINING", 50)
        assert not stopping.done()
    assert (await waiting).quantity == 1
    chunk = inventory_pb2.ImportChunk(chunk_no=0, rows=rows(["a"]))
    await stream.write(inventory_pb2.ImportCardsRequest(chunk=chunk))
    assert (await stream.read()).received.accepted == 1
    await stream.write(inventory_pb2.ImportCardsRequest(end=inventory_pb2.ImportEnd(chunks=1)))
    assert (await stream.read()).report.accepted == 1
    assert await stream.read() is grpc.aio.EOF
    await stopping


async def test_reflection_lists_the_services_when_it_is_on(server: EmbeddedStore, tmp_path: Path, door: Door) -> None:
    """For development."""
    house = SmallHouse(server, tmp_path, door, reflection=True)
    await house.start()
    stub = reflection_pb2_grpc.ServerReflectionStub(house.channel)
    call = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
    answer = await call.read()
    assert set(SERVICES) < {service.name for service in answer.list_services_response.service}
    call.cancel()
    await house.stop()


async def test_reflection_is_off_unless_asked_for(house: SmallHouse) -> None:
    """Nothing is open by default."""
    stub = reflection_pb2_grpc.ServerReflectionStub(house.channel)
    call = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call.read()
    assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED
