"""The two gRPC servers a front end can have, made alike: callers cannot tell them apart but by the pace.

- PLAIN is `grpc.aio`: grpcio's own C core, served from our event loop, a task a call.
- FAST is our own, in `http2`: what one read brings is worked off in one go, and hot calls take no task.

What callers should know of the differences that remain is in docs/operating.md, "The front door".
"""

from enum import StrEnum
from typing import cast

import grpc

from actors.front.http2.messages import message_bytes_max
from actors.front.http2.server import Server

#: Calls of one connection at a time through the plain door, whose library resets some calls of a crowd long before they
#: are so many. There our own admission speaks first: it says OVERLOADED at `calls_under_way_max`, and this is no less.
_PLAIN_STREAMS_MAX = 10_000

_OPTIONS = (
    ("grpc.so_reuseport", 1),
    ("grpc.max_receive_message_length", message_bytes_max),
    ("grpc.max_concurrent_streams", _PLAIN_STREAMS_MAX),
    # grpc.aio drops calls by chance from 1,000 on, and all from 3,000 on, that came faster than it looked at them.
    ("grpc.server.max_pending_requests", _PLAIN_STREAMS_MAX),
    ("grpc.server.max_pending_requests_hard_limit", _PLAIN_STREAMS_MAX),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
)


class Door(StrEnum):
    """Which server takes the calls."""

    PLAIN = "plain"
    FAST = "fast"


def new_server(door: Door) -> grpc.aio.Server:
    """A server without services and without a port."""
    # Ours has the methods of grpc's that a server of services needs, and no more.
    return cast(grpc.aio.Server, Server()) if door is Door.FAST else grpc.aio.server(options=_OPTIONS)
