"""One process asks another of the house: a name, arguments, an answer, over the data plane's frames.

For what is asked often and must be heard of at once: desks, refills. A call costs a twentieth of one of Ray's, and does
not wait behind Ray's threads for the interpreter. Arguments and answers are pickled, as Ray's are, and nothing is read
from a caller before it has shown the cluster's token: who has that may run code in the cluster anyway.
"""

import asyncio
import logging
import pickle
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

from actors.wire import Address, Connect, Frames, Listen, Listening, call, connect, is_hello, listen
from engine.errors import CardkeepError, InDoubt, Overloaded, PoolClosed

#: Calls that one caller may have under way here: a refill has some for each SKU that runs low at one moment.
calls_per_caller_max = 2_000

Answering = Callable[..., Awaitable[object]]
"""`answering(what, …)` does what is asked. Raises CardkeepError; anything else is a mistake of ours."""

_log = logging.getLogger(__name__)


class CallGate:
    """Where calls come in."""

    def __init__(self, answering: Answering, token: str, *, listen: Listen = listen) -> None:
        self._answering = answering
        self._token = token
        self._listen = listen
        self._server: Listening | None = None
        self._callers: dict[Frames, set[asyncio.Task[None]]] = {}

    async def open(self, address: Address) -> Address:
        """Listen, and return the address where."""
        self._server, bound = await self._listen(address, self._on_frame, self._on_end)
        return bound

    def close(self) -> None:
        """Hang up: who waits for an answer is in doubt."""
        if self._server is not None:
            self._server.close()
        for frames in list(self._callers):
            frames.close()

    def _on_frame(self, frames: Frames, message: Any) -> None:
        under_way = self._callers.get(frames)
        if under_way is None:
            if not is_hello(message, self._token):
                _log.warning("caller_refused reason=bad_hello")
                frames.close()
                return
            self._callers[frames] = set()
            frames.welcome()
            return
        match message:
            case (int(number), bytes(asked)):
                self._take(frames, under_way, number, asked)
            case _:
                _log.warning("caller_refused reason=bad_call")
                frames.close()

    def _take(self, frames: Frames, under_way: set[asyncio.Task[None]], number: int, asked: bytes) -> None:
        if len(under_way) >= calls_per_caller_max:
            frames.send((number, pickle.dumps(Overloaded("too many calls under way"))))
            return
        task = asyncio.get_running_loop().create_task(self._answer(frames, number, asked))
        under_way.add(task)
        task.add_done_callback(under_way.discard)

    async def _answer(self, frames: Frames, number: int, asked: bytes) -> None:
        frames.send((number, await self._packed_answer(asked)))

    async def _packed_answer(self, asked: bytes) -> bytes:
        """Of whatever comes, also of another version: a caller without an answer would wait for ever."""
        try:
            what, arguments = pickle.loads(asked)  # noqa: S301 - it has shown the token
        except Exception as mistake:  # noqa: BLE001 - see above
            _log.exception("call_unread")
            return pickle.dumps(PoolClosed(f"the call cannot be read here: {mistake!r}"))
        try:
            return pickle.dumps(await self._answering(what, *arguments))
        except CardkeepError as told:
            return pickle.dumps(told)
        except Exception as mistake:  # noqa: BLE001 - see above
            _log.exception("call_broke what=%s", what)
            return pickle.dumps(InDoubt(f"{what} broke: {mistake!r}"))

    def _on_end(self, frames: Frames) -> None:
        """What a caller that has gone had asked goes on."""
        self._callers.pop(frames, None)


class CallLine:
    """A caller's connection to one gate. Once broken it stays so; make another."""

    def __init__(self, address: Address, token: str, *, connect: Connect = connect) -> None:
        self.address = address
        self._token = token
        self._connect = connect
        self._frames: Frames | None = None
        self._numbers = count(1)
        self._replies: dict[int, asyncio.Future[object]] = {}

    @property
    def is_open(self) -> bool:
        """Whether it still carries calls."""
        return self._frames is not None and self._frames.is_open

    async def open(self) -> None:
        """Connect. Raises PoolClosed when nobody listens there."""
        self._frames = await call(self._connect, self.address, self._token, self._on_frame, self._on_end)

    async def ask(self, what: str, *arguments: object) -> Any:
        """The answer. Raises what it raises there; PoolClosed when it was not sent, InDoubt when the line broke."""
        if self._frames is None or not self.is_open:
            raise PoolClosed(f"the line to {self.address} is down")
        number = next(self._numbers)
        reply = self._replies[number] = asyncio.get_running_loop().create_future()
        try:
            self._frames.send((number, pickle.dumps((what, arguments))))
            answer = await reply
        finally:
            self._replies.pop(number, None)
        if isinstance(answer, CardkeepError):
            raise answer
        return answer

    def close(self) -> None:
        """Hang up; what is under way ends in doubt."""
        if self._frames is not None:
            self._frames.close()

    def _on_frame(self, _frames: Frames, message: Any) -> None:
        number, answer = message
        reply = self._replies.get(number)
        if reply is not None and not reply.done():
            try:
                reply.set_result(pickle.loads(answer))  # noqa: S301 - from whom we have given the token to
            except Exception as mistake:  # noqa: BLE001 - of another version: whoever asked must hear something
                reply.set_exception(InDoubt(f"the answer from {self.address} cannot be read: {mistake!r}"))

    def _on_end(self, _frames: Frames) -> None:
        for reply in self._replies.values():
            if not reply.done():
                reply.set_exception(InDoubt(f"the line to {self.address} broke"))
