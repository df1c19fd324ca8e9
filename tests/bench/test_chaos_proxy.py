"""A network of ours: carries what it is given, holds it, delays it, resets it, and concerns whom it is told to."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import NamedTuple

import pytest

from bench.chaos.proxy import Proxy, Trouble
from bench.chaos.road import Road
from bench.house_process import free_port


class Echo:
    """Answers what it hears; remembers it."""

    def __init__(self) -> None:
        self.heard = b""
        self.gone = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        while data := await reader.read(1 << 16):
            self.heard += data
            writer.write(data)
            await writer.drain()
        self.gone.set()
        writer.close()


class Network(NamedTuple):
    """An echo behind a proxy, both on Unix sockets, and everybody who has said something."""

    proxy: Proxy
    echo: Echo
    near: Path
    callers: list[asyncio.StreamWriter]

    async def say(self, words: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A new connection on which this was said."""
        reader, writer = await asyncio.open_unix_connection(self.near)
        self.callers.append(writer)
        writer.write(words)
        return reader, writer


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    """One for a test."""
    echo = Echo()
    server = await asyncio.start_unix_server(echo.serve, tmp_path / "far")
    made = Network(Proxy(tmp_path / "near", tmp_path / "far"), echo, tmp_path / "near", [])
    await made.proxy.open()
    yield made
    for writer in made.callers:
        writer.close()
    await asyncio.gather(*(writer.wait_closed() for writer in made.callers), return_exceptions=True)
    await made.proxy.close()
    server.close()
    await asyncio.sleep(0)


async def hears(reader: asyncio.StreamReader, within_s: float = 5.0) -> bytes:
    """What comes next; nothing where nothing comes in time, or the connection is gone."""
    try:
        return await asyncio.wait_for(reader.read(1 << 16), within_s)
    except (TimeoutError, ConnectionResetError):
        return b""


async def test_in_calm_all_bytes_arrive_in_order(network: Network) -> None:
    """A megabyte there and back."""
    words = os.urandom(1 << 20)
    reader, writer = await network.say(words)
    assert await asyncio.wait_for(reader.readexactly(len(words)), 10.0) == words
    writer.close()
    await asyncio.wait_for(network.echo.gone.wait(), 5.0)


async def test_a_silent_network_delivers_when_it_is_over_though_the_sender_hung_up(network: Network) -> None:
    """What an owner sent and gave up arrives late at the store: that is the danger."""
    silence = Trouble(delay_s=None)
    network.proxy.begin(silence)
    reader, writer = await network.say(b"late")
    assert await hears(reader, 0.1) == b""
    writer.close()
    assert network.echo.heard == b""
    network.proxy.end(silence)
    await asyncio.wait_for(network.echo.gone.wait(), 5.0)
    assert network.echo.heard == b"late"
    assert silence.touched > 0


async def test_answers_can_be_held_alone(network: Network) -> None:
    """The far side has done it, the near side does not know."""
    held = Trouble(delay_s=None, there=False)
    network.proxy.begin(held)
    reader, _ = await network.say(b"done")
    assert await hears(reader, 0.2) == b""
    assert network.echo.heard == b"done"
    network.proxy.end(held)
    assert await hears(reader) == b"done"


async def test_a_reset_ends_connections_and_refuses_new_ones(network: Network) -> None:
    """Until it is over."""
    reader, _ = await network.say(b"a")
    assert await hears(reader) == b"a"
    cut = Trouble(resets=True)
    network.proxy.begin(cut)
    assert await hears(reader) == b""
    refused, _ = await network.say(b"")
    assert await hears(refused) == b""
    assert cut.touched == 2
    network.proxy.end(cut)
    again, _ = await network.say(b"b")
    assert await hears(again) == b"b"


async def test_a_far_network_takes_longer_each_way(network: Network) -> None:
    """By what it was told."""
    network.proxy.begin(Trouble(delay_s=0.1))
    began_s = time.monotonic()
    reader, _ = await network.say(b"far")
    assert await hears(reader) == b"far"
    assert time.monotonic() - began_s >= 0.2


@pytest.mark.parametrize(("pid", "heard"), [(os.getpid(), b""), (1, b"me")], ids=["mine", "another's"])
async def test_a_trouble_may_concern_one_process_alone(network: Network, pid: int, heard: bytes) -> None:
    """The kernel says who is at the other end of a Unix socket."""
    trouble = Trouble(delay_s=None, pids=frozenset((pid,)))
    network.proxy.begin(trouble)
    reader, _ = await network.say(b"me")
    assert await hears(reader, 0.3 if pid == os.getpid() else 5.0) == heard
    assert bool(trouble.touched) == (not heard)


class Parrot(BaseRequestHandler):
    """An echo without an event loop."""

    def handle(self) -> None:
        """One connection."""
        while data := self.request.recv(1 << 16):
            self.request.sendall(data)


def test_a_road_is_driven_from_another_thread() -> None:
    """Over TCP, as between buyers and a house."""
    here = ("127.0.0.1", free_port())
    with ThreadingTCPServer(("127.0.0.1", 0), Parrot) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        with Road(here, ("127.0.0.1", server.server_address[1])) as road:
            assert asked(here) == b"hello"
            cut = Trouble(resets=True)
            road.begin(cut)
            assert asked(here) == b""
            road.end(cut)
            assert asked(here) == b"hello"
        server.shutdown()
        thread.join()


def asked(at: tuple[str, int]) -> bytes:
    """What one call heard; nothing when it was hung up on."""
    with socket.create_connection(at, timeout=5.0) as line, suppress(ConnectionError):
        line.sendall(b"hello")
        return line.recv(100)
    return b""
