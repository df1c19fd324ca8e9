"""Serving calls by handlers as `grpc.aio` knows them: a coroutine or an async generator, in a task of its own.

The context has what our services and gRPC's own (health, reflection) ask of one, and no more.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import Any, NoReturn, TypeAlias

import grpc

from actors.front.http2.call import Call, Method

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Trailers: TypeAlias = Sequence[tuple[str, str | bytes]]

_log = logging.getLogger(__name__)


class _Aborted(Exception):
    """The handler ended its call with a status, which has been sent."""


class Context:
    """One call, as its handler sees it. The methods are those of `grpc.aio.ServicerContext`."""

    __slots__ = ("_call", "_write")

    def __init__(self, call: Call, serialize: Callable[[Any], bytes]) -> None:
        self._call = call
        self._write = serialize

    def time_remaining(self) -> float | None:
        """Seconds until the caller gives up; None when it set no deadline."""
        return self._call.remaining_s

    def invocation_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        """The request's headers."""
        return self._call.opening.metadata

    async def write(self, answer: Any) -> None:
        """Send one of many answers; returns when the caller's window has taken it."""
        await self._call.write(self._write(answer))

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Trailers = ()) -> NoReturn:
        """End the call with a status."""
        self._call.abort(code, details, trailing_metadata)
        raise _Aborted

    async def abort_with_status(self, status: grpc.Status) -> NoReturn:
        """The same."""
        await self.abort(status.code, status.details, status.trailing_metadata or ())


def method_of(handler: Handler, keep: Callable[[asyncio.Task[None]], None]) -> Method:
    """How calls of this handler are served; `keep` holds on to a task until it ends."""
    read = handler.request_deserializer or _as_it_is
    serialize = handler.response_serializer or _as_it_is
    handle: Any = handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream

    def start(call: Call, requests: Callable[[], Any]) -> None:
        context = Context(call, serialize)

        async def run() -> None:
            answers = handle(requests(), context)
            if not hasattr(answers, "__aiter__"):
                answer = await answers
                if handler.response_streaming:
                    call.end()
                else:
                    call.reply(serialize(answer))
                return
            async with aclosing(answers):
                async for answer in answers:
                    await context.write(answer)
            call.end()

        keep(_start(call, run))

    async def requests_of(call: Call) -> AsyncIterator[Any]:
        assert call.inbox is not None
        while (message := await call.inbox.next()) is not None:
            yield _deserialized(read, message)

    if handler.request_streaming:
        return Method(take=_never, begin=lambda call: start(call, lambda: requests_of(call)))
    return Method(take=lambda message, call: start(call, lambda: _deserialized(read, message)))


class _Unreadable(Exception):
    """A request's bytes are none of its type."""


def _start(call: Call, run: Callable[[], Any]) -> asyncio.Task[None]:
    """Serve a call in a task, which ends when the caller goes and at the caller's deadline."""
    loop = asyncio.get_running_loop()
    task = call.task = loop.create_task(_served(call, run))
    remaining_s = call.remaining_s
    if remaining_s is not None:
        timer = loop.call_later(remaining_s, _expire, call, task)
        task.add_done_callback(lambda _task: timer.cancel())
    task.add_done_callback(lambda task: _cut_short(call) if task.cancelled() else None)
    return task


async def _served(call: Call, run: Callable[[], Any]) -> None:
    try:
        await run()
    except _Aborted:
        pass
    except _Unreadable:
        call.abort(grpc.StatusCode.INTERNAL, "Exception deserializing request!")
    except Exception as mistake:  # noqa: BLE001 - the last door of what has none of its own
        _log.exception("handler_failed path=%s", call.opening.path)
        call.abort(grpc.StatusCode.UNKNOWN, f"Unexpected {type(mistake)}: {mistake}")


def _cut_short(call: Call) -> None:
    """Its task was cancelled, perhaps before it began: its caller has gone, or the server stops."""
    call.abort(grpc.StatusCode.CANCELLED, "The server stops")


def _expire(call: Call, task: asyncio.Task[None]) -> None:
    """The caller's time is over."""
    call.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")
    task.cancel()


def _deserialized(read: Callable[[bytes], Any], message: bytes) -> Any:
    try:
        return read(message)
    except Exception as fault:
        raise _Unreadable from fault


def _as_it_is(message: bytes) -> bytes:
    return message


def _never(_message: bytes, _call: Call) -> NoReturn:
    raise AssertionError("requests that stream are read from the call's inbox")
