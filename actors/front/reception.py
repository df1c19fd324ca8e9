"""What every servicer needs: the way to the owners, the vault, the clock, and how a call ends.

A handler raises what goes wrong; `ends_well` turns it into a status. What a client gives up on still
runs to its end: the command is on its way, and its answer is remembered.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import wraps
from time import perf_counter
from typing import Any, TypeVar

import grpc

from actors.asking import Answer
from actors.dispatch import Dispatch, Heard, UnknownPool
from actors.front.refusals import Refusal, refusal_for, refusal_of, status_of
from actors.front.sealing import Sealing
from actors.import_pace import ImportPace
from actors.metrics import FrontMetrics
from engine.errors import InDoubt, InvariantBroken, NotDone, PoolClosed, UnreadableCard
from engine.names import Card, PoolName, card_name
from engine.ports import Clock, Registry, SealedCard, SealedCards, Vault
from engine.secrecy.masks import mask
from engine.stock.commands import OF_BUYERS, Command, Question
from engine.stock.outcomes import Outcome, Refused

#: Calls under way in one front end: what 2 cores answer in about a second. Beyond it, say so at once.
calls_under_way_max = 10_000

#: What we keep of a caller's deadline, so that it hears why there is no answer before it stops listening: a
#: link looks every 50 ms for those whose time is up, and then an answer has to travel.
answer_travels_ms = 80

Context = grpc.aio.ServicerContext[Any, Any]
_Servicer = TypeVar("_Servicer")
_Reply = TypeVar("_Reply")

_log = logging.getLogger(__name__)


class Reception:
    """One front end's shared parts."""

    def __init__(
        self,
        dispatch: Dispatch,
        *,
        registry: Registry,
        cards: SealedCards,
        vault: Vault,
        sealing: Sealing,
        clock: Clock,
        metrics: FrontMetrics,
    ) -> None:
        self.dispatch = dispatch
        self.registry = registry
        self.cards = cards
        self.vault = vault
        self.sealing = sealing
        self.clock = clock
        self.metrics = metrics
        #: For the imports that come in here.
        self.pace = ImportPace()
        self.is_draining = False
        self.calls_under_way = 0
        #: Commands that have no answer yet, by pool.
        self.waiting: dict[PoolName, int] = {}
        self._empty = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def deadline_ms(self, context: Context) -> int:
        """When the caller's answer must leave, as a moment; 0 when it set no deadline."""
        return self.moment_ms(context.time_remaining())

    def moment_ms(self, remaining_s: float | None) -> int:
        """When an answer must leave whose caller waits for so many seconds (None: for ever)."""
        if remaining_s is None:
            return 0
        remaining_ms = int(remaining_s * 1000)
        return self.clock.now_ms() + remaining_ms - min(answer_travels_ms, remaining_ms // 4)

    async def ask(self, pool: PoolName, command: Command, deadline_ms: int) -> tuple[Answer, Outcome]:
        """A pool's answer. Raises a Refusal for a definite no, and for a deadline that passed in line."""
        answer, outcome = await self.hear(pool, command, deadline_ms)
        if isinstance(outcome, Refused):
            raise refusal_of(pool, command, outcome)
        return answer, outcome

    async def hear(self, pool: PoolName, command: Command, deadline_ms: int) -> tuple[Answer, Outcome]:
        """The same, for whoever wants to hear a no himself."""
        try:
            (answer,) = await self.hear_all(pool, (command,), deadline_ms)
        except InDoubt as doubt:
            if isinstance(command, Question):
                raise PoolClosed(*doubt.args) from doubt
            raise
        if answer.outcome is None:
            raise Refusal("DEADLINE_PASSED")
        return answer, answer.outcome

    async def hear_all(
        self, pool: PoolName, commands: Sequence[Command], deadline_ms: int, *, heard: Heard | None = None
    ) -> Sequence[Answer]:
        """A pool's answers to commands asked together; one whose deadline passed in line has no outcome.

        `heard` is how a first try ended, if there was one.
        """
        if type(commands[0]) in OF_BUYERS:
            self.pace.sells(pool)
        self.waits(pool, len(commands))
        try:
            return await self.dispatch.ask_all(pool, commands, deadline_ms, heard=heard)
        except UnknownPool:
            raise Refusal("SKU_NOT_FOUND", {"name": pool}) from None
        finally:
            self.waits(pool, -len(commands))

    def waits(self, pool: PoolName, commands: int) -> None:
        """So many more commands have no answer yet; fewer, when negative."""
        waiting = self.waiting.get(pool, 0) + commands
        if waiting:
            self.waiting[pool] = waiting
        else:
            del self.waiting[pool]

    async def codes(self, pool: PoolName, cards: Sequence[Card]) -> Sequence[str]:
        """The codes of cards that were just sold, opened, for the buyer.

        The sale stands whatever happens here, so the only failures are UnreadableCard and InDoubt.
        """
        try:
            return await self.vault.open(pool, await self.cards.sealed(pool, cards))
        except NotDone as away:
            _log.warning("codes_unread pool=%s cause=%s", pool, away)
            raise InDoubt(f"sold, but the codes cannot be read now: {away}") from away
        except InvariantBroken as lost:
            _log.exception("codes_lost pool=%s", pool)
            raise UnreadableCard(f"{card_name(pool, cards[0])} or a card sold with it is gone: {lost}") from lost

    async def masks(self, pool: PoolName, cards: Sequence[Card]) -> Sequence[str]:
        """The masks of cards, for anybody's eyes; empty for a card that does not open."""
        sealed = await self.cards.sealed(pool, cards)
        try:
            return [mask(code) for code in await self.vault.open(pool, sealed)]
        except UnreadableCard:
            return [await self._mask(pool, card) for card in sealed]

    async def _mask(self, pool: PoolName, card: SealedCard) -> str:
        try:
            [code] = await self.vault.open(pool, [card])
        except UnreadableCard as unreadable:
            _log.warning("card_unreadable cause=%s", unreadable)
            return ""
        return mask(code)

    def keep(self, task: asyncio.Task[None]) -> None:
        """Hold on to a call's task until it ends."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def admit(self) -> None:
        """Let a call in, until it `leave`s. A front end that drains or is full says so at once: no queue."""
        if self.is_draining:
            raise Refusal("DRAINING")
        if self.calls_under_way >= calls_under_way_max:
            raise Refusal("OVERLOADED")
        self.calls_under_way += 1

    def leave(self) -> None:
        """The call that was let in has ended."""
        self.calls_under_way -= 1
        if self.is_draining and not self.calls_under_way:
            self._empty.set()

    async def drain(self, within_s: float) -> None:
        """Let nobody in any more, and wait for those who are in, at most so long."""
        self.is_draining = True
        if self.calls_under_way:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), within_s)


def why(failure: Exception, request_id: str, method: str) -> Refusal:
    """What a failure means to the caller; what nobody foresaw also goes to the log."""
    refusal = refusal_for(failure, request_id)
    if refusal.reason == "INTERNAL":
        _log.error("mistake method=%s correlation_id=%s", method, refusal.facts["correlationId"], exc_info=failure)
    return refusal


def ends_well(
    handler: Callable[[_Servicer, Any, Context], Awaitable[_Reply]],
) -> Callable[[_Servicer, Any, Context], Awaitable[_Reply]]:
    """Wrap a unary handler: admission, metrics, and every failure as a status of the error map."""
    method = handler.__name__

    @wraps(handler)
    async def handle(servicer: Any, request: Any, context: Context) -> _Reply:
        reception: Reception = servicer.reception
        began_s = perf_counter()
        outcome = "OK"
        try:
            reception.admit()
            try:
                return await handler(servicer, request, context)
            finally:
                reception.leave()
        except asyncio.CancelledError:
            outcome = "CANCELLED"
            raise
        except Exception as failure:  # noqa: BLE001 - the last door: nothing may leak to the caller
            refusal = why(failure, getattr(request, "request_id", ""), method)
            outcome = refusal.reason
        finally:
            reception.metrics.answered(method, outcome, perf_counter() - began_s)
        await context.abort_with_status(status_of(refusal))
        raise AssertionError("abort always raises")

    return handle
