"""The network between hosts is cut in mid-sale, and mended: nothing may be lost or doubled, and all must be sold again.

First a host is cut off from everybody: its SKUs have to go to others, and when it is back it has to take part again,
while its owners, who knew of nothing, must not have given away a card that is another's. Then two hosts do not reach
each other and both reach the head, so that no SKU has to move: one's SKUs cannot be bought at the other's door as
long as that lasts, and can be at the head's.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from itertools import pairwise

from cardkeep_client import CardkeepError, Client, Refused
from cardkeep_client.v1.cluster_pb2 import MoveSkuRequest

from bench.hosts.network import HOSTS, PORT, cut_between, cut_off
from bench.waiting import until
from clients.cli.machines import SERVICE, machines_of

#: Between two orders of one buyer.
_PAUSE_S = 0.05

#: How long a cut lasts: Ray gives a machine up that is silent for 13 to 15 s, and it has to come back as a new one.
_CUT_OFF_S = 40.0
_CUT_BETWEEN_S = 10.0

#: Within so long all has to be as before.
_SOON_S = 120.0

#: What a buyer waits for an answer before asking again: less than it takes until a lost host is given up.
_PATIENCE_S = 3.0


class Buyer:
    """Buys one SKU at one door, an order after the other, each asked for until it is answered with a hold."""

    def __init__(self, door: str, sku: str) -> None:
        self.sku = sku
        self.held_at_s: list[float] = []
        self.refused: Refused | None = None
        self._door = door
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._buy, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let it end what it is at. Raises what it was refused with."""
        self._is_over.set()
        self._thread.join(_SOON_S)
        if self.refused is not None:
            raise self.refused

    def stood_still_s(self, from_s: float) -> float:
        """The longest that it had to wait for a hold since that moment."""
        moments = [at_s for at_s in self.held_at_s if at_s >= from_s]
        return max((after - before for before, after in pairwise([from_s, *moments])), default=0.0)

    def holds_since(self, from_s: float) -> int:
        """How many holds it has got since that moment."""
        return sum(at_s >= from_s for at_s in self.held_at_s)

    def _buy(self) -> None:
        with Client(self._door, timeout_s=_PATIENCE_S) as client:
            while self.refused is None and not self._is_over.is_set():
                self._order(client, f"{self._door} {len(self.held_at_s)}")
                self._is_over.wait(_PAUSE_S)

    def _order(self, client: Client, order_ref: str) -> None:
        """Ask for one order until it is known what became of it."""
        while True:
            try:
                client.allocate(self.sku, order_ref=order_ref)
            except Refused as no:
                self.refused = no
                return
            except CardkeepError:  # Nobody knows, or nothing happened: the order is asked for again, and is the same.
                time.sleep(_PAUSE_S)
            else:
                self.held_at_s.append(time.monotonic())
                return


@contextmanager
def buying(doors: Sequence[str], skus: Sequence[str]) -> Iterator[Mapping[tuple[str, str], Buyer]]:
    """A buyer for each SKU at each door, as long as the body runs."""
    buyers = {(door, sku): Buyer(door, sku) for door in doors for sku in skus}
    try:
        yield buyers
    finally:
        for buyer in buyers.values():
            buyer.stop()


def sell_through_cuts(client: Client, skus: Sequence[str], say: Callable[[str], None]) -> Mapping[str, int]:
    """Cut twice, mend twice, buy all the while. Answers how many cards of each SKU the buyers hold now."""
    _, near, far = HOSTS
    with buying([f"{address}:{PORT}" for address in HOSTS[:2]], skus) as buyers:
        every = list(buyers.values())
        _all_buy(every)
        say(_through_cut_off(client, far, every))
        theirs = _give_back(client, far, skus)
        say(_through_cut_between(near, far, buyers, theirs))
        _all_buy(every)
    held = Counter[str]()
    for buyer in every:
        held[buyer.sku] += len(buyer.held_at_s)
    return held


def _through_cut_off(client: Client, far: str, buyers: Sequence[Buyer]) -> str:
    theirs = _skus_at(client, far)
    assert theirs, f"no SKU is at {far}"
    with cut_off(far):
        cut_at_s = time.monotonic()
        time.sleep(_CUT_OFF_S)
        _all_buy(buyers)
        assert not _skus_at(client, far), f"SKUs are still placed at {far}, which nobody reaches"
    still_s = {buyer: buyer.stood_still_s(cut_at_s) for buyer in buyers}
    _within("it takes part again", lambda: any(each.address == far and each.owners for each in machines_of(client)))
    _all_buy(buyers)
    of_theirs = max(for_s for buyer, for_s in still_s.items() if buyer.sku in theirs)
    of_others = max(for_s for buyer, for_s in still_s.items() if buyer.sku not in theirs)
    return (
        f"{far} was cut off for {_CUT_OFF_S:.0f} s: no buyer of its {len(theirs)} SKUs waited longer than"
        f" {of_theirs:.1f} s, none of another's longer than {of_others:.1f} s; it is back"
    )


def _through_cut_between(near: str, far: str, buyers: Mapping[tuple[str, str], Buyer], theirs: AbstractSet[str]) -> str:
    with cut_between(near, far):
        cut_at_s = time.monotonic() + _PATIENCE_S  # What was under way may still come.
        time.sleep(_CUT_BETWEEN_S)
        beyond = [buyer for (door, sku), buyer in buyers.items() if sku in theirs and door.startswith(f"{near}:")]
        there = sum(buyer.holds_since(cut_at_s) for buyer in beyond)
        assert there == 0, f"{there} cards of {far} were sold at {near}, which did not reach it"
        _all_buy([buyer for buyer in buyers.values() if buyer not in beyond])
    mended_at_s = time.monotonic()
    _all_buy(list(buyers.values()))
    return (
        f"{near} and {far} did not reach each other for {_CUT_BETWEEN_S:.0f} s: all else was sold, and"
        f" {time.monotonic() - mended_at_s:.1f} s after it was mended so was that"
    )


def _skus_at(client: Client, address: str) -> set[str]:
    owners = {owner.name for owner in client.owners() if owner.node == address}
    return {pool.name.rpartition("/")[2] for pool in client.pools() if pool.owner in owners}


def _give_back(client: Client, address: str, skus: Sequence[str]) -> set[str]:
    """Two SKUs for an owner of this host, as staff would: load alone is too little to bring any."""
    owner = next(owner.name for owner in client.owners() if owner.node == address)
    given = set(skus[:2])
    for sku in given:
        client.call(SERVICE, "MoveSku", MoveSkuRequest(name=f"tenants/default/skus/{sku}", owner=owner))
    _within("it has SKUs again", lambda: given <= _skus_at(client, address))
    return given


def _all_buy(buyers: Sequence[Buyer]) -> None:
    """Wait until each has got a hold from now on."""
    now_s = time.monotonic()
    _within("everybody can buy", lambda: all(buyer.holds_since(now_s) or buyer.refused for buyer in buyers))


def _within(what: str, is_so: Callable[[], bool]) -> None:
    assert until(is_so, _SOON_S), f"not within {_SOON_S:.0f} s: {what}"
