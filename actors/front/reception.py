"""What every servicer needs: the way to the owners, the vault, the clock, and how a call ends.

A handler raises what goes wrong; `ends_well` turns it into a status. What a client gives up on still
runs to its end: the command is on its way, and its answer is remembered.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from typing import Any, TypeVar

import grpc

from actors.dispatch import Dispatch
from actors.front.refusals import Refusal, refusal_for, refusal_of, status_of
from actors.link import Answer
from actors.metrics import FrontMetrics
from engine.errors import CardkeepError
from engine.names import Card, PoolName
from engine.ports import Clock, Registry, SealedCards, Vault
from engine.stock.commands import Command
from engine.stock.outcomes import Outcome, Refused

#: Calls under way in one front end: what 2 cores answer in about a second. Beyond it, say so at once.
calls_under_way_max = 10_000

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
        clock: Clock,
        metrics: FrontMetrics,
    ) -> None:
        self.dispatch = dispatch
        self.registry = registry
        self.cards = cards
        self.vault = vault
        self.clock = clock
        self.metrics = metrics
        self.is_draining = False
        self.calls_under_way = 0

    def deadline_ms(self, context: Context) -> int:
        """The caller's deadline as a moment; 0 when it set none."""
        remaining_s = context.time_remaining() or 0.0
        return self.clock.now_ms() + int(remaining_s * 1000) if remaining_s else 0

    async def ask(self, pool: PoolName, command: Command, deadline_ms: int) -> tuple[Answer, Outcome]:
        """A pool's answer. Raises a Refusal for a definite no, and for a deadline that passed in line."""
        answer = await self.dispatch.ask(pool, command, deadline_ms)
        if answer.outcome is None:
            raise Refusal("DEADLINE_PASSED")
        if isinstance(answer.outcome, Refused):
            raise refusal_of(pool, answer.outcome)
        return answer, answer.outcome

    async def codes(self, pool: PoolName, cards: Sequence[Card]) -> Sequence[str]:
        """The codes of cards, opened. Only for the buyer and for masks."""
        return await self.vault.open(pool, await self.cards.sealed(pool, cards))

    def admit(self) -> None:
        """Refuse early rather than queue: a front end that drains or is full says so at once."""
        if self.is_draining:
            raise Refusal("DRAINING")
        if self.calls_under_way >= calls_under_way_max:
            raise Refusal("OVERLOADED")


def ends_well(
    handler: Callable[[_Servicer, Any, Context], Awaitable[_Reply]],
) -> Callable[[_Servicer, Any, Context], Awaitable[_Reply]]:
    """Wrap a unary handler: admission, metrics, and every failure as a status of the error map."""
    method = handler.__name__

    @wraps(handler)
    async def handle(servicer: Any, request: Any, context: Context) -> _Reply:
        reception: Reception = servicer.reception
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        outcome = "OK"
        reception.calls_under_way += 1
        try:
            reception.admit()
            return await handler(servicer, request, context)
        except (CardkeepError, Refusal) as failure:
            refusal = refusal_for(failure, getattr(request, "request_id", ""))
            outcome = refusal.reason
        except asyncio.CancelledError:
            outcome = "CANCELLED"
            raise
        except Exception as mistake:  # noqa: BLE001 - the last door: nothing may leak to the caller
            refusal = refusal_for(mistake, "")
            outcome = refusal.reason
            _log.exception("mistake method=%s correlation_id=%s", method, refusal.facts["correlationId"])
        finally:
            reception.calls_under_way -= 1
            reception.metrics.answered(method, outcome, loop.time() - began_s)
        await context.abort_with_status(status_of(refusal))
        raise AssertionError("abort always raises")

    return handle
