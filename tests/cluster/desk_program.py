"""A store, Ray and one supplier's desk; purchases while its process is killed. Run as a program: Ray ends with it."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from pydantic import SecretStr

from actors.adapters.embedded_store import EmbeddedStore
from actors.adapters.key_ring import KeyRingFile
from actors.adapters.redis_registry import RedisRegistry
from actors.adapters.redis_store import RedisStore
from actors.adapters.supplier_book import RedisSupplierBook
from actors.adapters.system_clock import SystemClock
from actors.ray_node import ray_environment
from actors.settings import Settings
from actors.store_facts import StoreFacts
from engine.errors import InDoubt, NotDone
from engine.money import Money
from engine.names import PoolName, SupplierName
from engine.supply.attempts import Attempt, AttemptId, Kind, Standing
from engine.supply.ledger import Caution
from engine.supply.suppliers import Idempotency, Supplier

ACME = SupplierName("default", "acme")
POOL = PoolName("default", "DEMO")
PURCHASES = 40
KILLS = 3
CAUTION = Caution(2_000, 1_000, Money(10**7, "CNY"), 86_400_000)
PROFILE = Supplier(ACME, "Acme", "file", "", "CNY", {}, b"", Idempotency.NONE, 0, CAUTION, 0.0, 2_000)


async def main(folder: Path) -> None:
    """Everything up, purchases and kills, until every attempt is settled; then everything down."""
    store = EmbeddedStore(folder / "store")
    await store.start()
    settings = Settings(data=folder, store_url=SecretStr(store.url)).completed()
    KeyRingFile(settings.keys_folder).create_if_missing(may_create=True, now_ms=SystemClock().now_ms())
    own = RedisStore(store.url)
    await own.open()
    await RedisSupplierBook(own.line).put_supplier(PROFILE)
    os.environ.update(ray_environment(settings))
    from actors.cluster import Cluster  # noqa: PLC0415 - Ray reads its environment when it is imported

    cluster = Cluster(settings, StoreFacts("embedded", "", ""), RedisRegistry(own.line))
    cluster.start(settings.ray_folder)
    try:
        await cluster.start_archivist()
        await _trade(cluster)
    finally:
        await cluster.stop()
        await own.close()
        await store.stop()


async def _trade(cluster: object) -> None:
    from actors.cluster import Cluster, Reach  # noqa: PLC0415 - Ray reads its environment when it is imported
    from actors.supply.desk_actor import RemoteDesks  # noqa: PLC0415
    from tests.cluster.file_supplier import outfit_for  # noqa: PLC0415

    assert isinstance(cluster, Cluster)
    await cluster.ensure_supplier(ACME, outfit_for)
    desks = RemoteDesks(Reach(cluster._settings).ask)
    pids: set[int] = set()
    killing = asyncio.ensure_future(_kill(cluster, desks, pids))
    standings = await asyncio.gather(*(_bought(desks, number) for number in range(PURCHASES)))
    await killing
    while True:
        try:
            view = await desks.ask(ACME, "view")
        except (NotDone, InDoubt):
            view = None
        if view is not None and not view.open and not view.waiting:
            break
        await asyncio.sleep(0.1)
    told = {"standings": [str(each) for each in standings], "pids": len(pids), "tasks": view.tasks}
    sys.stdout.write(json.dumps(told | {"metrics": sorted(await cluster.metrics())}) + "\n")


async def _bought(desks: object, number: int) -> Standing:
    """One purchase, asked again under the same id until there is an answer."""
    await asyncio.sleep(number * 0.1)
    name = AttemptId(f"{'hang' if number % 4 == 0 else 'sell'}-{number}")
    attempt = Attempt(name, POOL, Kind.CODES, 2, Money(500, "CNY"))
    while True:
        try:
            bought = await desks.buy(ACME, attempt, "P-1")  # type: ignore[attr-defined]
        except (NotDone, InDoubt):
            await asyncio.sleep(0.2)
        else:
            standing: Standing = bought.standing
            return standing


async def _kill(cluster: object, desks: object, pids: set[int]) -> None:
    """Kill -9 the desk's process in the middle of it all, each time that it is back."""
    while len(pids) < KILLS:
        await asyncio.sleep(1.0)
        pid = await cluster._buyers["desk:default/acme"].process_id.remote()  # type: ignore[attr-defined]
        if pid not in pids:
            pids.add(pid)
            os.kill(pid, signal.SIGKILL)
            await _wait_back(desks)


async def _wait_back(desks: object) -> None:
    while True:
        try:
            await desks.state(ACME)  # type: ignore[attr-defined]
        except (NotDone, InDoubt):
            await asyncio.sleep(0.1)
        else:
            return


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
