"""The short way of a unary call: from its bytes to the answer's bytes without a task, as long as all goes well.

A handler of the ordinary kind costs a task, a context and a future a call. Here a call is one object that boards
the link to the owner and writes the reply when the link has the answer. Whatever is out of the ordinary (no line to
the owner yet, an answer that did not come) goes on in a task, and ends as any other call does.
"""

import asyncio
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, Protocol

import grpc
from google.protobuf.message import DecodeError, Message

from actors.asking import Answer
from actors.dispatch import Heard
from actors.front.reception import Reception, why
from actors.front.refusals import Refusal, refusal_of, status_of
from engine.errors import InDoubt, NotDone, Overloaded
from engine.names import PoolName
from engine.stock.commands import Command, Wait
from engine.stock.outcomes import WAITS, Outcome, Refused

_UNREADABLE = "Exception deserializing request!"
"""What grpc says of bytes that are no such message."""


class Caller(Protocol):
    """The other end of one call, as a door shows it."""

    @property
    def remaining_s(self) -> float | None:
        """Seconds until the caller gives up; None when it set no deadline."""

    def reply(self, answer: bytes) -> None:
        """End the call well."""

    def abort(self, code: grpc.StatusCode, details: str, trailers: Sequence[tuple[str, str | bytes]]) -> None:
        """End the call with a status."""


class Route:
    """How one method goes: its request type, what it asks of which pool, and how a success is written."""

    def __init__(
        self,
        reception: Reception,
        method: str,
        request: type[Message],
        read: Callable[[Any], tuple[PoolName, Command]],
        write: Callable[[PoolName, Answer, Outcome], bytes],
    ) -> None:
        self.reception = reception
        self.method = method
        self.write = write
        self._parse = request.FromString
        self._read = read

    def __call__(self, payload: bytes, caller: Caller) -> None:
        """Take a call."""
        call = _Call(self, caller)
        try:
            self.reception.admit()
        except Refusal as refusal:
            call.refuse(refusal)
            return
        try:
            request = self._parse(payload)
        except DecodeError:
            self.reception.leave()
            caller.abort(grpc.StatusCode.INTERNAL, _UNREADABLE, ())
            return
        call.request_id = request.request_id  # type: ignore[attr-defined]
        try:
            pool, command = self._read(request)
        except Exception as failure:  # noqa: BLE001 - the last door: nothing may leak to the caller
            call.end(failure)
        else:
            call.ask(pool, command, self.reception.moment_ms(caller.remaining_s))


class _Call:
    """One call under way; hears the answer from the link."""

    __slots__ = ("asked", "began_s", "caller", "command", "deadline_ms", "has_heard", "pool", "request_id", "route")

    pool: PoolName
    command: Command
    deadline_ms: int

    def __init__(self, route: Route, caller: Caller) -> None:
        self.route = route
        self.caller = caller
        self.request_id = ""
        self.asked = ""
        self.has_heard = False
        self.began_s = perf_counter()

    def ask(self, pool: PoolName, command: Command, deadline_ms: int) -> None:
        """Ask once, at once; where that cannot be, in a task."""
        self.pool, self.command, self.deadline_ms = pool, command, deadline_ms
        reception = self.route.reception
        reception.pace.sells(pool)
        reception.waits(pool, 1)
        try:
            self.asked = reception.dispatch.ask_once(pool, (command,), deadline_ms, self)
        except Exception as failure:  # noqa: BLE001 - see above
            self.set_exception(failure)
        else:
            if not self.asked:
                reception.waits(pool, -1)
                self._go_on(None)

    def done(self) -> bool:
        """It listens until it has heard, once: what a caller gives up on still runs to its end."""
        return self.has_heard

    def set_result(self, answers: Sequence[Answer]) -> None:
        """The answer came."""
        self.has_heard = True
        self.route.reception.waits(self.pool, -1)
        self._answer(answers)

    def set_exception(self, failure: Exception) -> None:
        """No answer came: ask again where that is safe and may help."""
        self.has_heard = True
        self.route.reception.waits(self.pool, -1)
        if isinstance(failure, NotDone | InDoubt) and not isinstance(failure, Overloaded) and self._has_time():
            self._go_on(failure)
        else:
            self.end(failure)

    def end(self, failure: Exception) -> None:
        """End an admitted call with a failure."""
        self.route.reception.leave()
        self.refuse(why(failure, self.request_id, self.route.method))

    def refuse(self, refusal: Refusal) -> None:
        """End the call with a refusal."""
        status = status_of(refusal)
        self.caller.abort(status.code, status.details, status.trailing_metadata or ())
        self._count(refusal.reason)

    def _answer(self, answers: Sequence[Answer]) -> None:
        (answer,) = answers
        outcome = answer.outcome
        if outcome is None:
            self.end(Refusal("DEADLINE_PASSED"))
        elif type(outcome) is Refused and outcome.facts == WAITS.facts:
            self._go_on(None, Wait(self.command))  # type: ignore[arg-type] # only an Allocate is answered so
        elif type(outcome) is Refused:
            self.end(refusal_of(self.pool, self.command, outcome))
        else:
            try:
                reply = self.route.write(self.pool, answer, outcome)
            except Exception as mistake:  # noqa: BLE001 - see above
                self.end(mistake)
                return
            self.route.reception.leave()
            self.caller.reply(reply)
            self._count("OK")

    def _has_time(self) -> bool:
        """Whether another try could still be heard. A house with too much to do must not try for those who left."""
        return not self.deadline_ms or self.route.reception.clock.now_ms() < self.deadline_ms

    def _go_on(self, failure: Exception | None, command: Command | None = None) -> None:
        heard = None if failure is None else Heard(self.asked, failure)
        work = self._ask_again(heard, command or self.command)
        self.route.reception.keep(asyncio.get_running_loop().create_task(work))

    async def _ask_again(self, heard: Heard | None, command: Command) -> None:
        reception = self.route.reception
        try:
            answers = await reception.hear_all(self.pool, (command,), self.deadline_ms, heard=heard)
        except Exception as failure:  # noqa: BLE001 - see above
            self.end(failure)
        else:
            self._answer(answers)

    def _count(self, outcome: str) -> None:
        self.route.reception.metrics.answered(self.route.method, outcome, perf_counter() - self.began_s)
