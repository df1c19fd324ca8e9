"""Several machines, each at a loopback address of its own: they come, leave, and are lost while a sale runs."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Self

import pytest
from cardkeep_client import CardkeepError, Client, Money
from cardkeep_client.v1.cluster_pb2 import (
    MACHINE_STATE_LEFT,
    DrainMachineRequest,
    ListMachinesRequest,
    Machine,
    RebalanceRequest,
    ScaleMachineRequest,
)

from bench.machines import Machines
from clients.cli.machines import SERVICE

#: A machine needs as long to start as a house; and there are three starts, a drain and a loss here.
pytestmark = pytest.mark.timeout(400)

SKUS = [f"sku-{number}" for number in range(4)]

#: More than four buyers can buy in all the time that a machine may take to come and go.
CARDS = 20_000


class Sale:
    """Buyers, one thread each, who ask any machine that is there; every failure is kept."""

    def __init__(self, targets: list[str]) -> None:
        self._orders = count()
        self._go_on = threading.Event()
        self.failures: list[str] = []
        self.sold: Counter[str] = Counter()
        self.slowest_s = 0.0
        self._threads = [threading.Thread(target=self._buy, args=(sku, targets)) for sku in SKUS]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._go_on.set()
        for thread in self._threads:
            thread.join()

    def _buy(self, sku: str, targets: list[str]) -> None:
        number = next(self._orders)
        with Client(targets[number % len(targets)], channels=1, timeout_s=30) as client:
            while not self._go_on.is_set():
                began_s = time.monotonic()
                try:
                    hold = client.allocate(sku, order_ref=f"{sku}-{next(self._orders)}-{number}")
                    client.confirm(hold, payment_ref=f"pay-{hold.name}", paid_amount=Money(100, "CNY"))
                    self.sold[sku] += 1
                except CardkeepError as failure:
                    self.failures.append(f"{sku}: {failure!r}")
                self.slowest_s = max(self.slowest_s, time.monotonic() - began_s)


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
        _until(lambda: len(_owners(client, other)) == 1)
        for sku in SKUS:
            client.create_sku(sku, unit_price=Money(100, "CNY"))
            client.import_cards(sku, [f"{sku}-code-{number}" for number in range(CARDS)], import_id="all")
        assert {owner.node for owner in client.owners()} == {head, other}
        assert all(_machine(client, address).pools == 2 for address in (head, other))

        with Sale([machines.target(0)]) as sale:
            client.call(SERVICE, "DrainMachine", DrainMachineRequest(address=other))
            assert machines.wait_left(1, within_s=60) == 0
            assert _machine(client, other).state == MACHINE_STATE_LEFT
            assert _machine(client, head).pools == len(SKUS)
            machines.start(1)
            _until(lambda: len(_owners(client, other)) == 1)
            client.call(SERVICE, "Rebalance", RebalanceRequest())
            _until(lambda: _machine(client, other).pools_served == 2)
        assert sale.failures == []
        assert sale.slowest_s < 3

        with Sale([machines.target(0)]) as sale:
            machines.lose(1)
            _until(lambda: _machine(client, head).pools_served == len(SKUS))
        assert sale.failures == []
        assert sale.slowest_s < 15
        client.call(SERVICE, "ScaleMachine", ScaleMachineRequest(address=head, owners_max=2))
        _until(lambda: len(_owners(client, head)) == 2)
        assert all(client.audit(sku).ok for sku in SKUS)


def test_the_others_go_on_while_the_heads_ray_is_lost(machines: Machines) -> None:
    """The head's Ray is killed, and with it all that Ray knew in memory: it comes back, the other never left."""
    head, other = machines.addresses
    with Client(machines.target(1), timeout_s=60) as client:
        _until(lambda: len(_owners(client, other)) == 1)
        for sku in SKUS:
            client.create_sku(sku, unit_price=Money(100, "CNY"))
            client.import_cards(sku, [f"{sku}-code-{number}" for number in range(CARDS)], import_id="all")
        (before,) = _owners(client, other)
        with Sale([machines.target(1)]) as sale:
            machines.kill(0, "gcs_server")
            _until(lambda: len(sale.sold) == len(SKUS))
            sold = dict(sale.sold)
            _until(lambda: all(sale.sold[sku] > sold[sku] + 5 for sku in SKUS))
            _until(lambda: len(_owners(client, head)) == 1)
        assert sale.failures == []
        assert _owners(client, other) == [before]
        assert all(client.audit(sku).ok for sku in SKUS)


def _machine(client: Client, address: str) -> Machine:
    found = {each.address: each for each in client.call(SERVICE, "ListMachines", ListMachinesRequest()).machines}
    return found.get(address, Machine())


def _owners(client: Client, address: str) -> list[int]:
    return [owner.process_id for owner in _machine(client, address).owners if owner.reachable]


def _until(is_so: Callable[[], bool], within_s: float = 60.0) -> None:
    """Wait for what comes by itself."""
    until_s = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < until_s
        time.sleep(0.1)
