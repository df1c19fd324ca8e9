"""A direct recharge: whom it was given to, one after another, and never a second while the first is in doubt.

Rules.
1. Whom an order is given to is written down, durably, before anybody is asked; so is each further one. The purchase's
   id comes of the order and its number, and the purchase is asked again as it was written down.
2. Another supplier is chosen only when the last purchase has surely come to nothing: its desk's ledger says so, or the
   desk refused to ask, and it was asked by whoever wrote the choice down, for the first time.
3. An order that was given up stays so: whoever was told no may have paid the money back.
"""

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from engine.errors import InvariantBroken
from engine.money import Money
from engine.names import PoolName, SupplierName
from engine.supply.attempts import Attempt, AttemptId, Kind

#: Suppliers that one order is given to, at most: who has failed with so many does not get it by one more.
choices_max = 8

_GAVE_UP = "gave up"


class Recharge(NamedTuple):
    """An account is to be topped up with `quantity` units of a SKU. `order_ref` names it for ever."""

    pool: PoolName
    order_ref: str
    account: str
    quantity: int


class Chosen(NamedTuple):
    """The order was given to this supplier, as this purchase."""

    supplier: SupplierName
    product: str
    attempt: Attempt


class Progress(NamedTuple):
    """How far an order is: whom it was given to, the last one last."""

    choices: tuple[Chosen, ...] = ()
    is_given_up: bool = False


def book_of(order: Recharge) -> PoolName:
    """The name under which the journal keeps an order's progress: no SKU can be called so, and no supplier's ledger."""
    return PoolName(order.pool.tenant, f"~~{_digest(order)}")


def attempt_for(order: Recharge, number: int, cost_max: Money) -> Attempt:
    """The order's purchase of this number, from 1."""
    name = AttemptId(f"r{_digest(order)}-{number}")
    return Attempt(name, order.pool, Kind.RECHARGE, order.quantity, cost_max, order.order_ref)


def pack_choice(choice: Chosen | None) -> bytes:
    """What is written down of a choice; None: that the order is given up."""
    return json.dumps(_GAVE_UP if choice is None else choice).encode()


def read_progress(records: Sequence[bytes]) -> Progress:
    """What was written down of an order. Raises InvariantBroken for what nobody has written."""
    choices: list[Chosen] = []
    is_given_up = False
    for record in records:
        try:
            fields = json.loads(record)
            if fields == _GAVE_UP:
                is_given_up = True
                continue
            supplier, product, (name, pool, kind, quantity, cost_max, order_ref) = fields
            attempt = Attempt(name, PoolName(*pool), Kind(kind), quantity, Money(*cost_max), order_ref)
            choices.append(Chosen(SupplierName(*supplier), product, attempt))
        except (ValueError, TypeError) as broken:
            raise InvariantBroken(f"a recharge's journal cannot be read: {broken}") from broken
    return Progress(tuple(choices), is_given_up)


def _digest(order: Recharge) -> str:
    """Of pool and order_ref: equal for the same order alone, and short enough to be anybody's idempotency key."""
    return sha256(json.dumps([*order.pool, order.order_ref]).encode()).hexdigest()[:32]
