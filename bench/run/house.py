"""Cardkeep as a side of a comparison: a house of its own, spoken to by its public API only."""

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from urllib.request import urlopen

from cardkeep_client import CardkeepError, Client, Owner
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from actors.front.doors import Door
from bench.audit import Books
from bench.house_process import HouseProcess
from bench.run.processes import Usages, usages

#: Cards of one import stream; several streams would share one front end's core anyway.
_CHUNK_ROWS = 1_000

#: How long any one question may take: the audit of a large SKU counts every card.
_QUESTION_PATIENCE_S = 60.0

_LAST_LINES = 10

#: SKUs stocked at the same time: enough to keep the house busy, few enough for a client in Python to keep up.
_STOCKED_AT_ONCE = 16
_SAID_EVERY = 100


class Brought(NamedTuple):
    """What one import brought, from the first asking to the last answer (milliseconds since 1970)."""

    cards: int
    began_ms: float
    ended_ms: float


class House:
    """A running house with one SKU after another. `label` is how it is called in tables, "cardkeep" say."""

    keeps_books = True
    keeps_promises = True

    def __init__(
        self, label: str, folder: Path, door: Door, settings: dict[str, str], process: HouseProcess | None = None
    ) -> None:
        self.label = label
        self.door = door
        self.settings = {**settings, "front_door": door.value}
        self.folder = folder
        self._process = process or HouseProcess(folder, self.settings)
        self._client: Client | None = None
        self._skus = 0
        #: By SKU and import_id: what `import_cards` brought.
        self.brought: dict[str, dict[str, Brought]] = {}

    def equip(self, environment: Mapping[str, str], **settings: str) -> None:
        """More settings, and what else its first process is given, before it starts."""
        self.settings.update(settings)
        self._process.settings.update(settings)
        self._process.environment.update(environment)

    def start(self, say: Callable[[str], None]) -> None:
        """Start and wait until it serves. Raises HouseFailed."""
        self._process.start(lambda step: say(f"{self.label}: {step}"))
        self._client = Client(self.target, timeout_s=_QUESTION_PATIENCE_S)

    def stop(self) -> None:
        """Stop it; its folder stays."""
        if self._client is not None:
            self._client.close()
            self._client = None
        self._process.stop()

    def restart(self, say: Callable[[str], None]) -> None:
        """Stop it, and start it again on the same data, elsewhere. Raises HouseFailed."""
        self.stop()
        self.start(say)

    def last_words(self) -> str:
        """The end of what it said on its way up, for when it did not get there."""
        told = self.folder / "house.out"
        return "\n".join(told.read_text(errors="replace").splitlines()[-_LAST_LINES:]) if told.exists() else ""

    @property
    def target(self) -> str:
        """Where its API is, host:port."""
        return self._process.target

    @property
    def client(self) -> Client:
        """The public Python client of this house, for everything that is not a load. Only while it runs."""
        assert self._client is not None
        return self._client

    def stock(self, cards: int, *, sku: str = "", **terms: Any) -> str:
        """A new SKU with so many fresh cards, sealed and durable; `terms` are those of create_sku. Returns its id."""
        if not sku:
            self._skus += 1
            sku = f"SKU-{self._skus}"
        self.client.create_sku(sku, **terms)
        if cards:
            self.import_cards(sku, cards)
        return sku

    def stock_many(self, skus: int, cards: int, say: Callable[[str], None] = lambda _: None) -> list[str]:
        """So many new SKUs with so many fresh cards each, several at a time. Returns their ids."""
        ids = [f"SKU-{self._skus + number + 1}" for number in range(skus)]
        self._skus += skus
        with ThreadPoolExecutor(_STOCKED_AT_ONCE) as threads:
            for number, _ in enumerate(threads.map(lambda sku: self.stock(cards, sku=sku), ids), 1):
                if number % _SAID_EVERY == 0:
                    say(f"stocked {number:,} of {skus:,} SKUs")
        return ids

    def import_cards(self, sku: str, cards: int, *, import_id: str = "first") -> float:
        """One more batch of fresh cards of 24 characters for a SKU. Returns the seconds it took."""
        began_s, began_ms = time.monotonic(), time.time() * 1000
        codes = (f"{import_id:.8}-{number:08d}-{number * 2_654_435_761 % 10**6:06d}" for number in range(cards))
        report = self.client.import_cards(sku, codes, import_id=f"{sku}-{import_id}", chunk_rows=_CHUNK_ROWS)
        assert report.accepted == cards, report
        self.brought.setdefault(sku, {})[f"{sku}-{import_id}"] = Brought(cards, began_ms, time.time() * 1000)
        return time.monotonic() - began_s

    def books(self, skus: Sequence[str]) -> list[Books]:
        """What the house says of its SKUs now."""
        return [self._books_of(sku) for sku in skus]

    def owner_of(self, sku: str) -> Owner:
        """The owner that has a SKU now."""
        (pool,) = [pool for pool in self.client.pools() if pool.name.endswith(f"/{sku}")]
        (owner,) = [owner for owner in self.client.owners() if owner.name == pool.owner]
        return owner

    def kill_owner(self, sku: str) -> float:
        """SIGKILL for the process that owns a SKU. Returns the moment, monotonic seconds."""
        pid = self.owner_of(sku).process_id
        os.kill(pid, signal.SIGKILL)
        return time.monotonic()

    def kill_role(self, role: str, chance: Random) -> bool:
        """SIGKILL for one process of a role ("desk", "refill"), if there is any now."""
        pids = sorted(pid for pid, usage in self.usages().items() if usage.role == role)
        if pids:
            with suppress(ProcessLookupError):
                os.kill(chance.choice(pids), signal.SIGKILL)
        return bool(pids)

    def gauges(self) -> Mapping[str, float]:
        """What its processes measure now, by the name of the metric: the sum over labels and processes."""
        sums: dict[str, float] = {}
        for family in self._families():
            if family.type == "gauge":
                sums[family.name] = sum(sample.value for sample in family.samples)
        return sums

    def buckets(self, histogram: str) -> Mapping[float, float]:
        """How many values of a histogram were at most each bound until now: the sum over labels and processes."""
        counts: dict[float, float] = {}
        for family in self._families():
            for sample in family.samples if family.name == histogram else ():
                if sample.name.endswith("_bucket"):
                    bound = float(sample.labels["le"])
                    counts[bound] = counts.get(bound, 0.0) + sample.value
        return counts

    def usages(self) -> Usages:
        """CPU and memory of each of its processes until now."""
        return usages(self._process.pid)

    def _families(self) -> list[Metric]:
        with urlopen(self._process.metrics, timeout=_QUESTION_PATIENCE_S) as page:  # noqa: S310 - our own page
            return list(text_string_to_metric_families(page.read().decode()))

    def _books_of(self, sku: str) -> Books:
        try:
            audit = self.client.audit(sku)
        except CardkeepError as failure:
            if failure.reason != "POOL_STOPPED":
                raise
            return Books(sku, 0, 0, 0, 0, 0, 0, time.time() * 1000, violations=(str(failure),))
        cards = audit.cards
        return Books(
            sku,
            received=cards.received,
            on_shelf=cards.on_shelf,
            held=cards.held,
            sold=cards.sold,
            void=cards.void,
            holds_active=audit.holds_active,
            counted_at_ms=audit.audit_time.timestamp() * 1000,
            violations=audit.violations,
        )
