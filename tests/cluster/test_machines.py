"""Several machines, each at a loopback address of its own: they come, leave, and are lost while a sale runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cardkeep_client import Client
from cardkeep_client.v1.cluster_pb2 import (
    MACHINE_STATE_LEFT,
    DrainMachineRequest,
    Machine,
    RebalanceRequest,
    ScaleMachineRequest,
)
from cardkeep_client.v1.supply_pb2 import ATTEMPT_STANDING_DELIVERED

from bench.machines import Machines
from bench.run.buyers import PRICE, Buyers
from bench.run.sandboxes import SandboxProcess, enter, recharge, source
from clients.cli.machines import SERVICE, machines_of
from tests.cluster.waiting import until_true

#: A machine needs as long to start as a house; and there are three starts, a drain and a loss here.
pytestmark = pytest.mark.timeout(400)

SKUS = [f"sku-{number}" for number in range(4)]

#: More than four buyers can buy in all the time that a machine may take to come and go.
CARDS = 20_000


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    """The head and one more."""
    machines = Machines(tmp_path, 2)
    try:
        machines.start(0)
        machines.start(1)
        yield machines
    finally:
        machines.end()


def test_machines_leave_come_and_are_lost_while_a_sale_runs(machines: Machines) -> None:
    """No call fails: not while one is emptied, not when it comes back, and not when it is lost with all that it had."""
    head, other = machines.addresses
    with Client(machines.target(0), timeout_s=30) as client:
        until_true(lambda: len(_owners(client, other)) == 1)
        for sku in SKUS:
            client.create_sku(sku, unit_price=PRICE)
            client.import_cards(sku, [f"{sku}-code-{number}" for number in range(CARDS)], import_id="all")
        assert {owner.node for owner in client.owners()} == {head, other}
        assert all(_machine(client, address).pools == 2 for address in (head, other))

        with _sale(machines.target(0)) as buyers:
            client.call(SERVICE, "DrainMachine", DrainMachineRequest(address=other))
            assert machines.wait_left(1, within_s=60) == 0
            assert _machine(client, other).state == MACHINE_STATE_LEFT
            assert _machine(client, head).pools == len(SKUS)
            machines.start(1)
            until_true(lambda: len(_owners(client, other)) == 1)
            until_true(lambda: not client.call(SERVICE, "Rebalance", RebalanceRequest()).moved)
            until_true(lambda: _machine(client, other).pools_served == 2)
        assert buyers.failures == []
        assert _longest_s(buyers) < 3

        with _sale(machines.target(0)) as buyers:
            machines.lose(1)
            until_true(lambda: _machine(client, head).pools_served == len(SKUS))
        assert buyers.failures == []
        assert _longest_s(buyers) < 15
        client.call(SERVICE, "ScaleMachine", ScaleMachineRequest(address=head, owners_max=2))
        until_true(lambda: len(_owners(client, head)) == 2)
        assert all(client.audit(sku).ok for sku in SKUS)


def test_the_others_go_on_while_the_heads_ray_is_lost(machines: Machines) -> None:
    """The head's Ray is killed, and with it all that Ray knew in memory: it comes back, the other never left."""
    head, other = machines.addresses
    with Client(machines.target(1), timeout_s=60) as client:
        until_true(lambda: len(_owners(client, other)) == 1)
        for sku in SKUS:
            client.create_sku(sku, unit_price=PRICE)
            client.import_cards(sku, [f"{sku}-code-{number}" for number in range(CARDS)], import_id="all")
        (before,) = _owners(client, other)
        with _sale(machines.target(1)) as buyers:
            machines.kill(0, "gcs_server")
            until_true(lambda: all(buyers.bought.values()))
            sold = {sku: len(holds) for sku, holds in buyers.bought.items()}
            until_true(lambda: all(len(buyers.bought[sku]) > sold[sku] + 5 for sku in SKUS))
            until_true(lambda: len(_owners(client, head)) == 1)
        assert buyers.failures == []
        assert _owners(client, other) == [before]
        assert all(client.audit(sku).ok for sku in SKUS)


def test_shelves_are_filled_where_there_are_several_machines(tmp_path: Path) -> None:
    """Desks and refills call each other over TLS there, and so does whoever is asked for a recharge."""
    machines = Machines(tmp_path, 2)
    sandbox = SandboxProcess("east", tmp_path / "suppliers", ["GAME"], topups=["TOPUP"])
    try:
        machines.start(0)
        with Client(machines.target(0), timeout_s=30) as client:
            house: Any = SimpleNamespace(client=client)
            enter(house, sandbox)
            for sku in ("GAME", "TOPUP"):
                client.create_sku(sku, unit_price=PRICE)
            source(house, "GAME", ["east"], low=10, high=20, per_purchase=10)
            source(house, "TOPUP", ["east"], low=0, high=0, per_purchase=0)
            until_true(lambda: client.audit("GAME").cards.available >= 10)
            assert recharge(house, "TOPUP", "order-1").standing == ATTEMPT_STANDING_DELIVERED
    finally:
        machines.end()
        sandbox.stop()


@contextmanager
def _sale(target: str) -> Iterator[Buyers]:
    """A buyer for each SKU, as long as the body."""
    buyers = Buyers(target, SKUS, patience_s=30.0)
    buyers.start()
    try:
        yield buyers
    finally:
        buyers.stop()


def _longest_s(buyers: Buyers) -> float:
    return max(took_s for _, took_s in buyers.purchases)


def _machine(client: Client, address: str) -> Machine:
    return next((each for each in machines_of(client) if each.address == address), Machine())


def _owners(client: Client, address: str) -> list[int]:
    return [owner.process_id for owner in _machine(client, address).owners if owner.reachable]
