"""The two gRPC servers a front end can have, made alike: callers cannot tell them apart but by the pace.

- PLAIN is `grpc.aio`: grpcio's own C core, served from our event loop.
- FAST is `pygrpc_native`: HTTP/2 in Rust, outside the interpreter's lock. It has no TLS, and listens at one port.
  What streams its requests (imports, reflection) it hands through a Unix socket to a `grpc.aio` server behind it.
  A method that streams large answers must not be added to it: readers that lag behind each occupy a thread of the
  loop's executor, and would hold up the others and the end. Our only such method, Health.Watch, says a few bytes.

What callers should know of the differences that remain is in docs/operating.md, "The front door".
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from time import monotonic
from typing import Any, NoReturn, Protocol, TypeAlias

import grpc
import pygrpc_native.aio
from grpc._utilities import DictionaryGenericHandler
from pygrpc_native import EVENT_CANCEL

#: Bytes of one request: an import chunk of 1,000 codes of 512 characters, or 1,000 Allocates.
message_bytes_max = 4 * 1024 * 1024

#: Calls of one connection at a time through the fast door; a caller's library makes the others wait, and those cost us
#: nothing. Answered within 10 ms these are 12,800 a second. Were it thousands, a crowd's frames alone would take the
#: processor from who answers them.
streams_per_connection_max = 128

#: The same for the plain door, whose library resets some calls of a crowd long before they are so many. There our own
#: admission speaks first: it says OVERLOADED at `calls_under_way_max`, and this is no less.
_PLAIN_STREAMS_MAX = 10_000

#: The longest a unary call may wait until this front end looks at it, with a crowd behind it. Past that it comes faster
#: than we can work: whoever is told at once costs a twentieth of whoever is served, so the others are served in time.
waits_for_max_s = 0.1

#: So many behind it are a crowd; a few wait so long when the machine itself stood still, and are served.
crowd_min = 256

#: Events taken over at once: the thread that does so gets few turns beside a busy loop, and what it leaves behind waits
#: where nobody sees it. And events handed to the loop at once: it works on them for a few milliseconds.
_EVENTS_TAKEN_MAX, _EVENTS_HANDED_MAX = 4_096, 64

_OPTIONS = (
    ("grpc.so_reuseport", 1),
    ("grpc.max_receive_message_length", message_bytes_max),
    # grpc.aio drops calls by chance from 1,000 on, and all from 3,000 on, that came faster than it looked at them.
    ("grpc.server.max_pending_requests", _PLAIN_STREAMS_MAX),
    ("grpc.server.max_pending_requests_hard_limit", _PLAIN_STREAMS_MAX),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
)

_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
_Handlers = Mapping[str, _Handler]


class Door(StrEnum):
    """Which server takes the calls."""

    PLAIN = "plain"
    FAST = "fast"


def new_server(door: Door) -> grpc.aio.Server:
    """A server without services and without a port."""
    return FastServer() if door is Door.FAST else grpc.aio.server(options=_with_streams(_PLAIN_STREAMS_MAX))


class ExpressCaller:
    """The other end of one call that no task serves."""

    __slots__ = ("_call_id", "_front", "remaining_s")

    def __init__(self, front: Any, call_id: int, remaining_s: float | None) -> None:
        self._front = front
        self._call_id = call_id
        self.remaining_s = remaining_s

    def reply(self, answer: bytes) -> None:
        """End the call well. To a caller that has gone nothing is sent."""
        self._front.respond(self._call_id, answer)

    def abort(self, code: grpc.StatusCode, details: str, trailers: Sequence[tuple[str, str | bytes]]) -> None:
        """End the call with a status."""
        sent = [(key, value) for key, value in trailers if _is_sent(key)]
        self._front.fail(self._call_id, code.value[0], details, trailing_metadata=sent)


class Express(Protocol):
    """A method without tasks."""

    def __call__(self, payload: bytes, caller: ExpressCaller) -> None:
        """Take a call: its request's bytes, and whom to answer, now or later."""

    def turn_away(self, caller: ExpressCaller) -> None:
        """Refuse a call unread: there are too many."""


class FastServer(pygrpc_native.aio.Server):
    """`pygrpc_native`, where it differs from `grpc.aio`."""

    def __init__(self) -> None:
        super().__init__(options=_with_streams(streams_per_connection_max))
        self._express: dict[str, Express] = {}
        #: Events that came, counted by the thread that hears them; and those the loop has looked at.
        self._events_in = self._events_out = 0

    def add_generic_rpc_handlers(self, generic_rpc_handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        """Hand-written services are served as fast as generated ones, which register their methods by themselves."""
        handlers = tuple(generic_rpc_handlers)
        super().add_generic_rpc_handlers(handlers)
        for handler in handlers:
            if isinstance(handler, DictionaryGenericHandler):
                self._register(handler._method_handlers)  # noqa: SLF001 - nothing public lists the methods

    def add_registered_method_handlers(self, service_name: str, method_handlers: _Handlers) -> None:
        """See grpc.aio.Server."""
        self._register({f"/{service_name}/{name}": handler for name, handler in method_handlers.items()})

    def add_express(self, path: str, take: Express) -> None:
        """Let `take` have the calls of a unary method that was added before, as bytes and without a task."""
        self._express[path] = take

    def _dispatch(self) -> None:
        """Hand events to the loop, in a thread, with the moment they came."""
        front, loop = self._front, self._loop
        assert front is not None
        assert loop is not None
        while (events := front.recv_batch_details(_EVENTS_TAKEN_MAX)) is not None:
            self._events_in += len(events)
            came_s = monotonic()
            try:
                for first in range(0, len(events), _EVENTS_HANDED_MAX):
                    loop.call_soon_threadsafe(self._on_events, events[first : first + _EVENTS_HANDED_MAX], came_s)
            except RuntimeError:  # The loop was closed without an end.
                front.close()
                return

    def _on_events(self, events: list[tuple[Any, ...]], came_s: float) -> None:  # type: ignore[override]
        """Calls of express methods are taken at once, or turned away; all else goes the ordinary way."""
        waited_s = monotonic() - came_s
        is_too_much = waited_s > waits_for_max_s and self._events_in - self._events_out > crowd_min
        self._events_out += len(events)
        ordinary = []
        for event in events:
            kind, call_id, method_id, payload, _, details = event
            express = None if kind == EVENT_CANCEL or self._stopping else self._express.get(self._table[method_id][0])
            if express is None:
                ordinary.append(event)
                continue
            remaining_s = None if details[2] is None else details[2] - waited_s
            caller = ExpressCaller(self._front, call_id, remaining_s)
            if is_too_much:
                express.turn_away(caller)
            else:
                express(payload, caller)
        if ordinary:
            super()._on_events(ordinary)

    def _register(self, handlers: _Handlers) -> None:
        self._registered.update({path: _in_our_context(handler) for path, handler in handlers.items()})


class _Context:
    """One call, as `grpc.aio` would show it to its handler."""

    __slots__ = ("_context",)

    def __init__(self, context: Any) -> None:
        self._context = context

    def time_remaining(self) -> float | None:
        """None when the caller set no deadline; `pygrpc_native` says 292 thousand million years."""
        remaining_s: float = self._context.time_remaining()
        return remaining_s if remaining_s < sys.maxsize else None

    async def abort_with_status(self, status: grpc.Status) -> NoReturn:
        """Without the trailers that `pygrpc_native` refuses to send: at those, the call would never be answered."""
        trailers = [(key, value) for key, value in status.trailing_metadata or () if _is_sent(key)]
        await self._context.abort(status.code, status.details, trailers)
        raise AssertionError("abort always raises")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)


def _in_our_context(handler: _Handler) -> _Handler:
    """The same handler; a unary one gets our context."""
    handle: Any = handler.unary_unary
    if handle is None:
        return handler

    async def handle_ours(request: Any, context: Any) -> Any:
        return await handle(request, _Context(context))

    return grpc.unary_unary_rpc_method_handler(
        handle_ours,
        request_deserializer=handler.request_deserializer,
        response_serializer=handler.response_serializer,
    )


def _with_streams(streams_max: int) -> Sequence[tuple[str, int]]:
    return (*_OPTIONS, ("grpc.max_concurrent_streams", streams_max))


def _is_sent(key: str) -> bool:
    return not key.startswith("grpc-") or key == "grpc-status-details-bin"
