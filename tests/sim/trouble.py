"""When and to whom the faults of a seed happen, until it is told to cease."""

import asyncio

from engine import limits
from tests.sim.market import Market
from tests.sim.world import World

#: How far clocks may go on in one run: every answer given must still be remembered at its end.
_PASS_MS_MAX = limits.answers_keep_ms - 3 * limits.DAY_MS

#: By how much clocks are wrong: each step goes from one of these to another, so back as often as on.
_CLOCK_ERRORS_MS = (0, -90_000, -1_000, 700, 30_000)


async def trouble(world: World) -> None:
    """Shake the house now and then, for ever."""
    chance = world.faults.random
    pause_s = chance.choice((0.3, 1.0, 3.0))
    while True:
        await asyncio.sleep(chance.uniform(0.0, 2 * pause_s))
        owner_id = chance.choice(sorted(world.owners)) if world.owners else ""
        if owner_id:
            _trouble_owner(world, owner_id)
        if world.faults.happens("front_killed", 0.15):
            world.end_front(chance.randrange(len(world.fronts)))
        if world.market is not None:
            _trouble_market(world, world.market)
        if world.faults.happens("line_breaks", 0.5):
            world.note("a line breaks")
            world.network.break_line()
        if world.faults.happens("store_away", 0.1):
            world.note("the store is away")
            world.faults.is_store_away = True
            world.later(chance.uniform(0.1, 6.0), _store_returns, world)
        if world.passed_ms < _PASS_MS_MAX and world.faults.happens("hours_pass", 0.15):
            world.let_hours_pass(chance.choice((1, 11, 16, 130, 700)))
        if world.faults.happens("pool_moves", 0.4):
            await _move(world)


async def _move(world: World) -> None:
    """Place a pool elsewhere; sometimes it is called back before it has arrived, or just after."""
    chance = world.faults.random
    pool, owner_id = chance.choice(world.pools), chance.choice(sorted(world.owners))
    before = world.registry._owner_of[pool]
    await world.registry.place({pool: owner_id})
    world.note(f"{pool.sku} moves from {before} to {owner_id}")
    if chance.random() < 0.3:
        await asyncio.sleep(chance.uniform(0.0, 0.5))
        await world.registry.place({pool: before})
        world.note(f"{pool.sku} is called back")


def _trouble_owner(world: World, owner_id: str) -> None:
    chance, one = world.faults.random, world.owners[owner_id]
    if world.faults.happens("owner_killed", 0.2):
        world.end_owner(one, "killed")
    if one.process.is_alive and not one.process.is_paused and world.faults.happens("owner_paused", 0.2):
        world.freeze(one, chance.uniform(0.05, 15.0))
        if world.faults.happens("owner_rivalled", 0.7):
            world.later(chance.uniform(0.0, 3.0), world.rival, owner_id)
    elif one.process.is_alive and world.faults.happens("owner_rivalled", 0.05):
        world.rival(owner_id)
    if world.faults.happens("clock_steps", 0.3):
        one.clock.error_ms = chance.choice(_CLOCK_ERRORS_MS)
        world.note(f"the clock of {one.process.name} is wrong by {one.clock.error_ms}ms")


def _trouble_market(world: World, market: Market) -> None:
    chance, one = world.faults.random, world.faults.random.choice(list(market.desks.values()))
    if world.faults.happens("desk_killed", 0.2):
        market.end_desk(one, "killed")
    if one.process.is_alive and not one.process.is_paused and world.faults.happens("desk_paused", 0.15):
        market.freeze_desk(one, chance.uniform(0.05, 15.0))
    if world.faults.happens("desk_rivalled", 0.1):
        market.start_desk(one.supplier.name)
    if world.faults.happens("refill_killed", 0.15):
        market.end_refill()
    if world.faults.happens("clock_steps", 0.2):
        one.clock.error_ms = chance.choice(_CLOCK_ERRORS_MS)
        world.note("the clock of", one.process.name, "is wrong by", one.clock.error_ms, "ms")


def _store_returns(world: World) -> None:
    world.note("the store is back")
    world.faults.is_store_away = False
