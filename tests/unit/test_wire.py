"""Frames over real sockets: what is read, what ends the connection, and who waits for whom."""

import asyncio
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from actors import wire
from actors.wire import Address, Frames, connect, hello, is_hello, listen, parse_address
from engine.framing import pack
from tests.unit.corridor import until


class _Ends:
    """A listening end that keeps what it hears, and welcomes whoever says anything."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.ended = 0
        self.frames: list[Frames] = []

    def on_frame(self, frames: Frames, message: Any) -> None:
        """One message."""
        if frames not in self.frames:
            self.frames.append(frames)
            frames.welcome()
        self.heard.append(message)

    def on_end(self, _frames: Frames) -> None:
        """One connection less."""
        self.ended += 1


def _frame(body: bytes, *, checksum: int | None = None, length: int | None = None) -> bytes:
    return (
        struct.pack(">II", len(body) if length is None else length, crc32(body) if checksum is None else checksum)
        + body
    )


@pytest.fixture
async def ends() -> _Ends:
    """The listening end."""
    return _Ends()


@pytest.fixture
async def address(ends: _Ends, tmp_path: Path) -> AsyncIterator[Address]:
    """Where it listens."""
    server, bound = await listen(Address("unix", str(tmp_path / "a.sock")), ends.on_frame, ends.on_end)
    yield bound
    server.close()
    for frames in ends.frames:
        frames.close()


async def _raw(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_unix_connection(address.place)


async def test_a_message_cut_into_single_bytes_arrives_whole(ends: _Ends, address: Address) -> None:
    """The stream has no borders of its own."""
    _, writer = await _raw(address)
    for byte in _frame(pack("first")) + _frame(pack(("second", 2))):
        writer.write(bytes([byte]))
        await writer.drain()
    await until(lambda: len(ends.heard) == 2)
    assert ends.heard == ["first", ("second", 2)]
    writer.close()


@pytest.mark.parametrize(
    "spoiled",
    [
        _frame(pack("x"), checksum=1),
        _frame(b"", length=wire.hello_bytes_max + 1),
        _frame(b"\xc1"),
    ],
    ids=["wrong checksum", "longer than a hello", "not msgpack"],
)
async def test_a_first_frame_that_is_none_ends_the_connection_unheard(
    ends: _Ends, address: Address, spoiled: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing after it is read either."""
    reader, writer = await _raw(address)
    writer.write(spoiled + _frame(pack("after")))
    assert await reader.read() == b""
    assert ends.heard == []
    assert ends.ended == 1
    writer.close()
    assert "Traceback" not in caplog.text


async def test_who_was_welcomed_may_send_large_frames_up_to_the_bound(ends: _Ends, address: Address) -> None:
    """An import chunk is larger than a hello; nothing is larger than the bound."""
    reader, writer = await _raw(address)
    writer.write(_frame(pack("hello")))
    await until(lambda: ends.heard)
    writer.write(_frame(pack(b"x" * 1_000_000)))
    await until(lambda: len(ends.heard) == 2)
    writer.write(_frame(b"", length=wire.frame_bytes_max + 1))
    assert await reader.read() == b""
    writer.close()


async def test_two_ends_that_both_have_much_to_say_do_not_wait_for_each_other(tmp_path: Path) -> None:
    """The caller sends 100 MB at once and is answered 100 MB: were both to stop reading, neither would go on."""
    size, rounds = 1_000_000, 100
    answers: list[int] = []
    callers: list[Frames] = []

    def echo(frames: Frames, message: Any) -> None:
        callers.append(frames)
        frames.welcome()
        frames.send(message)

    server, address = await listen(Address("unix", str(tmp_path / "b.sock")), echo, lambda _: None)
    frames = await connect(address, lambda _, message: answers.append(len(message)), lambda _: None)
    frames.send(b"hello")
    await until(lambda: answers)
    for _ in range(rounds):
        frames.send(b"x" * size)
    async with asyncio.timeout(30):
        while len(answers) < rounds + 1:  # noqa: ASYNC110 - bytes travel in their own time
            await asyncio.sleep(0.001)
    frames.close()
    callers[0].close()
    server.close()


async def test_both_ends_hear_of_the_end_once(ends: _Ends, address: Address) -> None:
    """And nothing can be sent after it."""
    ended: list[Frames] = []
    frames = await connect(address, lambda *_: None, ended.append)
    frames.send("hello")
    await until(lambda: ends.heard)
    frames.close()
    frames.close()
    await until(lambda: ended and ends.ended)
    frames.send("lost")
    assert ended == [frames]
    assert not frames.is_open


async def test_tcp_takes_a_free_port_and_says_which() -> None:
    """Between machines."""
    ends = _Ends()
    server, address = await listen(Address("tcp", "127.0.0.1:0"), ends.on_frame, ends.on_end)
    frames = await connect(address, lambda *_: None, lambda _: None)
    frames.send(hello("token"))
    await until(lambda: ends.heard)
    assert is_hello(ends.heard[0], "token")
    frames.close()
    await until(lambda: ends.ended)
    server.close()


@pytest.mark.parametrize(
    "message",
    [
        ("cardkeep", 1, "wrong"),
        ("cardkeep", 2, "token"),
        ("other", 1, "token"),
        "cardkeep",
        None,
        ("cardkeep", 1, b"token"),
    ],
)
def test_only_the_exact_hello_is_one(message: object) -> None:
    """Token, version and shape."""
    assert not is_hello(message, "token")
    assert is_hello(("cardkeep", 1, "token"), "token")


def test_an_address_is_read_as_it_was_written() -> None:
    """And nothing else is one."""
    for address in (Address("unix", "/run/a:b.sock"), Address("tcp", "127.0.0.1:80")):
        assert parse_address(str(address)) == address
    for text in ("unix:", "http://x", "", "/run/a.sock"):
        with pytest.raises(ValueError, match="is no address"):
            parse_address(text)
