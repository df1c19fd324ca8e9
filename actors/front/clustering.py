"""ClusterService: what operators move while a sale runs. It says what is wanted; steward and household carry it out."""

from collections.abc import Sequence

from actors.front.operations import OperationsServicer
from actors.front.reception import Context, ends_well
from actors.front.refusals import Refusal
from engine.names import parse_pool
from engine.placing import Scene, evened, machine_of, owner_ids
from engine.ports import Load, MachineOrder, Seat
from protos.cardkeep.v1 import cluster_pb2, cluster_pb2_grpc

#: Owners of one machine at most: each is a process of about 100 MB.
owners_max = 256

#: Moves of one Rebalance at most, and when it does not say: a move costs its new owner milliseconds.
moves_max, moves_usual = 1_000, 64


class ClusterServicer(cluster_pb2_grpc.ClusterServiceServicer):
    """`head` is the machine that keeps the store; empty in a house of one machine."""

    def __init__(self, operations: OperationsServicer, head: str) -> None:
        self.reception = operations.reception
        self._operations = operations
        self._registry = operations.reception.registry
        self._head = head

    @ends_well
    async def ListMachines(  # noqa: N802
        self, _request: cluster_pb2.ListMachinesRequest, _context: Context
    ) -> cluster_pb2.ListMachinesResponse:
        """By address."""
        return cluster_pb2.ListMachinesResponse(machines=await self._machines())

    @ends_well
    async def DrainMachine(  # noqa: N802
        self, request: cluster_pb2.DrainMachineRequest, _context: Context
    ) -> cluster_pb2.Machine:
        """Say that it is to leave."""
        address = request.address
        order = await self._order_of(address)
        if address == self._head or not self._head:  # A house of one machine has no head, and is one.
            raise Refusal("HEAD_STAYS", {"address": address})
        if not order.is_leaving:
            await self._registry.order(address, order._replace(is_leaving=True, has_left=False))
        return await self._machine(address)

    @ends_well
    async def ScaleMachine(  # noqa: N802
        self, request: cluster_pb2.ScaleMachineRequest, _context: Context
    ) -> cluster_pb2.Machine:
        """Say how many owners it is to have."""
        if not 0 <= request.owners_max <= owners_max:
            raise Refusal("INVALID_FIELD", {"field": "owners_max", "max": owners_max})
        order = await self._order_of(request.address)
        await self._registry.order(request.address, order._replace(owners=request.owners_max))
        return await self._machine(request.address)

    @ends_well
    async def MoveSku(  # noqa: N802
        self, request: cluster_pb2.MoveSkuRequest, _context: Context
    ) -> cluster_pb2.MoveSkuResponse:
        """Place one pool."""
        pool = parse_pool(request.name)
        if pool is None:
            raise Refusal("INVALID_NAME", {"field": "name"})
        before = (await self._registry.placement()).owner_of.get(pool)
        if before is None:
            raise Refusal("SKU_NOT_FOUND", {"name": pool})
        if request.owner not in {seat.owner_id for seat in await self._takers()}:
            raise Refusal("OWNER_NOT_FOUND", {"owner": request.owner})
        await self._registry.place({pool: request.owner})
        return cluster_pb2.MoveSkuResponse(from_owner=before)

    @ends_well
    async def Rebalance(  # noqa: N802
        self, request: cluster_pb2.RebalanceRequest, _context: Context
    ) -> cluster_pb2.RebalanceResponse:
        """Place some pools."""
        if not 0 <= request.at_most <= moves_max:
            raise Refusal("INVALID_FIELD", {"field": "at_most", "max": moves_max})
        seats = await self._takers()
        loads = await self._registry.loads()
        scene = Scene(
            (await self._registry.placement()).owner_of,
            [seat.owner_id for seat in seats],
            {pool: per_s for load in loads for pool, per_s in load.pools.items()},
            {load.owner_id: load.per_s - sum(load.pools.values()) for load in loads},
        )
        moves = evened(scene, request.at_most or moves_usual)
        if moves:
            await self._registry.place(moves)
        return cluster_pb2.RebalanceResponse(moved=len(moves))

    async def _takers(self) -> Sequence[Seat]:
        """The owners that may be given pools: not on a machine that leaves, and not one too many there."""
        orders = await self._registry.orders()
        return [seat for seat in await self._registry.owners() if _may_take(seat, orders.get(seat.node, _ANY))]

    async def _order_of(self, address: str) -> MachineOrder:
        orders = await self._registry.orders()
        if address not in orders and address not in {seat.node for seat in await self._registry.owners()}:
            raise Refusal("MACHINE_NOT_FOUND", {"address": address})
        return orders.get(address, _ANY)

    async def _machine(self, address: str) -> cluster_pb2.Machine:
        return next(machine for machine in await self._machines() if machine.address == address)

    async def _machines(self) -> list[cluster_pb2.Machine]:
        seats, orders = await self._registry.owners(), await self._registry.orders()
        loads = {load.owner_id: load for load in await self._registry.loads()}
        owners = {owner.name: owner for owner in await self._operations.owners()}
        machines = []
        for address in sorted({*orders, *(seat.node for seat in seats)}):
            order = orders.get(address, _ANY)
            mine = [seat for seat in seats if seat.node == address and not order.has_left]
            spoken = _loads_of(mine, loads)
            machines.append(
                cluster_pb2.Machine(
                    address=address,
                    state=_state(order),
                    owners=[owners[seat.owner_id] for seat in mine if seat.owner_id in owners],
                    pools=sum(owners[seat.owner_id].pools for seat in mine if seat.owner_id in owners),
                    pools_served=sum(load.hosted for load in spoken),
                    commands_per_second=sum(load.per_s for load in spoken),
                    owners_max=order.owners,
                )
            )
        return machines


_ANY = MachineOrder()


def _may_take(seat: Seat, order: MachineOrder) -> bool:
    machine = machine_of(seat.owner_id)
    is_too_many = order.owners and seat.owner_id not in owner_ids(order.owners, machine)
    return not order.is_leaving and not is_too_many


def _loads_of(seats: Sequence[Seat], loads: dict[str, Load]) -> list[Load]:
    return [loads[seat.owner_id] for seat in seats if seat.owner_id in loads]


def _state(order: MachineOrder) -> cluster_pb2.MachineState.ValueType:
    if order.has_left:
        return cluster_pb2.MACHINE_STATE_LEFT
    return cluster_pb2.MACHINE_STATE_LEAVING if order.is_leaving else cluster_pb2.MACHINE_STATE_SERVING
