"""The store's machine is lost in mid-sale, and a replica takes its place: nothing that was acknowledged is missing."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cardkeep_client import Client

from bench.house_process import HouseProcess
from bench.run.buyers import PRICE, Buyers
from tests.cluster.waiting import until_true
from tests.contract.replicas import Server, followed

SKUS = ["sku-0", "sku-1"]

#: More than two buyers buy before the store is lost.
CARDS = 5_000


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[tuple[Server, Server]]:
    """A store, and a replica of it."""
    first, replica = await followed(tmp_path, 1)
    yield first, replica
    for server in (first, replica):
        server.process.kill()
        server.process.wait()


async def test_what_was_sold_is_sold_after_the_store_was_lost(servers: tuple[Server, Server], tmp_path: Path) -> None:
    """By the drill of docs/store.md: the house down, the replica promoted, the house up on it; under new epochs."""
    first, replica = servers
    house = HouseProcess(tmp_path / "house", {"store_url": f"{first.url}?replicas=1"})
    house.start(lambda _step: None)
    try:
        with Client(house.target, timeout_s=30) as client:
            for sku in SKUS:
                client.create_sku(sku, unit_price=PRICE)
                client.import_cards(sku, [f"{sku}-code-{number}" for number in range(CARDS)], import_id="all")
        buyers = Buyers(house.target, SKUS, patience_s=5.0)
        buyers.start()
        until_true(lambda: all(len(buyers.bought[sku]) > 50 for sku in SKUS))
        first.kill()
        house.kill()
        buyers.stop()
        await replica.until("master_link_status", "down")
        assert _promoted(replica)["followers"] == 0
        house.settings["store_url"] = replica.url
        house.start(lambda _step: None)
        with Client(house.target, timeout_s=30) as client:
            for sku in SKUS:
                audit = client.audit(sku)
                assert audit.ok
                assert audit.cards.sold >= len(buyers.bought[sku])
                for hold in buyers.bought[sku]:
                    again = client.confirm(hold, payment_ref=hold.name, paid_amount=PRICE)
                    assert len(again.delivered) == 1
    finally:
        house.stop()


def _promoted(server: Server) -> dict[str, object]:
    cardkeep = Path(sys.executable).with_name("cardkeep")
    done = subprocess.run([cardkeep, "promote", server.url, "--json"], capture_output=True, text=True, check=True)
    said: dict[str, object] = json.loads(done.stdout)
    return said
