"""One seed from beginning to end: shake, calm down, ask for every answer still owed, compare with the journal."""

import asyncio
import gc
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from hashlib import sha256
from typing import NamedTuple
from unittest.mock import patch

from actors import dispatch, incumbent, link, owner, steward
from actors.rebuilding import rebuild
from engine.errors import InvariantBroken
from engine.names import PoolName
from engine.stock.commands import Audit, GetHold, Remembered
from engine.stock.outcomes import Audited, HoldFound, Received
from engine.stock.snapshot import dump
from tests.sim.auditor import Auditor
from tests.sim.books import compare_books
from tests.sim.faults import Faults
from tests.sim.ledger import Ledger
from tests.sim.loop import VirtualLoop
from tests.sim.testimony import Line
from tests.sim.trouble import trouble
from tests.sim.workload import Workload
from tests.sim.world import World

#: Virtual seconds in which a shaken house must be calm again.
_CALM_WITHIN_S = 300.0

#: Virtual seconds a run may take in all.
_END_WITHIN_S = 3_600.0


class Report(NamedTuple):
    """What a run came to."""

    seed: int
    mistakes: list[str]
    noted: list[tuple[object, ...]]
    requests: int
    events: int
    steps: int
    virtual_s: float
    faults: Counter[str]
    #: What callers were told, in the form of docs/history-format.md.
    history: list[Line]

    @property
    def trace(self) -> list[str]:
        """What happened, a line each, with the virtual second."""
        return [f"{at_s:12.6f} {' '.join(map(str, what))}" for at_s, *what in self.noted]

    @property
    def digest(self) -> str:
        """The same for two runs exactly when their traces are."""
        return sha256("\n".join(self.trace).encode()).hexdigest()[:16]


#: How often those look who look for news, in place of up to twenty times a second: most looks find none, and cost a run
#: two thirds of its time.
_LOOKS_S = (
    (incumbent, "look_every_s", 0.4),
    (steward, "round_every_s", 0.4),
    (dispatch, "watch_every_s", 2.0),
    (link, "look_every_s", 0.2),
    (owner, "sweep_every_s", 0.5),
)


def run(seed: int) -> Report:
    """Play a seed. Never raises for a mistake of the house: it is in the report."""
    with ExitStack() as looking:
        for place, name, every_s in _LOOKS_S:
            looking.enter_context(patch.object(place, name, every_s))
        return _run(seed)


def _run(seed: int) -> Report:
    gc.disable()  # When it runs would be chance, and what it finds of a dead process might speak.
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    world = loop.run_until_complete(_build(loop, seed))
    auditor = Auditor(world.mistakes.append)
    workload = Workload(world, auditor)
    ledgers: list[Ledger] = []
    loop.set_exception_handler(lambda _loop, context: world.mistakes.append(f"unhandled: {context}"))
    try:
        loop.run_until_complete(asyncio.wait_for(_play(world, auditor, workload, ledgers), _END_WITHIN_S))
    except Exception as failure:  # noqa: BLE001 - whatever ends a run early is a finding, with its seed
        world.mistakes.append(f"the run ended with {failure!r}")
    loop.run_until_complete(_bury(world))
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    asyncio.set_event_loop(None)
    gc.collect()
    gc.enable()
    return Report(
        seed,
        world.mistakes,
        world.trace,
        workload.asked,
        sum(ledger.events for ledger in ledgers),
        loop.steps,
        loop.time() + world.passed_ms / 1000,
        world.faults.seen,
        world.testimony.whole(),
    )


async def _build(loop: VirtualLoop, seed: int) -> World:
    return World(loop, Faults(seed))


async def _bury(world: World) -> None:
    world.bury()


async def _play(world: World, auditor: Auditor, workload: Workload, ledgers: list[Ledger]) -> None:
    await world.open()
    shaking = asyncio.ensure_future(trouble(world))
    await workload.run()
    shaking.cancel()
    world.faults.cease()
    world.note("calm")
    await asyncio.wait_for(world.wait_calm(), _CALM_WITHIN_S)
    for sent in auditor.open_requests():
        if await workload.insist(sent.pool, sent.command, tries=20) is None:
            world.mistakes.append(f"{sent.pool.sku}: {sent.command} gets no answer even in calm times")
    if world.market is not None:
        await asyncio.wait_for(world.market.close(), _CALM_WITHIN_S)
    world.let_hours_pass(24 * 60)
    await asyncio.sleep(2.0)
    if world.market is not None:
        await asyncio.wait_for(world.market.settle(), _CALM_WITHIN_S)
    for sent in list(auditor.asked.values())[:: max(1, len(auditor.asked) // 40)]:
        if sent.name in auditor.answers:
            await workload.insist(sent.pool, sent.command)
    ledgers.extend([await _compare(world, auditor, workload, pool) for pool in world.pools])
    if world.market is not None:
        compare_books(world.market, ledgers, world.mistakes.append)
    for rule, sku, words in world.testimony.verdict().violations:
        world.mistakes.append(f"{sku}: {rule}: {words}")


async def _compare(world: World, auditor: Auditor, workload: Workload, pool: PoolName) -> Ledger:
    """The answers, the journal, and the living pool tell the same story."""

    def mistake(text: str) -> None:
        world.mistakes.append(text)

    audited = await workload.insist(pool, Audit())
    if not isinstance(audited, Audited) or audited.violations:
        mistake(f"{pool.sku}: the pool's own audit says {audited}")
    acknowledged = {view.hold for of_pool, view in workload.holds if of_pool == pool}
    found = {number: await workload.insist(pool, GetHold(number)) for number in sorted(acknowledged)}
    world.testimony.end(pool, audited, found.values(), world.moment_ms())
    await asyncio.wait_for(world.wait_calm(), _CALM_WITHIN_S)
    await world.serving(pool).finish()
    ledger = Ledger(pool, world.store.written[pool], mistake)
    for number, outcome in found.items():
        if not isinstance(outcome, HoldFound) or outcome.view != ledger.holds.get(number):
            mistake(f"{pool.sku}: hold {number} is {outcome}, but the journal says {ledger.holds.get(number)}")
    _compare_answers(auditor, ledger, mistake)
    live = dump(next(one for one in world.serving(pool).hosted if one.name == pool).pool.state)
    replayed = dump(ledger.pool.state)
    world.testimony.digests(pool, sha256(live).hexdigest(), sha256(replayed).hexdigest())
    if live != replayed:
        mistake(f"{pool.sku}: the living pool is not what its journal makes of it")
    try:
        recovered = await rebuild(pool, await world.store.read(pool))
    except InvariantBroken as broken:
        mistake(f"{pool.sku}: cannot be recovered: {broken}")
    else:
        if dump(recovered.state) != live:
            mistake(f"{pool.sku}: a recovery makes another pool of it")
    return ledger


def _compare_answers(auditor: Auditor, ledger: Ledger, mistake: Callable[[str], None]) -> None:
    for (pool, request_id), outcome in auditor.answers.items():
        if pool == ledger.name and not isinstance(outcome, Received) and ledger.outcomes.get(request_id) != outcome:
            happened = ledger.outcomes.get(request_id)
            mistake(f"{pool.sku}: {request_id} was answered {outcome}, but the journal says {happened}")
    for sent in auditor.surely_undone():
        if isinstance(sent.command, Remembered) and sent.pool == ledger.name:
            request_id = sent.command.request_id
            if request_id in ledger.outcomes:
                mistake(f"{ledger.name.sku}: {request_id} happened, but its caller was told that nothing did")
    asked = {sent.command.request_id for sent in auditor.asked.values() if isinstance(sent.command, Remembered)}
    # A desk puts what it was delivered into stock; books.py compares that.
    by_people = {request_id for request_id in ledger.outcomes if not request_id.startswith("open/")}
    for request_id in sorted(by_people - asked):
        mistake(f"{ledger.name.sku}: {request_id} happened, but nobody asked for it")
    for pool, command, refused in auditor.refused_as_known:
        for place in dict(refused.facts)["places"].split(","):
            came_as = ledger.prints.get(command.prints[int(place)])
            itself = b"%d-%d" % (command.batch, command.first_serial + int(place))
            if pool == ledger.name and came_as in {None, itself}:
                mistake(f"{pool.sku}: {command} was refused for a code that came as {came_as!r}")
