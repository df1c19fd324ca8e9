"""Suppliers of a bench: sandboxes in processes of their own, entered at a house, that misbehave when told to."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from cardkeep_client.v1 import supply_pb2

from bench.run.house import House

SERVICE = "SupplyService"

#: How long a sandbox may take to start, and to answer a question.
_PATIENCE_S = 20.0

_UNIT_COST_MINOR = 900
_BALANCE_MINOR = 10**12


class SandboxProcess:
    """One supplier. `products` are the codes that it sells, `topups` its recharges, all at the same price."""

    def __init__(
        self, name: str, folder: Path, products: Sequence[str], *, topups: Sequence[str] = (), **scenario: Any
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        file = folder / f"{name}.json"
        wares: list[dict[str, Any]] = [
            {"product": product, "unit_cost_minor": _UNIT_COST_MINOR, "prefix": f"{product}-{name}".upper()}
            for product in products
        ]
        wares += [{"product": topup, "unit_cost_minor": _UNIT_COST_MINOR, "is_recharge": True} for topup in topups]
        file.write_text(json.dumps({"name": name, "balance_minor": _BALANCE_MINOR, "products": wares, **scenario}))
        command = [
            str(Path(sys.executable).with_name("cardkeep")),
            "sandbox-supplier",
            "--json",
            "--scenario",
            str(file),
        ]
        with (folder / f"{name}.err").open("wb") as errors:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)  # noqa: S603
        assert self._process.stdout is not None
        self.about: Mapping[str, Any] = json.loads(self._process.stdout.readline())

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(_PATIENCE_S)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def mischief(self, *rules: Mapping[str, Any]) -> None:
        """Do this wrong from now on, and nothing else."""
        self._post("mischief", {"rules": list(rules)})

    def door(self, *, is_open: bool) -> None:
        """Refuse connections, or take them again."""
        self._post("door", {"is_open": is_open})

    def ledger(self, *, codes: bool = False) -> list[Mapping[str, Any]]:
        """The truth: for each of our ids what was charged and delivered under it."""
        rows: list[Mapping[str, Any]] = []
        after: int | None = 0
        while after is not None:
            with urlopen(f"{self._control}/ledger?after={after}&codes={int(codes)}", timeout=_PATIENCE_S) as answer:  # noqa: S310 - loopback
                page = json.load(answer)
            rows += page["orders"]
            after = page["next"]
        return rows

    @property
    def _control(self) -> str:
        return f"{self.about['control_url']}/sandbox"

    def _post(self, what: str, document: Mapping[str, Any]) -> None:
        body = json.dumps(document).encode()
        request = Request(f"{self._control}/{what}", body, {"content-type": "application/json"})  # noqa: S310 - loopback
        with urlopen(request, timeout=_PATIENCE_S) as answer:  # noqa: S310 - loopback
            answer.read()


def enter(house: House, sandbox: SandboxProcess, *, answer_within_ms: int = 1_000, **fields: Any) -> None:
    """Make a sandbox a supplier of the house, and wait until its desk does business."""
    name, supplier = f"tenants/default/suppliers/{sandbox.name}", sandbox.about["supplier"]
    usual: dict[str, Any] = {
        "idempotency": supply_pb2.IDEMPOTENCY_REPLAY,
        "exposure_units_max": 1_000_000,
        "per_second": 5_000.0,
    }
    profile = supply_pb2.Supplier(
        name=name,
        title=f"sandbox {sandbox.name}",
        protocol=supplier["protocol"],
        endpoint=supplier["endpoint"],
        options=supplier["options"],
        credentials=supplier["credentials"],
        currency="CNY",
        **{**usual, **fields},
    )
    profile.exposure_max.minor, profile.exposure_max.currency = 10**11, "CNY"
    profile.replay_for.FromMilliseconds(3_600_000)
    profile.grace.FromMilliseconds(2_000)
    profile.patience.FromMilliseconds(3_600_000)
    profile.answer_within.FromMilliseconds(answer_within_ms)
    house.client.call(SERVICE, "PutSupplier", supply_pb2.PutSupplierRequest(supplier=profile))
    until_s = time.monotonic() + _PATIENCE_S
    while not _state(house, name).open_for_business:
        if time.monotonic() > until_s:
            raise TimeoutError(f"the desk of {sandbox.name} does no business after {_PATIENCE_S:g} s")
        time.sleep(0.2)


def source(house: House, sku: str, suppliers: Sequence[str], *, low: int, high: int, per_purchase: int) -> None:
    """Let a SKU be bought at these suppliers, as the product of its own name."""
    sourcing = supply_pb2.Sourcing(sku=f"tenants/default/skus/{sku}", low=low, high=high, per_purchase_max=per_purchase)
    sourcing.unit_cost_max.minor, sourcing.unit_cost_max.currency = 2 * _UNIT_COST_MINOR, "CNY"
    for supplier in suppliers:
        added = sourcing.sources.add(supplier=f"tenants/default/suppliers/{supplier}", product=sku)
        added.unit_cost.minor, added.unit_cost.currency = _UNIT_COST_MINOR, "CNY"
    house.client.call(SERVICE, "PutSourcing", supply_pb2.PutSourcingRequest(sourcing=sourcing))


def recharge(house: House, sku: str, order_ref: str) -> supply_pb2.RechargeResponse:
    """Top an account up for an order, or hear how that stands. Raises what the client raises."""
    request = supply_pb2.RechargeRequest(
        parent=f"tenants/default/skus/{sku}", order_ref=order_ref, account=f"account of {order_ref}", quantity=1
    )
    response: supply_pb2.RechargeResponse = house.client.call(SERVICE, "Recharge", request)
    return response


def stop_buying(house: House, sku: str) -> None:
    """Buy no more of a SKU; what is on its way arrives."""
    found = house.client.call(SERVICE, "ListSourcings", supply_pb2.ListSourcingsRequest(parent="tenants/default"))
    (sourcing,) = [each for each in found.sourcings if each.sku.endswith(f"/{sku}")]
    sourcing.paused = True
    house.client.call(SERVICE, "PutSourcing", supply_pb2.PutSourcingRequest(sourcing=sourcing))


def open_attempts(house: House, suppliers: Sequence[str]) -> int:
    """Attempts that may still cost something, or whose codes are not in stock yet."""
    states = [_state(house, f"tenants/default/suppliers/{supplier}") for supplier in suppliers]
    return sum(state.attempts_open + state.attempts_waiting for state in states)


def attempts(house: House, supplier: str) -> list[supply_pb2.Attempt]:
    """Every attempt that our ledger of a supplier has in memory."""
    found: list[supply_pb2.Attempt] = []
    token = ""
    while True:
        request = supply_pb2.ListAttemptsRequest(
            parent=f"tenants/default/suppliers/{supplier}", page_size=1_000, page_token=token
        )
        page = house.client.call(SERVICE, "ListAttempts", request)
        found += page.attempts
        token = page.next_page_token
        if not token:
            return found


def _state(house: House, name: str) -> supply_pb2.SupplierState:
    found = house.client.call(SERVICE, "ListSuppliers", supply_pb2.ListSuppliersRequest(parent="tenants/default"))
    state: supply_pb2.SupplierState = next(each.state for each in found.suppliers if each.name == name)
    return state
