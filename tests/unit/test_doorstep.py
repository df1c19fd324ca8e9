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
    """And so is who comes while the second does, after the first has gone: the house has kept the line."""
    path = tmp_path / "run" / "door.sock"
    for _ in range(2):
        caller = await asyncio.to_thread(_caller, port)
        server = await asyncio.start_server(_greet, sock=await asyncio.to_thread(port_from, path))
        assert await asyncio.to_thread(caller.recv, 100) == b"hello yourself"
        server.close()
        await server.wait_closed()
        caller.close()


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
