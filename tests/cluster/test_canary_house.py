"""Canaries in the real house: not in its data folder, its logs, its metrics, nor in anything Ray writes."""

from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from cardkeep_client import CardUnreadable, Client

from actors.adapters.key_ring import KeyRingFile, Purpose, State
from tests.api.canaries import CANARIES, files_below, leaks
from tests.cluster.living_house import LivingHouse


@pytest.fixture
def house(tmp_path: Path) -> Iterator[LivingHouse]:
    """A house that is down at the end."""
    house = LivingHouse(tmp_path / "data", log_level="DEBUG")
    house.start()
    yield house
    house.end()


def test_no_canary_is_left_behind_by_the_real_house(house: LivingHouse) -> None:
    """Import, hold, sell, look, replace, fail to open; then search what every process wrote, down to DEBUG logs."""
    with Client(house.target) as client:
        client.create_sku("vip")
        report = client.import_cards("vip", [*CANARIES, *CANARIES], import_id="file-1")
        assert (report.accepted, report.refused) == (len(CANARIES), len(CANARIES))
        hold = client.allocate("vip", len(CANARIES) - 1, order_ref="order-1")
        sold = client.confirm(hold, payment_ref="pay-1")
        assert tuple(one.code for one in sold.delivered) == CANARIES[:-1]
        client.get_hold(hold)
        given = client.replace(hold, sold.hold.cards[0].name, reason="used")
        assert given.fresh.code == CANARIES[-1]
        _disable_first_key(house.folder / "keys")
        with pytest.raises(CardUnreadable):
            client.confirm(hold, payment_ref="pay-1")
        with urlopen(f"http://127.0.0.1:{house.metrics_port}/metrics") as page:
            metrics = page.read()
    house.stop()
    searched = [*files_below(house.folder, house.ray_folder), ("metrics", metrics)]
    assert leaks(searched) == []
    names = "\n".join(name for name, _ in searched)
    for written in ("appendonlydir", "owner-0.log", "raylet", "gcs_server"):
        assert written in names, f"nothing was searched of {written}"
    assert b"cardkeep_requests_total" in metrics


def _disable_first_key(folder: Path) -> None:
    """Rotate, and take the key that the batch was sealed under out of use."""
    ring = KeyRingFile(folder)
    ring.rotate(now_ms=0)
    [former] = [key for key in ring.current().keys if key.purpose is Purpose.WRAP and key.state is State.ENABLED]
    ring.disable(former.key_id)
