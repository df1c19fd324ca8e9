"""A desk that is killed between any two of its steps: the next copy ends what it began, and nothing happens twice."""

import asyncio
import itertools
from collections.abc import Mapping
from pathlib import Path
from unittest.mock import patch

import pytest

from actors.adapters.memory import FaultyJournal
from actors.supply import keeping, ledger_archivist
from actors.supply.desk import SupplierDesk
from actors.supply.ports import Bought
from engine.errors import NotDone, PoolClosed, StoreUnavailable
from engine.names import PoolName
from engine.supply.attempts import AttemptId, Delivered, Dispute, Kind, Standing
from engine.supply.ports import Ability, Good, Told
from engine.supply.suppliers import Idempotency
from tests.sim.loop import Process
from tests.unit.supplier_street import ACME, Manner, Street, attempt, entry_of, play

#: Longer than any grace, window or backoff here.
HOURS_S = 7_200


class SlowRoad:
    """Faults: a store that takes its time, so that a desk may die while it writes, before and after it is written."""

    async def before(self, _call: str) -> None:
        """See Faults."""
        await asyncio.sleep(0.001)

    async def after(self, _call: str) -> None:
        """See Faults."""
        await asyncio.sleep(0.001)


async def _bought(street: Street, dies_at: int, kind: Kind) -> bool:
    """One purchase at a desk that dies before this step. Whether it had ended before."""
    process = Process("desk", dies_at)
    desk = await street.opened(FaultyJournal(street.store, SlowRoad()))
    buying = process.start(desk.buy(attempt("a", 2 if kind is Kind.CODES else 1, kind), "P-1", "user"))
    await asyncio.wait([buying], timeout=60)
    is_done = buying.done()
    process.kill()
    process.bury()
    return is_done


async def _settled(street: Street, seconds: float = HOURS_S) -> SupplierDesk:
    """The next copy, when it has had its time."""
    desk = await street.opened()
    await asyncio.sleep(seconds)
    return desk


def _agree(street: Street, desk: SupplierDesk) -> None:
    """The supplier's truth and ours, to the unit and the cent; each code in stock, once."""
    entry = desk._written.ledger.entries.get(attempt().attempt)
    sales = street.supplier.sales
    assert len(sales) <= 1
    if entry is None:
        assert not sales
        return
    assert not entry.is_open
    assert (entry.standing is Standing.DELIVERED) is bool(sales)
    assert sum(cost.minor for cost in entry.costs) == sum(sale.cost.minor for sale in sales)
    assert entry.disputes == []
    assert entry.waiting == []
    codes = {code: "a" for sale in sales for code in sale.codes}
    assert street.shelf.stock == codes
    assert (entry.fresh, entry.known) == (len(codes), 0)


CLASSES = [
    (Idempotency.REPLAY, frozenset(Ability)),
    (Idempotency.REPLAY, frozenset()),
    (Idempotency.REJECT_WITH_ID, frozenset(Ability)),
    (Idempotency.REJECT_BLIND, frozenset(Ability)),
    (Idempotency.REPLAY_UNLESS_FAILED, frozenset(Ability)),
    (Idempotency.REPLAY_UNLESS_FAILED, frozenset()),
    (Idempotency.NONE, frozenset(Ability)),
]


@pytest.mark.parametrize(("idempotency", "abilities"), CLASSES)
@pytest.mark.parametrize("is_willing", [True, False])
def test_a_desk_may_die_before_any_step_of_a_purchase(
    tmp_path: Path, idempotency: Idempotency, abilities: frozenset[Ability], *, is_willing: bool
) -> None:
    """From the first step to the last: killed there, opened anew, settled; both books agree."""

    async def scenario(dies_at: int) -> bool:
        street = Street(tmp_path, idempotency)
        street.abilities = abilities
        street.supplier.manner = lambda _: Manner(is_willing=is_willing)
        is_done = await _bought(street, dies_at, Kind.CODES)
        desk = await _settled(street)
        entry = desk._written.ledger.entries.get(attempt().attempt)
        if not abilities and not is_willing and entry is not None and entry.is_open:
            # It cannot be asked, and a no to the second sending says nothing of the first: a person has to.
            assert (street.supplier.sales, entry.standing) == ([], Standing.IN_DOUBT)
        else:
            _agree(street, desk)
        await desk.close()
        return is_done

    for dies_at in itertools.count(1):
        if play(scenario(dies_at)):
            assert dies_at > 15
            break


@pytest.mark.parametrize(("idempotency", "abilities"), CLASSES)
def test_a_recharge_that_was_told_to_have_failed_never_comes_to_effect(
    tmp_path: Path, idempotency: Idempotency, abilities: frozenset[Ability]
) -> None:
    """Refused at first, and sold to whoever asks again: who is told no goes elsewhere, so it may never turn to yes."""

    async def scenario(dies_at: int) -> bool:
        street = Street(tmp_path, idempotency)
        street.abilities = abilities
        told: list[Bought] = []
        street.supplier.manner = lambda _: Manner(is_willing=bool(street.supplier.arrived))

        async def buy(desk: SupplierDesk) -> None:
            told.append(await desk.buy(attempt("a", 1, Kind.RECHARGE), "P-1", "user"))

        process = Process("desk", dies_at)
        desk = await street.opened(FaultyJournal(street.store, SlowRoad()))
        buying = process.start(buy(desk))
        await asyncio.wait([buying], timeout=60)
        is_done = buying.done()
        process.kill()
        process.bury()
        desk = await _settled(street)
        if told:
            assert told[0].standing is Standing.FAILED
            assert street.supplier.sales == []
        assert len(street.supplier.of("a")) <= 1
        await desk.close()
        return is_done

    for dies_at in itertools.count(1):
        if play(scenario(dies_at)):
            break


def test_a_desk_may_die_before_any_step_of_settling(tmp_path: Path) -> None:
    """In doubt, then killed at each step of ending that, again and again."""

    async def scenario(dies_at: int) -> bool:
        street = Street(tmp_path)
        street.supplier.manner = lambda _: Manner(answers=False)
        first = await street.opened()
        assert (await first.buy(attempt(), "P-1")).standing is Standing.IN_DOUBT
        await first.close()
        process = Process("desk", dies_at)
        second = street.desk(FaultyJournal(street.store, SlowRoad()))
        opening = process.start(second.open())
        await asyncio.wait([opening], timeout=5)
        await asyncio.sleep(60)
        is_done = process.is_alive
        process.kill()
        process.bury()
        desk = await _settled(street)
        _agree(street, desk)
        await desk.close()
        return is_done

    for dies_at in itertools.count(1):
        if play(scenario(dies_at)):
            assert dies_at > 15
            break


def test_two_live_copies_do_no_harm(tmp_path: Path) -> None:
    """The later one has the ledger: the other begins nothing, and what it had under way the later one settles."""

    async def scenario() -> None:
        street = Street(tmp_path)
        street.supplier.manner = lambda _: Manner(takes_ms=1_000)
        old = await street.opened()
        running = asyncio.ensure_future(old.run())
        under_way = asyncio.ensure_future(old.buy(attempt(), "P-1"))
        await asyncio.sleep(0.5)
        new = await street.opened()
        with pytest.raises(NotDone):
            await old.buy(attempt("b"), "P-1")
        with pytest.raises(Exception, match="another copy settles it"):
            await under_way
        await asyncio.sleep(1)
        assert running.done()
        assert await new.buy(attempt(), "P-1") == Bought(Standing.DELIVERED, "", (2, 0))
        await asyncio.sleep(60)
        assert street.supplier.arrived == ["a"]
        _agree(street, new)
        await old.close()
        await new.close()

    play(scenario())


def test_a_copy_that_was_frozen_while_it_opened_throws_no_codes_away(tmp_path: Path) -> None:
    """It read its ledger, and looks at the stash once a later copy has bought: what it does not know is not its own."""

    async def scenario() -> None:
        street = Street(tmp_path)
        old = await street.opened()
        look = street.store.stashed
        frozen, thawed = asyncio.Event(), asyncio.Event()

        async def stashed(book: PoolName) -> Mapping[bytes, bytes]:
            frozen.set()
            await thawed.wait()
            return await look(book)

        with patch.object(street.store, "stashed", stashed):
            resuming = asyncio.ensure_future(old.stocking.resume())
            await frozen.wait()
        new = await street.opened()
        street.shelf.ails = itertools.repeat(StoreUnavailable("away"), 3)
        await new.buy(attempt(), "P-1")
        assert len(await look(ACME.book)) == 1
        thawed.set()
        await asyncio.wait([resuming])
        assert isinstance(resuming.exception(), PoolClosed)
        assert len(await look(ACME.book)) == 1
        await new.close()
        last = await street.opened()
        await asyncio.sleep(60)
        _agree(street, last)
        await last.close()
        await old.close()

    play(scenario())


@pytest.mark.parametrize("opens_at_step", range(1, 40))
def test_another_copy_may_open_at_any_step(tmp_path: Path, opens_at_step: int) -> None:
    """The former one goes on as if nothing had happened; the books agree all the same."""

    async def scenario() -> None:
        street = Street(tmp_path)
        old = await street.opened()
        buying = asyncio.ensure_future(old.buy(attempt(), "P-1"))
        for _ in range(opens_at_step):
            await asyncio.sleep(0.0007)
        new = await street.opened()
        await asyncio.wait([buying])
        buying.exception()
        await asyncio.sleep(HOURS_S)
        _agree(street, new)
        assert len(set(street.supplier.arrived)) <= 1
        await old.close()
        await new.close()

    play(scenario())


def test_a_ledger_is_folded_and_forgets_and_remembers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal stays short; what was forgotten is found when its supplier delivers after all."""
    monkeypatch.setattr(keeping, "fold_after_events_min", 40)
    monkeypatch.setattr(ledger_archivist, "over_in_memory_max", 5)

    async def scenario() -> None:
        street = Street(tmp_path)
        desk = await street.opened()
        running = asyncio.ensure_future(desk.run())
        street.supplier.manner = lambda _: Manner(is_willing=False)
        assert (await desk.buy(attempt("late"), "P-1")).standing is Standing.FAILED
        street.supplier.manner = lambda _: Manner()
        for number in range(60):
            await desk.buy(attempt(f"a-{number}"), "P-1")
            await asyncio.sleep(0.1)
        await asyncio.sleep(3)
        assert len(desk._written.ledger.entries) < 30
        assert len((await street.store.read(ACME.book)).records) < 80
        found = Told(Delivered("S-late", 2, attempt().cost_max), [Good("L-1"), Good("L-2")])
        assert (await desk.hear(AttemptId("late"), found)).standing is Standing.DELIVERED
        assert entry_of(desk, "late").disputes == [Dispute.DELIVERED_AFTER_ALL]
        with pytest.raises(NotDone, match="no attempt nobody"):
            await desk.hear(AttemptId("nobody"), found)
        assert (await desk.buy(attempt("a-0"), "P-1")).standing is Standing.DELIVERED
        assert street.supplier.arrived.count("a-0") == 1
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await desk.close()
        again = await street.opened()
        assert again._written.ledger.entries.keys() == desk._written.ledger.entries.keys()
        assert street.shelf.stock["L-1"] == "late"
        assert len(street.shelf.stock) == 122
        await again.close()

    play(scenario())
