"""The two doors by themselves, with handlers of a few lines: what holds for both, and where they differ."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from actors.front.doors import Door, new_server
from actors.front.http2.desk import streams_per_connection_max
from actors.front.http2.messages import message_bytes_max
from protos.cardkeep.v1 import allocation_pb2
from tests.api.raw_http2 import GOAWAY, RawHttp2
from tests.api.small_house import PATIENCE_S, until

Context = grpc.aio.ServicerContext[Any, Any]


class Room:
    """A server with handlers, and what they have seen."""

    def __init__(self, door: Door) -> None:
        self.seen: Counter[str] = Counter()
        self.remaining_s: list[float | None] = []
        self.may_answer = asyncio.Event()
        self.server = new_server(door)
        self.server.add_generic_rpc_handlers((self._handlers(),))
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.channel = grpc.aio.insecure_channel(f"127.0.0.1:{self.port}")

    async def ask(self, method: str, message: bytes = b"", **options: Any) -> bytes:
        """A unary call."""
        answer: bytes = await self.channel.unary_unary(f"/room.Room/{method}")(
            message, **{"timeout": PATIENCE_S, **options}
        )
        return answer

    async def ask_elsewhere(self, method: str) -> bytes:
        """A unary call on a connection of its own: what came before it has been read."""
        own = [("grpc.use_local_subchannel_pool", 1)]
        async with grpc.aio.insecure_channel(f"127.0.0.1:{self.port}", options=own) as channel:
            answer: bytes = await channel.unary_unary(f"/room.Room/{method}")(b"", timeout=PATIENCE_S)
            return answer

    async def refused(self, method: str, message: bytes = b"", **options: Any) -> grpc.aio.AioRpcError:
        """How a call failed."""
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await self.ask(method, message, **options)
        return raised.value

    def _handlers(self) -> grpc.GenericRpcHandler:
        unary = grpc.unary_unary_rpc_method_handler
        read = allocation_pb2.AllocateRequest.FromString
        methods = {
            "Echo": unary(self._echo),
            "Read": unary(self._read, request_deserializer=read),
            "Wait": unary(self._wait),
            "Large": unary(self._large),
            "Refuse": unary(self._refuse),
        }
        return grpc.method_handlers_generic_handler("room.Room", methods)

    async def _echo(self, request: bytes, context: Context) -> bytes:
        self.remaining_s.append(context.time_remaining())
        return request

    async def _read(self, request: allocation_pb2.AllocateRequest, _context: Context) -> bytes:
        return request.parent.encode()

    async def _wait(self, request: bytes, _context: Context) -> bytes:
        self.seen["began"] += 1
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.seen["cancelled"] += 1
            raise
        self.seen["answered"] += 1
        return request

    async def _large(self, _request: bytes, _context: Context) -> bytes:
        self.seen["large"] += 1
        return bytes(60_000)

    async def _refuse(self, _request: bytes, context: Context) -> bytes:
        trailers = (("grpc-status-details-bin", b"\x00\xff"), ("grpc-retry-pushback-ms", "50"), ("plain-words", "yes"))
        await context.abort_with_status(_Status(grpc.StatusCode.UNAVAILABLE, "满了: 50%\n", trailers))
        raise AssertionError


class _Status(grpc.Status):
    def __init__(self, code: grpc.StatusCode, details: str, trailing_metadata: Any) -> None:
        self.code = code
        self.details = details
        self.trailing_metadata = trailing_metadata


@pytest.fixture
async def room(door: Door) -> AsyncIterator[Room]:
    """A room behind each door."""
    room = Room(door)
    await room.server.start()
    yield room
    await room.channel.close()
    await room.server.stop(None)


async def test_a_call_without_a_deadline_has_none(room: Room) -> None:
    """And one with a deadline has what is left of it."""
    await room.channel.unary_unary("/room.Room/Echo")(b"")
    await room.ask("Echo", timeout=15)
    without, remaining_s = room.remaining_s
    assert without is None
    assert remaining_s is not None
    assert 10 < remaining_s < 16


async def test_a_refusal_arrives_whole(room: Room) -> None:
    """Code, text in any script, details in bytes, when to ask again."""
    refused = await room.refused("Refuse")
    assert (refused.code(), refused.details()) == (grpc.StatusCode.UNAVAILABLE, "满了: 50%\n")
    trailers = dict(refused.trailing_metadata() or ())
    assert (trailers["grpc-status-details-bin"], trailers["plain-words"]) == (b"\x00\xff", "yes")
    assert trailers.get("grpc-retry-pushback-ms") == "50"


async def test_a_handler_hears_that_its_caller_gave_up(room: Room) -> None:
    """Its deadline passed, it cancelled, its connection broke: each time the handler is cancelled."""
    assert (await room.refused("Wait", timeout=0.1)).code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await until(lambda: room.seen["cancelled"] == 1)
    call = asyncio.ensure_future(room.ask("Wait"))
    await until(lambda: room.seen["began"] == 2)
    call.cancel()
    await until(lambda: room.seen["cancelled"] == 2)
    line = await RawHttp2.connect(room.port)
    line.call(1, "/room.Room/Wait")
    await until(lambda: room.seen["began"] == 3)
    await line.hang_up()
    await until(lambda: room.seen["cancelled"] == 3)
    assert room.seen["answered"] == 0


async def test_a_message_has_a_largest_size(room: Room) -> None:
    """To the byte, and said as grpc says it; packing it does not get it past the bound."""
    assert len(await room.ask("Echo", bytes(message_bytes_max))) == message_bytes_max
    refused = await room.refused("Echo", bytes(message_bytes_max + 1))
    assert refused.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert (
        refused.details()
        == f"SERVER: Received message larger than max ({message_bytes_max + 1} vs. {message_bytes_max})"
    )
    packed = await room.refused("Echo", bytes(message_bytes_max + 1), compression=grpc.Compression.Gzip)
    assert packed.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert len(await room.ask("Echo", bytes(1_000_000), compression=grpc.Compression.Gzip)) == 1_000_000


@pytest.mark.parametrize("message", [b"\xff\xff\xff", b"\x0a\x02\xff\xfe"], ids=["no message", "no UTF-8"])
async def test_what_cannot_be_read_is_refused(room: Room, door: Door, message: bytes) -> None:
    """The doors have each their own word for it; the next call is served."""
    refused = await room.refused("Read", message)
    assert refused.code() is (grpc.StatusCode.INTERNAL if door is Door.FAST else grpc.StatusCode.UNKNOWN)
    assert await room.ask("Read", b"\x0a\x02ok") == b"ok"


async def test_metadata_has_a_largest_size(room: Room) -> None:
    """16 KB, of which 8 are sure to pass; the next call is served."""
    assert await room.ask("Echo", b"hi", metadata=(("wide", "x" * 7_000),)) == b"hi"
    refused = await room.refused("Echo", metadata=(("wide", "x" * 20_000),))
    assert refused.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert await room.ask("Echo", b"hi") == b"hi"


@pytest.mark.parametrize("method", ["/room.Room/Nothing", "/nobody.Nowhere/Nothing"])
async def test_what_is_not_there_is_said_to_be_so(room: Room, method: str) -> None:
    """An unknown method, an unknown service."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await room.channel.unary_unary(method)(b"")
    assert (raised.value.code(), raised.value.details()) == (grpc.StatusCode.UNIMPLEMENTED, "Method not found!")


async def test_five_thousand_calls_wait(room: Room) -> None:
    """They come in one breath on as few connections as may carry them, all are let in, and all are answered."""
    lines = [await RawHttp2.connect(room.port) for _ in range(5_000 // 125)]
    for line in lines:
        line.take_more(2**30)
        for number in range(125):
            line.call(2 * number + 1, "/room.Room/Wait")
    await until(lambda: room.seen["began"] == 5_000)
    room.may_answer.set()
    assert [await line.ends(125) for line in lines] == [125] * 40
    assert room.seen["answered"] == 5_000
    for line in lines:
        await line.hang_up()


async def test_a_connection_carries_so_many_calls_and_the_others_wait_with_the_caller() -> None:
    """A caller's library hears the bound: of 300 calls it sends 128, and the others when those are answered."""
    room = Room(Door.FAST)
    await room.server.start()
    calls = [asyncio.ensure_future(room.ask("Wait")) for _ in range(300)]
    await until(lambda: room.seen["began"] == streams_per_connection_max)
    await room.ask_elsewhere("Echo")
    assert room.seen["began"] == streams_per_connection_max
    room.may_answer.set()
    await asyncio.gather(*calls)
    assert room.seen["answered"] == 300
    await room.channel.close()
    await room.server.stop(None)


async def test_calls_taken_back_at_once_cost_the_caller_its_own_connection_at_most(room: Room) -> None:
    """A flood of calls each reset in the same breath ("rapid reset"): nothing stays, others are served."""
    for _ in range(5):
        line = await RawHttp2.connect(room.port)
        for stream in range(1, 1_001, 2):
            line.call(stream, "/room.Room/Wait")
            line.reset(stream)
        assert await room.ask("Echo", b"hi") == b"hi"
        await line.hang_up()
    await until(lambda: room.seen["began"] == room.seen["cancelled"])
    assert room.seen["answered"] == 0


async def test_connections_that_come_and_go_leave_nothing(room: Room) -> None:
    """Whole ones and ones that are cut in mid call: descriptors and handlers are given back."""
    await room.ask("Echo")
    before = _descriptors()
    for number in range(500):
        line = await RawHttp2.connect(room.port)
        line.call(1, "/room.Room/Wait" if number % 2 else "/room.Room/Echo")
        if not number % 2:
            assert await line.ends(1) == 1
        await line.hang_up()
    await until(lambda: _descriptors() <= before)
    await until(lambda: room.seen["began"] == room.seen["cancelled"])


async def test_who_does_not_read_holds_up_nobody_else(room: Room) -> None:
    """Of 100 large answers one connection takes the first bytes; others are served, and later it gets every answer."""
    line = await RawHttp2.connect(room.port, window=2**20)
    for stream in range(1, 200, 2):
        line.call(stream, "/room.Room/Large")
    await until(lambda: room.seen["large"] == 100)
    assert await room.ask("Echo", bytes(60_000)) == bytes(60_000)
    line.take_more(2**30)
    assert await line.ends(100) == 100
    await line.hang_up()


async def test_a_server_that_stops_says_so_and_lets_calls_end(room: Room) -> None:
    """What is under way is answered, then the connection is told to go away."""
    line = await RawHttp2.connect(room.port)
    line.call(1, "/room.Room/Wait")
    await until(lambda: room.seen["began"] == 1)
    stopping = asyncio.create_task(room.server.stop(PATIENCE_S))
    await asyncio.sleep(0)
    room.may_answer.set()
    kinds = []
    while (frame := await line.read()) is not None:
        kinds.append((frame.kind, frame.ends_a_call))
    assert any(ends for _, ends in kinds)
    assert GOAWAY in [kind for kind, _ in kinds]
    await stopping
    await line.hang_up()
    assert room.seen == {"began": 1, "answered": 1}


async def test_two_servers_share_a_port_and_callers_move_on(door: Door) -> None:
    """Both get connections; when one stops, who was with it is served by the other."""
    first, second = Room(door), Room(door)
    await second.channel.close()
    await second.server.stop(None)
    second.server = new_server(door)
    second.server.add_generic_rpc_handlers((second._handlers(),))
    assert second.server.add_insecure_port(f"127.0.0.1:{first.port}") == first.port
    await first.server.start()
    await second.server.start()
    options = [("grpc.use_local_subchannel_pool", 1)]
    channels = [grpc.aio.insecure_channel(f"127.0.0.1:{first.port}", options=options) for _ in range(40)]
    calls = [channel.unary_unary("/room.Room/Echo") for channel in channels]
    await asyncio.gather(*[call(b"", timeout=PATIENCE_S) for call in calls])
    assert min(len(first.remaining_s), len(second.remaining_s)) > 0, "the kernel deals them out"
    await first.server.stop(0.5)
    await asyncio.gather(*[call(b"", timeout=PATIENCE_S, wait_for_ready=True) for call in calls])
    assert len(first.remaining_s) + len(second.remaining_s) == 80
    for channel in (*channels, first.channel):
        await channel.close()
    await second.server.stop(None)


async def test_a_port_is_not_taken_from_somebody_else(door: Door) -> None:
    """Who listens there without sharing keeps it."""
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(RuntimeError):
        new_server(door).add_insecure_port(f"127.0.0.1:{port}")
    server.close()
    await server.wait_closed()


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
