"""The end of a history: what a house says of its SKUs and holds when all is over, and again when it was rebuilt.

A replay is forced from outside: owners are killed, and others replay snapshots and journals. So a run that leaves
histories measures a house whose owners die after each check; its figures are not for comparing.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256

from cardkeep_client import CardkeepError, Hold, HoldState

from bench.run.history_file import Line, short
from bench.run.house import House
from bench.waiting import when_back

#: Of each SKU, and in all: a question a hold, at about a millisecond each, twice.
HOLDS_MAX = 500
HOLDS_OF_ALL_MAX = 2_000

#: SKUs that are looked at twice.
_SKUS_MAX = 20

#: Holds that are over sooner than this could be over between the two looks.
_STAYS_FOR = timedelta(seconds=120)

_BACK_WITHIN_S = 60.0


def last_look(house: House, holds: Mapping[str, Sequence[str]], *, holds_max: int = HOLDS_OF_ALL_MAX) -> Iterator[Line]:
    """Imports, some holds as they are now, and digests before and after a replay; `holds` are names by SKU.

    At most `holds_max` of all SKUs are looked at, each four times.
    Ends early where a pool has stopped: that is in the books, and such a pool says nothing more. Raises CardkeepError.
    """
    try:
        yield from _looked(house, holds, holds_max)
    except CardkeepError as failure:
        if failure.reason != "POOL_STOPPED":
            raise


def _looked(house: House, holds: Mapping[str, Sequence[str]], holds_max: int) -> Iterator[Line]:
    for sku in holds:
        yield from _imports(house, sku)
    each_max = min(HOLDS_MAX, max(1, holds_max // max(1, len(holds))))
    looked_at = {sku: list(names[:each_max]) for sku, names in holds.items()}
    for sku, names in looked_at.items():
        for name in names:
            yield _final(sku, house.client.get_hold(name))
    twice = dict(list(looked_at.items())[:_SKUS_MAX])
    stable = {sku: [name for name in names if _stays(house.client.get_hold(name))] for sku, names in twice.items()}
    served = {sku: _digest(house, sku, names) for sku, names in stable.items()}
    owners = {house.owner_of(sku).name: sku for sku in stable}
    for sku in owners.values():
        house.kill_owner(sku)
    for sku, names in stable.items():
        replayed = when_back(partial(_digest, house, sku, names), _BACK_WITHIN_S)
        yield {"type": "digests", "sku": sku, "served": served[sku], "replayed": replayed}


def _imports(house: House, sku: str) -> Iterator[Line]:
    """What the bench imported itself; nothing where an SKU has cards that came another way."""
    brought = house.brought.get(sku, {})
    batches = {batch.import_id: short(batch.name) for batch in house.client.batches(sku)}
    if batches.keys() <= brought.keys():
        for import_id, one in brought.items():
            line = {"type": "import", "sku": sku, "import_id": import_id, "end": "ok", "perishable": False}
            moments = {"invoked_at_ms": one.began_ms, "returned_at_ms": one.ended_ms}
            yield line | moments | {"ranges": [[f"{batches[import_id]}-", 0, one.cards]]}


def _final(sku: str, hold: Hold) -> Line:
    cards = [short(card.name) for card in hold.cards]
    line = {"type": "final", "sku": sku, "hold": short(hold.name), "state": hold.state.name}
    return line | {"order_ref": hold.order_ref, "cards": cards}


def _stays(hold: Hold) -> bool:
    now = datetime.now(hold.expire_time.tzinfo)
    return hold.state is not HoldState.ACTIVE or hold.expire_time > now + _STAYS_FOR


def _digest(house: House, sku: str, names: Sequence[str]) -> str:
    """A digest of all that the API shows of an SKU, but for what a deadline may change meanwhile.

    That leaves, of each count, what is received, sold and void, and what is the sum of the others.
    """
    audit = house.client.audit(sku)
    counts = [(name, one.received, one.sold, one.void) for name, one in sorted(audit.batches.items())]
    holds = [_shown(house.client.get_hold(name)) for name in names]
    shown = (audit.ok, audit.cards.received, audit.cards.sold, audit.cards.void, counts, holds)
    return sha256(json.dumps(shown, default=str).encode()).hexdigest()


def _shown(hold: Hold) -> tuple[object, ...]:
    cards = [(card.name, card.mask, card.expire_time) for card in hold.cards]
    moments = (hold.create_time, hold.expire_time, hold.end_time)
    rest = (hold.order_ref, hold.payment_ref, hold.quantity, hold.unit_price, hold.refunds_due, hold.replacements)
    return (hold.name, hold.state.name, cards, *moments, *rest)
