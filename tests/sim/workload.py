"""Plausible people, from one seed: buyers who pay late or twice or not at all, staff who import and recall.

Asks and listens; judges nothing. Every request keeps its name for ever, however often it is sent.
"""

import asyncio
from collections.abc import Coroutine
from itertools import count
from typing import Any

from actors.dispatch import UnknownPool
from engine.errors import InDoubt, InvariantBroken, NotDone
from engine.limits import SECOND_MS
from engine.names import BatchNo, PoolName, card_at
from engine.stock import commands as ask
from engine.stock.outcomes import Held, HoldView, ImportReady, Outcome, Reason, Received, Refused
from engine.stock.terms import HeldQuotas, Terms
from tests.sim.auditor import Auditor, Sent
from tests.sim.world import World

#: How late an answer may come after its deadline: the pauses of one more try.
_SLACK_S = 1.0
_PATIENCE_S = 20.0


class Workload:
    """All who ask."""

    def __init__(self, world: World, auditor: Auditor) -> None:
        self._world = world
        self._auditor = auditor
        self._random = world.faults.random
        self._numbers = count(1)
        self._payment = "pay-0"
        self._pace_s = self._random.choice((0.03, 0.15, 0.6))
        self._resending: list[asyncio.Task[Any]] = []
        self.holds: list[tuple[PoolName, HoldView]] = []
        self.asked = 0

    async def run(self) -> None:
        """Until everyone has done what they came for."""
        people: list[Coroutine[Any, Any, None]] = []
        size = self._world.size
        for pool in self._world.pools:
            imports = self._random.randint(0, 1) if self._world.market else self._random.randint(*size.imports)
            people += [self._import(pool, number) for number in range(imports)]
            people.append(self._staff(pool))
            people += [self._buyer(pool) for _ in range(self._random.randint(*size.buyers))]
        await asyncio.gather(*people)
        await asyncio.gather(*self._resending)

    async def send(self, pool: PoolName, command: ask.Command, *, is_forged: bool = False) -> Outcome | None:
        """Ask once; None when there is no answer."""
        world, deadline_s = self._world, self._random.choice((0.0, 0.03, 0.4, 4.0))
        if world.faults.is_over:
            deadline_s = 0.0
        deadline_ms = world.clock.now_ms() + int(deadline_s * 1000) if deadline_s else 0
        sent = self._auditor.sent(pool, command, is_forged=is_forged)
        self.asked += 1
        began_s, asked_ms = world.loop.time(), world.moment_ms()
        try:
            async with asyncio.timeout(self._gives_up_after_s()):
                answer = await self._random.choice(world.fronts).ask(pool, command, deadline_ms)
        except TimeoutError:
            self._unknown(sent, asked_ms, "nothing, and gave up")
            return None
        except UnknownPool as failure:
            world.mistakes.append(f"{pool.sku} is said not to exist: {failure}")
            return None
        except InDoubt as failure:
            self._unknown(sent, asked_ms, f"InDoubt {failure}")
            return None
        except NotDone as failure:
            self._world.testimony.undone(pool, command, asked_ms, world.moment_ms())
            self._heard(sent, f"NotDone {failure}")
            return None
        except InvariantBroken as failure:
            world.mistakes.append(f"{pool.sku} has stopped: {failure}")
            return None
        finally:
            late_s = world.loop.time() - began_s - (deadline_s or _PATIENCE_S)
            if late_s > _SLACK_S:
                world.mistakes.append(f"{pool.sku}: {command} was left waiting {late_s:.1f}s past its deadline")
        self._auditor.answered(sent, answer)
        self._world.testimony.heard(pool, command, asked_ms, world.moment_ms(), answer)
        self._heard(sent, answer.epoch, answer.seq, answer.outcome)
        return answer.outcome

    async def insist(self, pool: PoolName, command: ask.Command, tries: int = 4) -> Outcome | None:
        """Ask until there is an answer, or patience ends."""
        if self._world.faults.happens("asked_twice", 0.1):
            self._resending.append(asyncio.ensure_future(self._again(pool, command)))
        for _ in range(tries):
            outcome = await self.send(pool, command)
            if outcome is not None:
                return outcome
            if self._random.random() < 0.1:
                return None
            await self._pause()
        return None

    def _unknown(self, sent: Sent, asked_ms: float, what: str) -> None:
        self._auditor.unknown(sent)
        self._world.testimony.silent(sent.pool, sent.command, asked_ms)
        self._heard(sent, what)

    def _heard(self, sent: Sent, *what: object) -> None:
        self._world.note(sent.pool.sku, sent.command, "->", *what)

    def _gives_up_after_s(self) -> float | None:
        return self._random.uniform(0.0, 0.2) if self._world.faults.happens("caller_gives_up", 0.05) else None

    async def _again(self, pool: PoolName, command: ask.Command) -> None:
        await asyncio.sleep(self._random.choice((0.0, 0.01, 3.0, 20.0)))
        await self.send(pool, command)
        is_known = (pool, getattr(command, "request_id", "")) in self._auditor.answers
        if is_known and isinstance(command, ask.Allocate) and self._random.random() < 0.3:
            await self.send(pool, command._replace(quantity=command.quantity + 1), is_forged=True)

    async def _pause(self) -> None:
        await asyncio.sleep(self._random.expovariate(1 / self._pace_s))

    def _new_id(self) -> str:
        number = next(self._numbers)
        if self._random.random() < 0.5:
            return f"request-{number}"
        stamp = f"{self._world.clock.now_ms() + self._random.choice((0, 0, -5000, 100_000)):012x}"
        return f"{stamp[:8]}-{stamp[8:]}-7000-8000-{number:012x}"

    async def _buyer(self, pool: PoolName) -> None:
        size = self._world.size
        for _ in range(self._random.randint(*size.purchases)):
            await self._pause()
            if self._random.random() < 0.1:
                await asyncio.gather(*(self._buy(pool) for _ in range(self._random.randint(*size.crowd))))
            else:
                await self._buy(pool)

    async def _buy(self, pool: PoolName) -> None:
        chance = self._random
        number = next(self._numbers)
        principal = ask.Principal(user=f"user-{chance.randrange(5)}", ip=chance.choice(("", "10.0.0.1")))
        command = ask.Allocate(
            self._new_id(),
            chance.choice((f"order-{number}", f"order-{number - 1}", "")),
            chance.choice((1, 1, 1, 2, 5)),
            chance.choice((0, 1_000, 3_000, 60_000)),
            principal,
            life_ms_min=chance.choice((0, 0, 0, 60_000)),
            partial=chance.random() < 0.2,
        )
        outcome = await self.insist(pool, command)
        if not isinstance(outcome, Held):
            return
        self.holds.append((pool, outcome.view))
        await self._pause()
        if chance.random() < 0.2:
            await self.insist(pool, ask.Extend(self._new_id(), outcome.view.hold, chance.choice((1_000, 10_000))))
        if chance.random() < 0.2:
            left_ms = outcome.view.expires_at_ms - self._world.clock.now_ms()
            await asyncio.sleep(min(20.0, max(0, left_ms) / SECOND_MS))
        if chance.random() < 0.2:
            await self.insist(pool, ask.Release(self._new_id(), outcome.view.hold))
        if chance.random() < 0.7:
            await self._pay(pool, outcome.view)

    async def _pay(self, pool: PoolName, view: HoldView) -> None:
        chance = self._random
        if chance.random() < 0.9:
            self._payment = f"pay-{next(self._numbers)}"
        late = chance.choice((ask.STRICT, ask.REACQUIRE))
        quantity = chance.choice((0, 0, 0, 1))
        outcome = await self.insist(pool, ask.Confirm(self._new_id(), view.hold, self._payment, None, quantity, late))
        if isinstance(outcome, Refused) and late == ask.STRICT and chance.random() < 0.5:
            await self.insist(pool, ask.Confirm(self._new_id(), view.hold, self._payment, late=ask.REACQUIRE))
        if chance.random() < 0.1:
            await self.insist(pool, ask.Confirm(self._new_id(), view.hold, f"{self._payment}-again"))
        if chance.random() < 0.1 and view.cards:
            await self.insist(pool, ask.Replace(self._new_id(), view.hold, view.cards[0], "does not work"))
        if chance.random() < 0.3:
            await self.send(pool, ask.GetHold(view.hold))

    async def _import(self, pool: PoolName, number: int) -> None:
        expires_at_ms = self._random.choice(
            (None, self._world.clock.now_ms() + self._random.randint(10_000, 3_600_000))
        )
        opened = ask.OpenBatch(self._new_id(), f"file-{number}", "a supplier", "staff", None, expires_at_ms, b"key")
        ready = await self.insist(pool, opened, tries=30)
        if not isinstance(ready, ImportReady):
            return
        serial = chunk = 0
        for _ in range(self._random.randint(1, 5)):
            await self._pause()
            prints = self._prints(number)
            first = ask.Receive(ready.view.batch, chunk, serial, ((len(prints), expires_at_ms),), prints, prints)
            outcome = await self._receive(pool, first)
            if not isinstance(outcome, Received):
                return
            chunk, serial = outcome.next_chunk, outcome.next_serial
        await self.insist(pool, ask.CloseBatch(ready.view.batch), tries=10)

    def _prints(self, number: int) -> tuple[bytes, ...]:
        """Codes of a file; now and then one that another file brings too."""
        mine = [b"%d/%d" % (number, next(self._numbers)) for _ in range(self._random.randint(1, 12))]
        if self._random.random() < 0.2:
            mine[0] = b"in every file"
        return tuple(mine)

    async def _receive(self, pool: PoolName, command: ask.Receive) -> Outcome | None:
        """As an import does: what is in stock already is left out, and the rest sent again."""
        while command.prints:
            outcome = await self.insist(pool, command, tries=30)
            if not isinstance(outcome, Refused) or outcome.reason is not Reason.DUPLICATES_IN_STOCK:
                return outcome
            places = {int(place) for place in dict(outcome.facts)["places"].split(",")}
            prints = tuple(print_ for place, print_ in enumerate(command.prints) if place not in places)
            command = command._replace(lots=((len(prints), command.lots[0][1]),), prints=prints, sealed=prints)
        return None

    async def _staff(self, pool: PoolName) -> None:
        chance = self._random
        for _ in range(chance.randint(*self._world.size.staff_rounds)):
            await self._pause()
            await self._pause()
            batch = BatchNo(chance.randint(1, 3))
            if chance.random() < 0.3:
                quotas = HeldQuotas(user=chance.choice((0, 0, 6)))
                terms = Terms(quotas=quotas, paused=chance.random() < 0.1, wait_max=chance.choice((0, 3, 100)))
                await self.insist(pool, ask.Configure(self._new_id(), terms))
            elif chance.random() < 0.4:
                await self.send(pool, chance.choice((ask.GetShelf(), ask.Audit(), ask.ListSold(batch, -1, 10))))
            else:
                action = chance.choice((ask.QUARANTINE, ask.RESTORE, ask.RESTORE, ask.VOID))
                cards = () if action != ask.VOID and chance.random() < 0.5 else (card_at(batch, chance.randrange(4)),)
                await self.insist(pool, ask.Withdraw(self._new_id(), action, batch, cards, "a reason"))
