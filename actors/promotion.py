"""A replica takes the place of a store that is gone. `python -m actors.promotion URL…` of all who followed it.

Who has heard most takes its place: replicas hear of writes in one order, so it has what every other has. The rest
follow it from then on. It must be sure that nobody still writes to the old store: with as many replicas wanted as there
are (`replicas=…` in the store's url) nothing written there counts any more once one of them follows no longer.

Nothing here is lost by asking again: what was done already is left as it is.
"""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from actors.adapters.redis_line import Command, RedisLine
from actors.adapters.redis_settings import fields_of
from engine.errors import CardkeepError, StoreUnavailable

#: How long a server may take to answer, and those that follow to have everything: about a minute for 10 GB.
_ANSWER_WITHIN_S, _FOLLOW_WITHIN_S = 5.0, 600.0

_LOOK_EVERY_S = 0.2


class NotPromoted(Exception):
    """Nothing was changed; the text says what to do."""


async def promote(urls: Sequence[str]) -> str:
    """Promote the furthest of these servers, have the others follow it, and return its url.

    Raises NotPromoted, and StoreUnavailable when one of them does not answer.
    """
    lines = {url: RedisLine(url, answer_within_s=_ANSWER_WITHIN_S) for url in urls}
    try:
        found = {url: await _replication(line) for url, line in lines.items()}
        chosen = _furthest(found)
        followers = {url: ("REPLICAOF", *_place(chosen)) for url in urls if url != chosen}
        if found[chosen]["role"] != "master":
            await _become(lines[chosen], ("REPLICAOF", "NO", "ONE"))
        for url, following in followers.items():
            await _become(lines[url], following)
        async with asyncio.timeout(_FOLLOW_WITHIN_S):
            await asyncio.gather(*(_follows(lines[url]) for url in followers))
    except TimeoutError as late:
        raise StoreUnavailable(f"{_shown(chosen)} was promoted, and not all others follow it yet: ask again") from late
    finally:
        for line in lines.values():
            await line.close()
    return chosen


def _furthest(found: Mapping[str, Mapping[str, str]]) -> str:
    """Who has heard most; or who was promoted already."""
    primaries = [url for url, fields in found.items() if fields["role"] == "master"]
    if len(primaries) > 1:
        raise NotPromoted(
            f"{' and '.join(map(_shown, primaries))} both follow nobody: name only those who followed one"
        )
    for url, fields in found.items():
        if fields.get("master_link_status") == "up" and not primaries:
            place = f"{fields['master_host']}:{fields['master_port']}"
            raise NotPromoted(f"{_shown(url)} still hears from {place}: stop the houses that sell from it, then it")
    return primaries[0] if primaries else max(found, key=lambda url: int(found[url]["slave_repl_offset"]))


async def _replication(line: RedisLine) -> Mapping[str, str]:
    (described,) = await line.ask([("INFO", "replication")])
    return fields_of(described.decode())


async def _become(line: RedisLine, following: Command) -> None:
    """Now, and after a restart, where the server has a configuration file of its own."""
    await line.ask([following])
    await line.attempt([("CONFIG", "REWRITE")])


async def _follows(line: RedisLine) -> None:
    while (await _replication(line)).get("master_link_status") != "up":  # noqa: ASYNC110 - a server tells nobody
        await asyncio.sleep(_LOOK_EVERY_S)


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    if not parts.hostname:
        raise NotPromoted(f"{_shown(url)} cannot be followed: give its host and port")
    return parts.hostname, parts.port or 6379


def _shown(url: str) -> str:
    """A server without its password."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or 6379}" if parts.hostname else parts.path


def main(urls: Sequence[str]) -> int:
    """Exit code 1, and why, when it was not done."""
    try:
        chosen = asyncio.run(promote(urls))
    except (NotPromoted, CardkeepError) as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    sys.stdout.write(f"{_shown(chosen)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
