"""Where a supplier's line is tested: a sandbox in its dialect, a line to it, and the orders one may place there."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from actors.adapters.system_clock import SystemClock
from actors.suppliers.folder_claims import Claims
from actors.suppliers.protocols import line_to
from clients.cli.amounts import money_words
from clients.sandbox.mischief import Rule
from clients.sandbox.profile import credentials_of, id_of, product_of, profile_of
from clients.sandbox.scenario import Scenario, usual_wares
from clients.sandbox.server import Sandbox
from clients.sandbox.shop import Policy, Sale, Ware, Wish
from engine.money import Money
from engine.supply.attempts import AttemptId, Delivered, Kind
from engine.supply.ports import Order, SupplierLine, Told
from engine.supply.suppliers import Idempotency

#: An order's answer is waited for so long in these tests; mischief that outlasts it hangs for as long as a test runs.
ANSWER_WITHIN_MS = 600
FOR_EVER_MS = 60_000

UNICODE = Ware("UNICODE", "卡密 “é”", Money(100, "CNY"), prefix="卡密-é")
SCARCE = Ware("SCARCE", "Three of them", Money(100, "CNY"), stock=3)
DEAREST = Ware("DEAREST", "More than all money", Money(10**9, "CNY"))
WARES = (*usual_wares("CNY"), UNICODE, SCARCE, DEAREST)

_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_PEM = serialization.Encoding.PEM
RSA_PUBLIC = _RSA.public_key().public_bytes(_PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
RSA_PRIVATE = _RSA.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


class Stand:
    """A running sandbox and a line to it."""

    def __init__(self, sandbox: Sandbox, line: SupplierLine) -> None:
        self.sandbox = sandbox
        self.line = line

    def wish(self, product: str = "GAME-10", quantity: int = 1, **changes: Any) -> Order:
        """An order under an id of its own, for the money that it costs."""
        ware = self.sandbox.shop.wares.get(product)
        cost = Money(100_000, "CNY") if ware is None else ware.unit_cost.times(quantity)
        kind = Kind.RECHARGE if ware is not None and ware.is_recharge else Kind.CODES
        name = product_of(self.sandbox.scenario, product)
        order = Order(AttemptId(uuid4().hex), kind, name, quantity, cost)
        return order._replace(**changes)

    def misbehaves(self, *rules: Rule) -> None:
        """From the next request on."""
        self.sandbox.mischief.set(rules)

    def sold(self, order: Order) -> list[str]:
        """The codes the shop sold under an order's id, by its own ledger."""
        return [code for sale in self.sales(order) for code in self.sandbox.shop.codes(sale)]

    def sales(self, order: Order) -> list[Any]:
        """The sales under an order's id."""
        return list(self.sandbox.shop.sales().get(id_of(self.sandbox.scenario, order.attempt), []))


class FolderStand(Stand):
    """A folder into which a sandbox's shop has put files of its wares, and a line to that."""

    def __init__(self, sandbox: Sandbox, line: SupplierLine, folder: Path) -> None:
        super().__init__(sandbox, line)
        self._claims = Claims(folder)
        self._dropped: list[str] = []
        for ware in sandbox.shop.wares.values():
            if not ware.is_recharge:
                self._drop(ware, folder / ware.product)

    def _drop(self, ware: Ware, folder: Path) -> None:
        folder.mkdir()
        bought = self.sandbox.shop.buy(Wish(ware.product, ware.product, ware.stock or 1_500))
        if isinstance(bought, Sale):
            dropped = self.sandbox.shop.codes(bought)
            self._dropped += dropped
            cost = money_words(ware.unit_cost.minor, "CNY").split()[0]
            file = folder / "cards.csv"
            file.write_text("code,cost\n" + "".join(f"{code},{cost}\n" for code in dropped))
            os.utime(file, (0, 0))

    def sales(self, order: Order) -> list[Any]:
        """The claims under an order's id."""
        with self._claims.locked(1.0):
            claim = self._claims.of(order.attempt)
        return [] if claim is None else [claim]

    def sold(self, order: Order) -> list[str]:
        """The codes of the claims under an order's id."""
        claims = self.sales(order)
        codes = {self._claims.mark(code): code for code in self._dropped}
        return [codes[mark] for claim in claims for mark in claim.marks]


@asynccontextmanager
async def folder_stand(folder: Path) -> AsyncIterator[Stand]:
    """A folder full of files. Its sandbox does not listen."""
    of = scenario("http")
    profile = profile_of(of, str(folder), protocol="folder", options={})
    yield FolderStand(Sandbox(of), line_to(profile, {}, SystemClock()), folder)


def scenario(dialect: str, **changes: Any) -> Scenario:
    """A scenario of these tests. The name is new each time, so that no two sandboxes sell the same codes."""
    usual = Idempotency.REJECT_BLIND if dialect == "acg-faka" else Idempotency.REPLAY
    made = Scenario(name=uuid4().hex[:8], dialect=dialect, wares=WARES, policy=Policy(usual))
    return made._replace(rsa_public_key=RSA_PUBLIC)._replace(**changes)


@asynccontextmanager
async def stand(of: Scenario, secret: str = "", **supplier: Any) -> AsyncIterator[Stand]:
    """Start the sandbox, and hang up and stop at the end. `secret` is shown in place of the right one."""
    sandbox = Sandbox(of)
    url = await sandbox.start()
    profile = profile_of(of, url, **{"answer_within_ms": ANSWER_WITHIN_MS, **supplier})
    credentials = {**credentials_of(of), "private_key": RSA_PRIVATE}
    line = line_to(profile, credentials | {"secret": secret} if secret else credentials, SystemClock())
    try:
        yield Stand(sandbox, line)
    finally:
        await line.close()
        await sandbox.stop()


def codes(told: Told) -> list[str]:
    """The codes that were told of, once it is clear that they were delivered."""
    assert isinstance(told.finding, Delivered), told.finding
    return [good.code for good in told.goods]
