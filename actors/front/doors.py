"""The two gRPC servers a front end can have, made alike: callers cannot tell them apart but by the pace.

- PLAIN is `grpc.aio`: grpcio's own C core, served from our event loop.
- FAST is `pygrpc_native`: HTTP/2 in Rust, outside the interpreter's lock. It has no TLS, and listens at one port.
  What streams its requests (imports, reflection) it hands through a Unix socket to a `grpc.aio` server behind it.
"""

from collections.abc import Iterable
from enum import StrEnum

import grpc
import pygrpc_native.aio
from grpc._utilities import DictionaryGenericHandler

#: Bytes of one request: an import chunk of 1,000 codes of 512 characters, or 1,000 Allocates.
message_bytes_max = 4 * 1024 * 1024

#: Calls of one connection at a time; a caller's library makes the others wait. Our own admission is what should speak
#: first: it says OVERLOADED at `calls_under_way_max`, and this is no less.
streams_per_connection_max = 10_000

_OPTIONS = (
    ("grpc.so_reuseport", 1),
    ("grpc.max_receive_message_length", message_bytes_max),
    ("grpc.max_concurrent_streams", streams_per_connection_max),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
)


class Door(StrEnum):
    """Which server takes the calls."""

    PLAIN = "plain"
    FAST = "fast"


def new_server(door: Door) -> grpc.aio.Server:
    """A server without services and without a port."""
    return _FastServer(options=_OPTIONS) if door is Door.FAST else grpc.aio.server(options=_OPTIONS)


class _FastServer(pygrpc_native.aio.Server):
    """`pygrpc_native`, where it differs from `grpc.aio`."""

    def add_generic_rpc_handlers(self, generic_rpc_handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        """Hand-written services are served as fast as generated ones, which register their methods by themselves."""
        handlers = tuple(generic_rpc_handlers)
        super().add_generic_rpc_handlers(handlers)
        for handler in handlers:
            if isinstance(handler, DictionaryGenericHandler):
                self._registered.update(handler._method_handlers)  # noqa: SLF001 - nothing public lists the methods
