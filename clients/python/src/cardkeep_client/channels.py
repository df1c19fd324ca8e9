"""Several connections to one address, because a server that listens in many processes is balanced per connection."""

import threading
from typing import NamedTuple

import grpc

from cardkeep_client.journeys import Retry
from cardkeep_client.v1 import (
    allocation_pb2_grpc,
    cluster_pb2_grpc,
    inventory_pb2_grpc,
    operations_pb2_grpc,
    pricing_pb2_grpc,
    reports_pb2_grpc,
    supply_pb2_grpc,
)

#: `use_local_subchannel_pool` keeps gRPC from merging the channels into one connection again; round robin
#: uses every address a name resolves to, where gRPC's default would use the first.
POOL_OPTIONS: tuple[tuple[str, str | int], ...] = (
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.service_config", '{"loadBalancingConfig":[{"round_robin":{}}]}'),
)


class Habits(NamedTuple):
    """How a client asks: how long a call may take, how stubborn it is, and what goes with every call."""

    timeout_s: float
    retry: Retry
    metadata: tuple[tuple[str, str], ...]


class Loads:
    """Calls under way per channel; picks the least loaded, in turn among equals. Threads may share it."""

    def __init__(self, channels: int) -> None:
        self._under_way = [0] * channels
        self._turn = 0
        self._lock = threading.Lock()

    def take(self) -> int:
        """The channel for the next call; give it back when the call is over."""
        with self._lock:
            count = len(self._under_way)
            index = min(range(count), key=lambda i: (self._under_way[i], (i - self._turn) % count))
            self._under_way[index] += 1
            self._turn = (index + 1) % count
            return index

    def give_back(self, index: int) -> None:
        """The call is over."""
        with self._lock:
            self._under_way[index] -= 1


class Stubs:
    """The four services over one channel; each attribute is named as in the .proto."""

    def __init__(self, channel: grpc.Channel | grpc.aio.Channel) -> None:
        self.AllocationService = allocation_pb2_grpc.AllocationServiceStub(channel)
        self.InventoryService = inventory_pb2_grpc.InventoryServiceStub(channel)
        self.OperationsService = operations_pb2_grpc.OperationsServiceStub(channel)
        self.ClusterService = cluster_pb2_grpc.ClusterServiceStub(channel)
        self.ReportsService = reports_pb2_grpc.ReportsServiceStub(channel)
        self.SupplyService = supply_pb2_grpc.SupplyServiceStub(channel)
        self.PricingService = pricing_pb2_grpc.PricingServiceStub(channel)
