"""Delivered codes go into stock once, whoever dies in the middle and however often the delivery is told."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from actors.adapters.key_ring import KeyRingFile
from actors.adapters.local_vault import LocalVault
from actors.adapters.memory import MemoryRegistry
from actors.dispatch import Dispatch
from actors.home_line import HomeLine
from actors.owner import Owner
from actors.supply import shelving
from actors.supply.ports import Origin, Shelved, UnitCost
from actors.supply.shelving import CostCurrencyRefused, PoolShelver
from actors.wire import Address
from engine import limits
from engine.errors import InDoubt, InvariantBroken, NotDone
from engine.money import Money
from engine.names import SupplierName, card_at
from engine.ports import Seat
from engine.stock.commands import Audit, CloseBatch, ListBatches, OpenBatch, Receive
from engine.stock.outcomes import Audited, Batches, BatchView, ImportReady
from engine.supply.attempts import AttemptId
from engine.supply.ports import Good
from tests.unit.corridor import POOL, TOKEN, Corner, ask_one
from tests.unit.kills import Killed, Kills

ATTEMPT = AttemptId("attempt-1")
ACME = SupplierName("default", "acme")
ORIGIN = Origin(ACME)
COST = UnitCost(Money(250, "EUR"), Money(250, "EUR"))


class _House:
    """One owner, and whoever shelves in its process."""

    def __init__(self, folder: Path) -> None:
        rings = KeyRingFile(folder / "keys")
        rings.create_if_missing(may_create=True, now_ms=1)
        self.corner = Corner()
        self.vault = LocalVault(rings)
        self.registry = MemoryRegistry()
        self.owner: Owner = self.corner.owner()
        home = HomeLine(self.owner, Address("unix", "/at/home"))
        self.dispatch = Dispatch(self.registry, self.corner.clock, TOKEN, home=home)

    async def open(self) -> None:
        """Serve the pool."""
        await self.owner.open(POOL)
        await self.registry.place({POOL: "owner"})
        await self.registry.announce(Seat("owner", str(Address("unix", "/at/home")), 1, "here", 1))

    def shelver(self, kills: Kills | None = None) -> PoolShelver:
        """Whoever shelves; it may die."""
        wrap = kills.wrap if kills else lambda door: door
        return PoolShelver(wrap(self.dispatch), wrap(self.corner.store), wrap(self.vault))

    async def shelve(self, *codes: str, attempt: AttemptId = ATTEMPT, cost: UnitCost | None = COST) -> Shelved:
        """Tell of a delivery."""
        return await self.shelver().shelve(POOL, attempt, goods(*codes), cost, ORIGIN)

    async def batches(self) -> Sequence[BatchView]:
        """All there are."""
        page = await ask_one(self.owner, ListBatches(0, 1_000))
        assert isinstance(page, Batches)
        return page.views

    async def codes(self) -> list[str]:
        """What could be sold, opened."""
        cards = [card_at(view.batch, serial) for view in await self.batches() for serial in range(view.received)]
        return list(await self.vault.open(POOL, await self.corner.store.sealed(POOL, cards)))

    async def is_sound(self) -> bool:
        """Whether every card is where the counts say."""
        audited = await ask_one(self.owner, Audit())
        assert isinstance(audited, Audited)
        return not audited.violations


def goods(*codes: str) -> Sequence[Good]:
    """A delivery; every third code expires."""
    return [Good(code, 2_000_000_000_000 if at % 3 == 2 else None) for at, code in enumerate(codes)]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[_House]:
    """A pool without cards."""
    house = _House(tmp_path)
    await house.open()
    yield house
    await house.dispatch.close()


async def test_a_delivery_is_a_whole_batch_that_says_where_it_came_from(house: _House) -> None:
    """Attempt, supplier and cost stand in it, and each code opens again."""
    assert await house.shelve("A", " B ", "C", "D") == Shelved(4, 0)
    (view,) = await house.batches()
    assert (view.import_id, view.source, view.unit_cost) == (ATTEMPT, "tenants/default/suppliers/acme", COST.paid)
    assert (view.received, view.available, view.is_open, view.importer) == (4, 4, False, "refill")
    assert sorted(await house.codes()) == ["A", "B", "C", "D"]


async def test_codes_that_somebody_told_are_imported_by_whoever_did(house: _House) -> None:
    """Their trace leads to a person who can be asked, and still to the supplier."""
    await house.shelver().shelve(POOL, ATTEMPT, goods("A"), COST, Origin(ACME, "ann"))
    (view,) = await house.batches()
    assert (view.importer, view.source) == ("ann", str(ACME))


async def test_a_delivery_told_again_changes_nothing_and_is_answered_the_same(house: _House) -> None:
    """In the same order or another."""
    assert [await house.shelve("A", "B"), await house.shelve("A", "B"), await house.shelve("B", "A")] == 3 * [
        Shelved(2, 0)
    ]
    assert sorted(await house.codes()) == ["A", "B"]


async def test_codes_that_are_in_stock_already_are_left_out(house: _House) -> None:
    """By another attempt, or twice in one delivery; written otherwise, they are the same codes."""
    await house.shelve("A", "B", attempt=AttemptId("before"))
    assert await house.shelve("C", "Ａ", "C", "D") == Shelved(2, 2)
    assert sorted(await house.codes()) == ["A", "B", "C", "D"]


async def test_nothing_new_opens_no_batch(house: _House) -> None:
    """A supplier sent what it had sold before."""
    await house.shelve("A", attempt=AttemptId("before"))
    assert await house.shelve("A") == Shelved(0, 1)
    assert len(await house.batches()) == 1


async def test_what_is_no_code_is_neither_fresh_nor_known(house: _House) -> None:
    """Empty, too long, a page in place of a code."""
    assert await house.shelve("", "x" * (limits.code_chars_max + 1), "<html>\n</html>", "A") == Shelved(1, 0)
    assert await house.codes() == ["A"]


async def test_a_second_delivery_of_other_codes_is_in_stock_too(house: _House) -> None:
    """A supplier that delivers twice: both are kept, and each telling of either is answered the same."""
    assert await house.shelve("A", "B") == Shelved(2, 0)
    assert await house.shelve("B", "C", "D") == Shelved(3, 0)
    assert await house.shelve("C", "D") == Shelved(2, 0)
    assert sorted(await house.codes()) == ["A", "B", "C", "D"]
    assert [view.import_id for view in await house.batches()] == [ATTEMPT, f"{ATTEMPT}/2"]


async def test_deliveries_without_end_are_a_broken_promise(house: _House, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are bounded."""
    monkeypatch.setattr(shelving, "parts_max", 2)
    await house.shelve("A")
    await house.shelve("B")
    with pytest.raises(InvariantBroken, match="was delivered 2 times"):
        await house.shelve("C")


async def test_a_cost_in_another_currency_puts_nothing_in(house: _House) -> None:
    """Nobody could say later what a card cost."""
    await house.shelve("A", attempt=AttemptId("before"))
    with pytest.raises(CostCurrencyRefused, match="EUR"):
        await house.shelve("B", cost=UnitCost(Money(300, "USD"), Money(300, "USD")))
    assert await house.codes() == ["A"]


async def test_a_batch_knows_what_was_paid_and_what_that_was_in_the_skus_currency(house: _House) -> None:
    """Both, where they differ; else it is said once, and is the landed cost, too."""
    await house.shelve("A")
    await house.shelve("B", attempt=AttemptId("abroad"), cost=UnitCost(Money(300, "USD"), Money(270, "EUR")))
    await house.shelve("C", attempt=AttemptId("nobody knows"), cost=None)
    assert [(view.unit_cost, view.landed) for view in await house.batches()] == [
        (Money(250, "EUR"), Money(250, "EUR")),
        (Money(300, "USD"), Money(270, "EUR")),
        (None, None),
    ]


async def test_a_large_delivery_comes_in_chunks(house: _House) -> None:
    """No chunk is larger than an import's."""
    codes = [f"CODE-{number}" for number in range(2 * limits.chunk_cards_max + 1)]
    assert await house.shelve(*codes) == Shelved(len(codes), 0)
    (view,) = await house.batches()
    assert (view.next_chunk, view.received) == (3, len(codes))


async def test_two_who_shelve_the_same_at_once_put_it_in_once(house: _House) -> None:
    """A desk that was taken for dead and its successor."""
    codes = [f"CODE-{number}" for number in range(limits.chunk_cards_max + 50)]
    told = await asyncio.gather(*(house.shelve(*codes) for _ in range(4)))
    assert told == 4 * [Shelved(len(codes), 0)]
    assert Counter(await house.codes()) == Counter(codes)


async def test_two_deliveries_with_a_code_in_common_put_it_in_once(house: _House) -> None:
    """Both look at the same moment, and the pool decides."""
    one, two = await asyncio.gather(
        house.shelve("A", "B", "C", attempt=AttemptId("one")), house.shelve("C", "D", attempt=AttemptId("two"))
    )
    assert one.fresh + two.fresh == 4
    assert one.known + two.known == 1
    assert sorted(await house.codes()) == ["A", "B", "C", "D"]


@pytest.mark.parametrize("how", ["before", "after", "on the way"])
async def test_a_death_at_any_step_leaves_each_code_in_stock_once(
    how: str, house: _House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However far it got, the next telling brings the rest and closes the batch."""
    monkeypatch.setattr(limits, "chunk_cards_max", 5)
    codes = [f"CODE-{number}" for number in range(limits.chunk_cards_max + 3)]
    deaths = 0
    for at in range(1, 100):
        kills = Kills(at, how)
        attempt = AttemptId(f"attempt-{at}")
        delivery = goods(*(f"{at}/{code}" for code in codes), "in every delivery")
        try:
            await house.shelver(kills).shelve(POOL, attempt, delivery, COST, ORIGIN)
        except Killed:
            deaths += 1
        else:
            break
        told = await house.shelver().shelve(POOL, attempt, delivery, COST, ORIGIN)
        await asyncio.gather(*kills.loose, return_exceptions=True)
        assert told == Shelved(len(codes) + (at == 1), int(at > 1))
        assert await house.shelver().shelve(POOL, attempt, delivery, COST, ORIGIN) == told
        in_stock = Counter(await house.codes())
        assert set(in_stock.values()) == {1}
        assert sum(code.startswith(f"{at}/") for code in in_stock) == len(codes)
        assert not any(view.is_open for view in await house.batches())
    assert deaths >= 10
    assert await house.is_sound()


async def test_before_the_first_chunk_a_failure_says_that_nothing_happened(house: _House) -> None:
    """After it, that something may have."""
    house.owner.close(POOL)
    shelver = house.shelver()
    shelver._dispatch = _Failing(house.dispatch, OpenBatch, NotDone("closed"))  # type: ignore[assignment]
    with pytest.raises(NotDone, match="closed"):
        await shelver.shelve(POOL, ATTEMPT, goods("A"), COST, ORIGIN)
    await house.owner.open(POOL)
    shelver._dispatch = _Failing(house.dispatch, Receive, NotDone("closed"))  # type: ignore[assignment]
    with pytest.raises(InDoubt, match="may be in stock"):
        await shelver.shelve(POOL, ATTEMPT, goods("A"), COST, ORIGIN)


async def test_an_import_that_somebody_closes_goes_on_in_another(house: _House) -> None:
    """A second telling with fewer codes ended first."""
    opened = await ask_one(house.owner, OpenBatch("open", ATTEMPT, "acme", "refill", COST.paid, None, b"key"))
    assert isinstance(opened, ImportReady)
    shelver = house.shelver()
    shelver._dispatch = _Closing(house)  # type: ignore[assignment]
    shelver._cards = _Keys(house)  # type: ignore[assignment]
    assert await shelver.shelve(POOL, ATTEMPT, goods("A"), COST, ORIGIN) == Shelved(1, 0)
    assert [(view.import_id, view.received) for view in await house.batches()] == [(ATTEMPT, 0), (f"{ATTEMPT}/2", 1)]


class _Failing:
    """A way to the owner on which one kind of command is lost."""

    def __init__(self, dispatch: Dispatch, kind: type, failure: Exception) -> None:
        self._dispatch, self._kind, self._failure = dispatch, kind, failure

    async def ask(self, pool: Any, command: Any, deadline_ms: int) -> Any:
        """See Dispatch."""
        if isinstance(command, self._kind):
            raise self._failure
        return await self._dispatch.ask(pool, command, deadline_ms)


class _Closing:
    """A way to the owner on which somebody else is a little quicker."""

    def __init__(self, house: _House) -> None:
        self._house = house

    async def ask(self, pool: Any, command: Any, deadline_ms: int) -> Any:
        """See Dispatch."""
        if isinstance(command, Receive):
            await ask_one(self._house.owner, CloseBatch(1))  # type: ignore[arg-type]
        return await self._house.dispatch.ask(pool, command, deadline_ms)


class _Keys:
    """The store, where the first batch has a key that opens."""

    def __init__(self, house: _House) -> None:
        self._house = house

    async def data_key(self, pool: Any, batch: Any) -> bytes:
        """See SealedCards."""
        if batch == 1:
            return await self._house.vault.new_data_key(pool)
        return await self._house.corner.store.data_key(pool, batch)

    async def trace(self, pool: Any, prints: Any) -> Any:
        """See SealedCards."""
        return await self._house.corner.store.trace(pool, prints)
