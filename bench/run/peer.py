"""A peer as a side of a comparison: the same API on the same door over something else. See bench/peers."""

from collections.abc import Sequence
from pathlib import Path

from actors.front.doors import Door
from bench.audit import Books
from bench.peers import PEERS, PeerProcess
from bench.run.processes import Usages, usages


class Peer:
    """A running peer with a number of stocked SKUs, made when it starts. The client's histories are its audit."""

    keeps_books = False

    def __init__(self, name: str, folder: Path, door: Door, *, cards: int, stocks: int) -> None:
        self.label = name
        self.title = PEERS[name].title
        self.door = door
        #: Echo promises nothing, so there is nothing to audit.
        self.keeps_promises = name != "echo"
        self._cards = cards
        self._fresh = [f"STOCK-{number}" for number in range(1, stocks + 1)]
        skus = [f"tenants/default/skus/{sku}" for sku in self._fresh]
        self._process = PeerProcess(name, door, folder, cards=cards, skus=skus)

    def start(self) -> None:
        """Start and wait until it serves. Raises PeerFailed."""
        self._process.start()

    def stop(self) -> None:
        """Stop it; its folder stays."""
        self._process.stop()

    @property
    def target(self) -> str:
        """Where its API is, host:port."""
        return self._process.target

    def stock(self, cards: int) -> str:
        """The next of its stocked SKUs. Raises ValueError when it was started with fewer cards or too few SKUs."""
        if cards > self._cards or not self._fresh:
            raise ValueError(f"{self.label} has {len(self._fresh)} SKUs of {self._cards:,} cards left, not {cards:,}")
        return self._fresh.pop(0)

    def books(self, skus: Sequence[str]) -> list[Books]:
        """None are kept."""
        raise NotImplementedError(f"{self.label} keeps no books of {skus}")

    def usages(self) -> Usages:
        """CPU and memory of each of its processes until now."""
        pids = self._process.pids
        return usages(pids[0]) if pids else {}
