"""Recharges: an account is topped up once, whoever fails, and whoever dies at whatever step."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

import pytest

from actors.adapters.memory import MemoryStore
from actors.supply.market import Market as Suppliers
from actors.supply.ports import Bought, DeskState
from actors.supply.recharger import Recharged, Recharger
from engine.errors import InDoubt, InvariantBroken, NotDone
from engine.money import Money
from engine.names import PoolName, SupplierName
from engine.pricing.rates import Rates
from engine.supply import recharging
from engine.supply.attempts import Attempt, AttemptId, Kind, Standing
from engine.supply.coming import Coming
from engine.supply.recharging import Recharge, attempt_for, book_of, pack_choice, read_progress
from engine.supply.suppliers import Sourcing
from tests.unit.buying import EUR, POOL, Market, on_virtual_time
from tests.unit.kills import Killed, Kills

ORDER = Recharge(POOL, "order-1", "+49 170 1234567", 10)
_NAMES = ("acme", "best", "cheap")
_OPEN = (Standing.PENDING, Standing.IN_DOUBT)


class _Desks:
    """Ledgers that outlive whoever asks. `ways` says how each supplier's purchases go; "later" is what they become."""

    def __init__(self, ways: dict[str, str]) -> None:
        self.ways = ways
        self.ledger: dict[AttemptId, tuple[str, Standing]] = {}
        self.asked: list[str] = []

    async def state(self, _supplier: SupplierName) -> DeskState:
        """See Desks."""
        return DeskState(lets_through=True, room_units=1_000, room=Money(10**9, EUR))

    async def buy(self, supplier: SupplierName, attempt: Attempt, product: str, account: str) -> Bought:
        """See Desks."""
        name, way = supplier.supplier, self.ways[supplier.supplier]
        assert (product, account, attempt.kind) == (f"product of {name}", ORDER.account, Kind.RECHARGE)
        assert (attempt.order_ref, attempt.quantity) == (ORDER.order_ref, ORDER.quantity)
        self.asked.append(name)
        if way == "is away":
            raise NotDone("nobody there")
        if attempt.attempt not in self.ledger:
            others = [standing for _, standing in self.ledger.values() if standing is not Standing.FAILED]
            assert not others, f"{name} is asked while another has it: {self.ledger}"
            standing = {"delivers": Standing.DELIVERED, "refuses": Standing.FAILED, "accepts": Standing.PENDING}
            self.ledger[attempt.attempt] = name, standing.get(way, Standing.IN_DOUBT)
        if way == "breaks":
            raise InDoubt("the desk died")
        return Bought(self.ledger[attempt.attempt][1])

    def settle(self, standing: Standing) -> None:
        """What was open is known now."""
        self.ledger = {one: (who, standing if was in _OPEN else was) for one, (who, was) in self.ledger.items()}

    def delivered(self) -> int:
        """How often the account was topped up."""
        return sum(standing is Standing.DELIVERED for _, standing in self.ledger.values())


class _World:
    """A store, a market, and rechargers that come and go."""

    def __init__(self, **ways: str) -> None:
        self.market = Market(*_NAMES)
        self.store = MemoryStore(self.market.clock)
        self.desks = _Desks({name: ways.get(name, "delivers") for name in _NAMES})
        self.sourcing: Sourcing | None = self.market.sourcing()

    def recharger(self, kills: Kills | None = None) -> Recharger:
        """A new one; it may die."""
        wrap: Callable[[Any], Any] = kills.wrap if kills else lambda door: door
        suppliers = Suppliers(self.desks, Coming(), self.market.clock, Rates())
        suppliers.set_book(self.market.suppliers)
        doors = (wrap(self.desks), wrap(self.store), self.market.clock)
        return Recharger(*doors, market=suppliers, sourcing_of=lambda _pool: self.sourcing)

    async def recharge(self) -> Recharged:
        """Ask, as somebody who knows nothing of what was before."""
        return await self.recharger().recharge(ORDER)


def _virtual(story: Callable[[], Any]) -> None:
    on_virtual_time(story)


def test_the_best_supplier_does_it_and_whoever_asks_again_is_told_so() -> None:
    """Once, however often it is asked for."""

    async def story() -> None:
        world = _World()
        first = await world.recharge()
        assert (first.standing, first.is_over) == (Standing.DELIVERED, True)
        assert [await world.recharge() for _ in range(3)] == 3 * [first]
        assert set(world.desks.asked) == {"acme"}
        assert world.desks.delivered() == 1

    _virtual(story)


@pytest.mark.parametrize("failure", ["refuses", "is away"])
def test_another_is_asked_when_it_surely_came_to_nothing(failure: str) -> None:
    """A refusal, or a desk that did not ask: the next, in the same call."""

    async def story() -> None:
        world = _World(acme=failure, best=failure)
        assert (await world.recharge()).supplier == SupplierName("default", "cheap")
        assert world.desks.asked == ["acme", "best", "cheap"]

    _virtual(story)


@pytest.mark.parametrize("way", ["accepts", "loses", "breaks"])
def test_while_one_may_have_done_it_nobody_else_is_asked(way: str) -> None:
    """However long and however often; then it was done, or the next one does it."""

    async def story() -> None:
        for settled, after in ((Standing.DELIVERED, ["acme"]), (Standing.FAILED, ["acme", "best"])):
            world = _World(acme=way)
            for _ in range(5):
                stands = await world.recharge()
                assert stands.standing in _OPEN
                assert not stands.is_over
            assert (await world.recharger().give_up(ORDER)).standing in _OPEN
            world.desks.settle(settled)
            world.desks.ways["acme"] = "accepts"
            assert (await world.recharge()).standing is Standing.DELIVERED
            assert sorted({name for name, _ in world.desks.ledger.values()}) == after
            assert world.desks.delivered() == 1

    _virtual(story)


def test_a_desk_that_is_away_is_doubt_to_whoever_did_not_choose_it() -> None:
    """Whoever chose it may have asked it before."""

    async def story() -> None:
        world = _World(acme="accepts")
        await world.recharge()
        world.desks.ways["acme"] = "is away"
        assert (await world.recharge()).standing is Standing.IN_DOUBT
        assert set(world.desks.asked) == {"acme"}

    _virtual(story)


def test_nobody_can_is_no_end_until_it_is_given_up() -> None:
    """Then it stays so, though somebody could."""

    async def story() -> None:
        world = _World(acme="refuses", best="refuses", cheap="refuses")
        stands = await world.recharge()
        assert (stands.standing, stands.is_over) == (Standing.FAILED, False)
        world.sourcing = None
        assert (await world.recharge()).standing is Standing.FAILED
        over = Recharged(Standing.FAILED, is_over=True, why="GIVEN_UP")
        assert [await world.recharger().give_up(ORDER) for _ in range(2)] == [over, over]
        world.sourcing = world.market.sourcing()
        world.desks.ways = dict.fromkeys(_NAMES, "delivers")
        assert await world.recharge() == over
        assert world.desks.delivered() == 0

    _virtual(story)


def test_an_order_that_nobody_was_asked_for_can_be_given_up_and_what_was_done_cannot() -> None:
    """The answer says how it stands."""

    async def story() -> None:
        world = _World()
        world.sourcing = None
        assert await world.recharge() == Recharged(Standing.FAILED, is_over=False, why="NOBODY_CAN")
        world.sourcing = world.market.sourcing(is_paused=True)
        assert (await world.recharge()).why == "NOBODY_CAN"
        world.sourcing = world.market.sourcing()
        done = await world.recharge()
        assert await world.recharger().give_up(ORDER) == done

    _virtual(story)


def test_suppliers_are_tried_within_a_bound_and_only_for_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of a recharge is none."""

    async def story() -> None:
        world = _World(acme="refuses", best="refuses")
        monkeypatch.setattr("actors.supply.recharger.choices_max", 2)
        assert (await world.recharge()).standing is Standing.FAILED
        assert world.desks.asked[-1] == "best"
        few = _World()
        few.market.habits["acme"].room_units = 5

        async def _state(_supplier: SupplierName) -> DeskState:
            return DeskState(lets_through=True, room_units=ORDER.quantity - 1, room=Money(10**9, EUR))

        few.desks.state = _state  # type: ignore[method-assign]
        assert (await few.recharge()).why == "NOBODY_CAN"

    _virtual(story)


@pytest.mark.parametrize("how", ["before", "after", "on the way"])
@pytest.mark.parametrize("acme", ["delivers", "refuses", "is away", "accepts", "loses", "breaks"])
def test_a_death_at_any_step_never_tops_up_twice(acme: str, how: str) -> None:
    """The next one goes on where it was; what was open is settled in the end, this way or that."""

    async def story() -> None:
        deaths = 0
        for at in range(1, 40):
            for settled in (Standing.DELIVERED, Standing.FAILED):
                world, kills = _World(acme=acme, best="refuses"), Kills(at, how)
                try:
                    await world.recharger(kills).recharge(ORDER)
                except Killed:
                    deaths += 1
                with suppress(InDoubt):  # What the dead one had sent may come in between.
                    await world.recharge()
                await asyncio.gather(*kills.loose, return_exceptions=True)
                world.desks.ways["acme"] = "refuses" if acme == "is away" else acme.replace("breaks", "accepts")
                for _ in range(3):
                    world.desks.settle(settled)
                    stands = await world.recharge()
                assert stands.standing is Standing.DELIVERED
                assert world.desks.delivered() == 1
        assert deaths >= 4

    _virtual(story)


@pytest.mark.parametrize("seed", range(40))
def test_many_who_ask_at_once_and_die_top_up_once(seed: int) -> None:
    """Several copies, in any order of steps: the desks see to it that never two have it (see _Desks.buy)."""

    async def story() -> None:
        chance = Random(seed)
        ways = ("delivers", "refuses", "is away", "accepts", "loses", "breaks")
        world = _World(**{name: chance.choice(ways) for name in _NAMES})

        async def ask() -> None:
            await asyncio.sleep(chance.random() / 100)
            kills = Kills(chance.randrange(1, 12), chance.choice(("before", "after", "on the way")))
            with suppress(Killed, NotDone, InDoubt):
                await world.recharger(kills).recharge(ORDER)
            await asyncio.gather(*kills.loose, return_exceptions=True)

        slow, buy = asyncio.sleep, world.desks.buy

        async def _buy(*given: Any) -> Bought:
            await slow(chance.random() / 100)
            return await buy(*given)

        world.desks.buy = _buy  # type: ignore[method-assign]
        for _ in range(3):
            heard = await asyncio.gather(*(ask() for _ in range(4)), return_exceptions=True)
            assert not [mistake for mistake in heard if isinstance(mistake, BaseException)]
            for name in _NAMES:
                world.desks.ways[name] = chance.choice(ways)
            world.desks.settle(chance.choice((Standing.DELIVERED, Standing.FAILED)))
            assert world.desks.delivered() <= 1

    _virtual(story)


def test_what_is_written_down_reads_back_and_nonsense_is_found() -> None:
    """A choice, an end; names are an order's own and short."""
    attempt = attempt_for(ORDER, 1, Money(100, EUR))
    choice = recharging.Chosen(SupplierName("default", "acme"), "product", attempt)
    records = [pack_choice(choice), pack_choice(None)]
    assert read_progress(records) == recharging.Progress((choice,), is_given_up=True)
    assert read_progress(records[:1]) == recharging.Progress((choice,))
    for broken in (b"{", b"7", b'["a"]', b'["a", "b", ["c", "d", "NO", 1, 2, 3]]'):
        with pytest.raises(InvariantBroken):
            read_progress([broken])
    other = ORDER._replace(pool=PoolName("default", "OTHER"))
    assert len({book_of(ORDER), book_of(other), book_of(ORDER._replace(order_ref="order-2"))}) == 3
    assert book_of(ORDER) == book_of(ORDER._replace(account="another", quantity=1))
    assert attempt_for(ORDER, 2, Money(1, EUR)).attempt != attempt.attempt
    assert len(attempt.attempt) < 40
