"""The machines of Ray's cluster: which live, and how to have an actor run on one of them and nowhere else."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from actors.ray_node import OWNERS


class Machine(NamedTuple):
    """A living machine: its address, Ray's name for its present life, and how many owners it may have."""

    address: str
    node_id: str
    owners_max: int

    def pinned(self) -> Mapping[str, Any]:
        """Options of an actor that ends for good with this life of the machine: its name is free again then."""
        return {"scheduling_strategy": NodeAffinitySchedulingStrategy(self.node_id, soft=False)}


def machines() -> Mapping[str, Machine]:
    """Those that live, by address. Asks Ray's head: a millisecond, and the wait for it where it is away."""
    alive = [node for node in ray.nodes() if node["Alive"]]
    found = [
        Machine(node["NodeManagerAddress"], node["NodeID"], int(node["Resources"].get(OWNERS, 0))) for node in alive
    ]
    return {machine.address: machine for machine in sorted(found)}
