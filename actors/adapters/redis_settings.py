"""Whether a server keeps what it acknowledges. Refuses to start on one that would forget."""

from collections.abc import Mapping
from enum import StrEnum

from actors.adapters.redis_line import TOUCHED, RedisLine, Refusal
from engine.errors import InDoubt, WeakStore

#: Functions and WAITAOF as we know them; older servers differ.
version_min = (7, 2)

_ASKED = ("appendonly", "appendfsync", "no-appendfsync-on-rewrite", "maxmemory", "maxmemory-policy")


class Durability(StrEnum):
    """What an operator asks of the store."""

    ALWAYS = "always"
    """On disk before it is acknowledged, and never evicted."""

    WEAK = "weak"
    """Whatever the server does: acknowledged work may be lost, and metrics say so."""


async def check_settings(line: RedisLine, durability: Durability = Durability.ALWAYS) -> str:
    """The server's durability in words, for metrics and logs: "always", or "weak: " and why.

    Raises WeakStore, whose text says what to run, when the server is weaker than `durability` asks, follows another,
    or has fewer replicas than its url asks for. Raises StoreUnavailable.
    """
    described, followed, settings = await line.attempt(
        [("INFO", "server"), ("INFO", "replication"), ("CONFIG", "GET", *_ASKED)]
    )
    if isinstance(described, Refusal):
        raise WeakStore(f"the store does not say what it is ({described}): allow INFO")
    version = _version(described.decode())
    if version < version_min:
        raise WeakStore(f"the store is of version {_dotted(version)}: {_dotted(version_min)} or newer is needed")
    await _check_replicas(line, fields_of(followed.decode()))
    if isinstance(settings, Refusal):
        faults = [f"CONFIG GET is refused ({settings}), so {', '.join(_ASKED)} cannot be checked: allow it"]
    else:
        faults = _faults({key.decode(): value.decode() for key, value in settings.items()})
    if not faults:
        return f"{Durability.ALWAYS}, on {line.replicas} more" if line.replicas else Durability.ALWAYS.value
    if durability is Durability.ALWAYS:
        fix = "; ".join(faults)
        raise WeakStore(f"the store could lose acknowledged work. {fix}. Or accept it: durability=weak")
    return f"{Durability.WEAK}: {'; '.join(faults)}"


async def _check_replicas(line: RedisLine, followed: Mapping[str, str]) -> None:
    if followed["role"] != "master":
        raise WeakStore(
            f"the store follows {followed['master_host']}:{followed['master_port']}, and takes no writes. Give the url"
            " of that one; or, if it is gone for good, run `cardkeep promote` with the urls of all who followed it"
        )
    if line.replicas:
        try:
            await line.change([("SET", TOUCHED, "")])
        except InDoubt as unheard:
            raise WeakStore(
                f"{unheard}, and {followed['connected_slaves']} follow it. Start each with `appendonly yes` and"
                " `appendfsync always`, and wait until its INFO replication says master_link_status:up;"
                " or ask for fewer with replicas=… in the store's url"
            ) from unheard


def _faults(settings: Mapping[str, str]) -> list[str]:
    """The line to run for each setting that is too weak."""
    wanted = {"appendonly": "yes", "appendfsync": "always", "no-appendfsync-on-rewrite": "no"}
    if settings["maxmemory"] != "0":
        wanted["maxmemory-policy"] = "noeviction"
    return [
        f"{name} is {settings[name]}, run: CONFIG SET {name} {value}"
        for name, value in wanted.items()
        if settings[name] != value
    ]


def fields_of(described: str) -> Mapping[str, str]:
    """What INFO says, by its names."""
    return dict(row.split(":", 1) for row in described.splitlines() if ":" in row)


def _version(described: str) -> tuple[int, int]:
    """Major and minor. Valkey goes by the Redis version it is compatible with: 7.2."""
    fields = fields_of(described)
    major, minor, *_ = fields["redis_version"].split(".")
    return int(major), int(minor)


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
