"""The house's doorstep: callers stand in line while nobody accepts, and whoever comes for the port serves them."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.doorstep import Doorstep, port_from
from actors.front.http2.port import shared_port


@pytest.fixture
def port() -> socket.socket:
    """A port that is bound and nobody listens on."""
    return shared_port("127.0.0.1", 0)


@pytest.fixture
def doorstep(port: socket.socket, tmp_path: Path) -> Iterator[Doorstep]:
    """Open."""
    doorstep = Doorstep(port, tmp_path / "run" / "door.sock")
    doorstep.open()
    yield doorstep
    if port.fileno() != -1:
        doorstep.close()


def _caller(port: socket.socket) -> socket.socket:
    line = socket.create_connection(port.getsockname(), timeout=5)
    line.sendall(b"hello")
    return line


async def _greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.readexactly(5) + b" yourself")
    writer.close()


@pytest.mark.usefixtures("doorstep")
async def test_who_came_while_nobody_took_calls_is_served_by_the_next_who_does(
    port: socket.socket, tmp_path: Path
) -> None:
    """The first has gone, the second has still to come, and the house has kept the line."""
    path = tmp_path / "run" / "door.sock"
    first = await asyncio.start_server(_greet, sock=await asyncio.to_thread(port_from, path))
    first.close()
    await first.wait_closed()
    caller = await asyncio.to_thread(_caller, port)
    second = await asyncio.start_server(_greet, sock=await asyncio.to_thread(port_from, path))
    assert await asyncio.to_thread(caller.recv, 100) == b"hello yourself"
    second.close()
    await second.wait_closed()
    caller.close()


@pytest.mark.usefixtures("doorstep")
async def test_where_front_ends_listen_by_themselves_no_caller_stands_in_a_line_that_nobody_serves(
    port: socket.socket,
) -> None:
    """They share the port with the house, which then only keeps it."""
    with pytest.raises(OSError, match="refused"):
        await asyncio.to_thread(_caller, port)
    server = await asyncio.start_server(_greet, sock=shared_port(*port.getsockname()))
    for _ in range(20):  # With two that listen the kernel would send half of them to each.
        caller = await asyncio.to_thread(_caller, port)
        assert await asyncio.to_thread(caller.recv, 100) == b"hello yourself"
        caller.close()
    server.close()
    await server.wait_closed()


@pytest.mark.usefixtures("doorstep")
async def test_only_the_houses_user_may_ask(tmp_path: Path) -> None:
    """The port is worth as much as the house's name."""
    assert (tmp_path / "run" / "door.sock").stat().st_mode & 0o077 == 0


async def test_a_closed_doorstep_gives_nothing_and_its_callers_are_refused(
    doorstep: Doorstep, port: socket.socket, tmp_path: Path
) -> None:
    """Nobody waits for a house that has gone."""
    where = port.getsockname()
    doorstep.close()
    with pytest.raises(OSError, match="refused"):
        await asyncio.to_thread(socket.create_connection, where, 5)
    with pytest.raises(OSError, match="refused"):
        await asyncio.to_thread(port_from, tmp_path / "run" / "door.sock")
