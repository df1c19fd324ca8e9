"""No code leaves the front end but to its buyer: canaries are imported, sold, replaced, and looked for everywhere."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from protos.cardkeep.v1 import allocation_pb2, inventory_pb2
from tests.api.canaries import CANARIES, disguises, files_below, leaks
from tests.api.failures import failure
from tests.api.small_house import (
    SmallHouse,
    new_id,
    payment,
    rows,
)


@pytest.mark.parametrize("code", CANARIES)
def test_the_search_would_find_what_it_looks_for(code: str) -> None:
    """In the middle of something else, in every dress; a search that finds nothing proves nothing by itself."""
    import base64  # noqa: PLC0415

    around = b"some bytes before " + code.encode() + b" and after"
    for wrapped in (
        around,
        base64.b64encode(around),
        base64.b64encode(around[1:]),
        base64.b64encode(around[2:]),
        around.hex().encode(),
        code.encode("utf-16"),
        code[::-1].encode(),
    ):
        assert leaks([("here", wrapped)])
    assert all(len(bytes_) >= 12 for bytes_ in disguises(code).values())


async def test_canaries_are_found_nowhere_but_with_their_buyers(
    own_house: SmallHouse, caplog: pytest.LogCaptureFixture
) -> None:
    """Store files, every key and value, journal records, logs down to DEBUG, metrics; the codes do come back."""
    caplog.set_level(logging.DEBUG)
    sku = await _live_through_everything(own_house)
    searched = [
        *files_below(own_house.settings.data),
        *[place async for place in _keys(own_house)],
        ("log", caplog.text.encode()),
        ("front metrics", await own_house.front.metrics()),
        *[(f"metrics of {name}", await owner.metrics()) for name, owner in own_house.owners.items()],
    ]
    assert leaks(searched) == []
    names = "\n".join(name for name, _ in searched)
    assert "appendonlydir" in names
    assert own_house.key(sku, "journal") in names
    assert "cardkeep_requests_total" in str(await own_house.front.metrics())


async def _live_through_everything(house: SmallHouse) -> str:
    """Import, refuse, hold, look, sell, replace, damage, fold: whatever a code may come by."""
    sku = await house.sku()
    lines = [*CANARIES, *CANARIES, CANARIES[0] + "\x00", CANARIES[1] * 20]
    header = inventory_pb2.ImportHeader(parent=sku, import_id=new_id(), source="a supplier")
    *_, last = await house.bring(header, [rows(lines)], chunks=1)
    assert (last.report.accepted, last.report.refused) == (len(CANARIES), len(CANARIES) + 2)
    assert leaks([("report", last.SerializeToString())]) == []
    hold = await house.allocate(sku, len(CANARIES) - 1)
    seen = await house.allocation.GetHold(allocation_pb2.GetHoldRequest(name=hold.name))
    assert leaks([("GetHold", seen.SerializeToString())]) == []
    sold = await house.confirm(hold)
    assert tuple(one.code for one in sold.delivered) == CANARIES[:-1]
    assert leaks([("the hold of a Confirm", sold.hold.SerializeToString())]) == []
    given = await house.inventory.ReplaceCard(
        inventory_pb2.ReplaceCardRequest(name=hold.name, card=hold.cards[0].name, request_id=new_id())
    )
    assert given.fresh.code == CANARIES[-1]
    await house.forget(sku)
    await house.damage_codes(sku)
    for _ in range(2):
        assert (await failure(house.allocation.Confirm(payment(hold, payment_ref=sold.hold.payment_ref)))).reason == (
            "CARD_UNREADABLE"
        )
    await house.restart_owner(await house.owner_of(sku))
    await house.cards(sku)
    return sku


async def _keys(house: SmallHouse) -> Any:
    """Every key of the store with all it holds."""
    (keys,) = await house.store.line.ask([("KEYS", "*")])
    for key in keys:
        (kind,) = await house.store.line.ask([("TYPE", key)])
        read: dict[bytes, tuple[str | bytes | int, ...]] = {
            b"string": ("GET", key),
            b"list": ("LRANGE", key, 0, -1),
            b"stream": ("XRANGE", key, "-", "+"),
            b"hash": ("HGETALL", key),
            b"set": ("SMEMBERS", key),
            b"zset": ("ZRANGE", key, 0, -1),
        }
        (value,) = await house.store.line.ask([read[kind]])
        yield key.decode(), b"\n".join(_flat(value))


def _flat(value: Any) -> Iterator[bytes]:
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, dict):
        for pair in value.items():
            yield from _flat(pair)
    else:
        for part in value:
            yield from _flat(part)
