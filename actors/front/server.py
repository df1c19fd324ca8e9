"""The gRPC server of one front end: services, health, reflection, and a graceful end."""

import asyncio
import logging
import socket
from contextlib import suppress
from typing import NamedTuple

from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from actors.front.allocation import AllocationServicer, add_allocation
from actors.front.clustering import ClusterServicer
from actors.front.doors import Door, new_server
from actors.front.http2.server import Server
from actors.front.inventory import InventoryServicer
from actors.front.operations import OperationsServicer
from actors.front.pricing import PricingServicer
from actors.front.reports import ReportsServicer
from actors.front.supply import SupplyServicer
from protos.cardkeep.v1 import (
    allocation_pb2,
    cluster_pb2,
    cluster_pb2_grpc,
    inventory_pb2,
    inventory_pb2_grpc,
    operations_pb2,
    operations_pb2_grpc,
    pricing_pb2,
    pricing_pb2_grpc,
    reports_pb2,
    reports_pb2_grpc,
    supply_pb2,
    supply_pb2_grpc,
)

#: How long calls under way may finish once the front end stops.
drain_s = 10.0

#: How long answers already given may take to leave, and those who watch our health to take the news.
_HANG_UP_S = 0.5

_SERVICES = (
    allocation_pb2.DESCRIPTOR.services_by_name["AllocationService"].full_name,
    inventory_pb2.DESCRIPTOR.services_by_name["InventoryService"].full_name,
    operations_pb2.DESCRIPTOR.services_by_name["OperationsService"].full_name,
    cluster_pb2.DESCRIPTOR.services_by_name["ClusterService"].full_name,
    reports_pb2.DESCRIPTOR.services_by_name["ReportsService"].full_name,
    pricing_pb2.DESCRIPTOR.services_by_name["PricingService"].full_name,
    supply_pb2.DESCRIPTOR.services_by_name["SupplyService"].full_name,
)

_log = logging.getLogger(__name__)


class Services(NamedTuple):
    """Everything that may be asked."""

    allocation: AllocationServicer
    inventory: InventoryServicer
    operations: OperationsServicer
    cluster: ClusterServicer
    pricing: PricingServicer
    reports: ReportsServicer
    supply: SupplyServicer


class FrontServer:
    """One listening front end. Several on one machine share the port (SO_REUSEPORT)."""

    def __init__(self, services: Services, *, door: Door, with_reflection: bool) -> None:
        self._reception = services.allocation.reception
        self._health = HealthServicer()
        server = self._server = new_server(door)
        add_allocation(services.allocation, server)
        inventory_pb2_grpc.add_InventoryServiceServicer_to_server(services.inventory, server)
        operations_pb2_grpc.add_OperationsServiceServicer_to_server(services.operations, server)
        pricing_pb2_grpc.add_PricingServiceServicer_to_server(services.pricing, server)
        cluster_pb2_grpc.add_ClusterServiceServicer_to_server(services.cluster, server)
        reports_pb2_grpc.add_ReportsServiceServicer_to_server(services.reports, server)
        supply_pb2_grpc.add_SupplyServiceServicer_to_server(services.supply, server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        if with_reflection:
            names = (*_SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME)
            servicer = reflection.aio.ReflectionServicer(names)
            reflection_pb2_grpc.add_ServerReflectionServicer_to_server(servicer, self._server)

    async def start(self, host: str, port: int, listening: socket.socket | None = None) -> int:
        """Listen and say that we serve; port 0 takes a free one. Returns the port.

        `listening` is a socket to accept from instead: only the fast door can.
        """
        if listening is None:
            bound = self._server.add_insecure_port(f"{host}:{port}")
        else:
            assert isinstance(self._server, Server)
            bound = self._server.add_listening(listening)
        await self._server.start()
        for name in ("", *_SERVICES):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        return bound

    async def drain(self) -> None:
        """Stop gracefully: say so, refuse new calls, let those under way finish, hang up.

        Hanging up sends callers to another front end; so it does not wait for calls that never end, such as
        somebody watching our health; nor for a watcher that does not read, who would hold the news up for all.
        """
        with suppress(TimeoutError):
            await asyncio.wait_for(self._health.enter_graceful_shutdown(), _HANG_UP_S)
        await self._reception.drain(drain_s)
        await self._server.stop(_HANG_UP_S)
        await self._reception.dispatch.close()
        _log.info("front_end_drained")

    async def wait(self) -> None:
        """Until the server has ended."""
        await self._server.wait_for_termination()
