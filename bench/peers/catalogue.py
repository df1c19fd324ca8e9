"""Which peers there are, and what each of them needs from this machine."""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import NamedTuple

from bench.peers.postgres_server import find_programs


class Peer(NamedTuple):
    """One peer: its title, where its stock is, and what is missing to run it ("" when nothing is)."""

    title: str
    module: str
    stock: str
    missing: Callable[[], str]


def _nothing() -> str:
    return ""


def _postgres() -> str:
    if find_spec("asyncpg") is None:
        return "asyncpg is not installed: pip install 'cardkeep[bench]'"
    if find_programs() is None:
        return "there is no Postgres: pip install 'cardkeep[bench]', or apt-get install postgresql"
    return ""


PEERS: Mapping[str, Peer] = {
    "echo": Peer("Echo", "bench.peers.echo", "EchoStock", _nothing),
    "redis_lua": Peer("Redis-Lua", "bench.peers.redis_lua", "RedisLuaStock", _nothing),
    "postgres": Peer("Postgres SKIP LOCKED", "bench.peers.postgres", "PostgresStock", _postgres),
    "locked": Peer("Lock and SQLite", "bench.peers.locked", "LockedStock", _nothing),
}
