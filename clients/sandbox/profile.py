"""A sandbox as a supplier's profile: what to enter so that an adapter speaks to it."""

import hashlib
import json
from base64 import b32encode
from collections.abc import Mapping, Sequence
from typing import Any

from clients.sandbox.scenario import KEY, SECRET, Scenario
from clients.sandbox.shop import Ware
from engine.money import Money
from engine.names import SupplierName
from engine.supply.ledger import Caution
from engine.supply.suppliers import Supplier

#: The generic adapter's options for the sandbox's own dialect.
HTTP_OPTIONS: Mapping[str, str] = {
    "order": "POST /orders",
    "order.fields": json.dumps({"id": "{attempt}", "product": "{product}", "quantity": "{quantity}"}),
    "recharge": "POST /orders",
    "recharge.fields": json.dumps(
        {"id": "{attempt}", "product": "{product}", "quantity": "{quantity}", "account": "{account}"}
    ),
    "look_up": "GET /orders",
    "look_up.fields": json.dumps({"id": "{attempt}"}),
    "reverse": "POST /orders/reverse",
    "reverse.fields": json.dumps({"id": "{attempt}"}),
    "balance": "GET /balance",
    "products": "GET /products",
    "statement": "GET /statement",
    "statement.fields": json.dumps({"from_ms": "{from_ms}", "to_ms": "{to_ms}"}),
    "echo": "id",
    "connections": "keep",
    "error": "error.code",
    "error.order_no": "error.order_no",
    "error.refused": "OUT_OF_STOCK,OUT_OF_BALANCE,NO_SUCH_PRODUCT,BAD_QUANTITY,BAD_SIGNATURE",
    "error.duplicate": "DUPLICATE_ID",
    "error.not_found": "NO_SUCH_ORDER",
    "cost": "cost.amount",
    "currency": "cost.currency",
    "codes.shape": "objects",
    "codes.expires": "expires_at_ms",
    "balance.amount": "amount",
    "balance.currency": "currency",
    "products.price": "price.amount",
    "products.currency": "price.currency",
    "products.stock": "stock",
    "statement.attempt": "id",
    "statement.units": "quantity",
    "statement.cost": "charged.amount",
    "statement.currency": "charged.currency",
    "statement.at": "at_ms",
}

_FIRST_SKU = 1_001
_MD5_FIELDS = json.dumps({"key": "{key}", "timestamp": "{timestamp}", "nonce": "{nonce}"})


def options_of(scenario: Scenario) -> Mapping[str, str]:
    """The adapter's options for a sandbox of that scenario."""
    if scenario.dialect != "http":
        return {"account_field": "account"}
    options = {**HTTP_OPTIONS, "sign": scenario.signing}
    if scenario.signing == "md5":
        options["sign.fields"] = _MD5_FIELDS
    return options


def credentials_of(scenario: Scenario) -> Mapping[str, str]:
    """What a buyer shows; for RSA the buyer brings its own `private_key`."""
    if scenario.dialect == "http" and scenario.signing == "bearer":
        return {"token": SECRET}
    return {"key": KEY, "secret": SECRET}


def profile_of(scenario: Scenario, url: str, **changes: Any) -> Supplier:
    """A supplier's profile for a sandbox at `url`; `changes` are fields of Supplier. Credentials are not in it.

    It may have 10,000 units and a tenth of its balance in doubt, and answers within 5 s.
    """
    supplier = Supplier(
        name=SupplierName("default", scenario.name),
        title=f"Sandbox {scenario.name}",
        protocol=scenario.dialect,
        endpoint=url,
        currency=scenario.currency,
        options=options_of(scenario),
        credentials=b"",
        idempotency=scenario.policy.idempotency,
        replay_for_ms=scenario.policy.replay_for_ms,
        caution=Caution(
            grace_ms=10_000,
            exposure_units_max=10_000,
            exposure_max=Money(max(1, scenario.balance_minor // 10), scenario.currency),
            patience_ms=3_600_000,
        ),
        per_s=1_000.0,
        answer_within_ms=5_000,
    )
    return supplier._replace(**changes)


def product_of(scenario: Scenario, product: str) -> str:
    """What a ware is called in the dialect."""
    if scenario.dialect != "dujiao-next":
        return product
    return next((str(number) for number, ware in sku_ids(scenario.wares).items() if ware == product), "0")


def id_of(scenario: Scenario, attempt: str) -> str:
    """Under which id the sandbox's ledger has an attempt of ours: acg-faka takes 19 characters, a digest's."""
    if scenario.dialect != "acg-faka":
        return attempt
    return b32encode(hashlib.sha256(attempt.encode()).digest()).decode().lower()[:19]


def sku_ids(wares: Sequence[Ware]) -> Mapping[int, str]:
    """dujiao-next orders by number: the first ware is 1001."""
    return {_FIRST_SKU + at: ware.product for at, ware in enumerate(wares)}
