"""Builds of the house that are wrong on purpose: a copy of its rooms with one promise taken out, for one run.

The product has no switch for any of this. A piece of source that is not found exactly once is an error, not a pass.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.builds import copy_rooms


class Change(NamedTuple):
    """`before`, which stands once in `path`, becomes `after`."""

    path: str
    before: str
    after: str


#: An append of an older epoch is told that it was made.
FENCING_OFF = (
    Change(
        "actors/adapters/append.lua",
        "  local epoch, seq = epoch_of(keys[1]), last_seq(keys[2])\n  if epoch ~= args[1] or",
        "  local epoch, seq = epoch_of(keys[1]), last_seq(keys[2])\n"
        "  if tonumber(args[1]) < tonumber(epoch) then\n"
        "    return {tonumber(args[1]), tonumber(args[2]) + tonumber(args[3])}\n"
        "  end\n"
        "  if epoch ~= args[1] or",
    ),
    Change(
        "actors/adapters/redis_appends.py",
        "positions.append(await self._end_of(pool))",
        "positions.append(_new(Position, (epoch, seq_before + events)))",
    ),
)

#: What the store's client would do by itself: an append that had no answer is sent once more.
RETRIES_ON = (
    Change(
        "actors/adapters/redis_line.py",
        "        replies = await self._exchange(wire, commands)\n        missed",
        "        try:\n"
        "            replies = await self._exchange(wire, commands)\n"
        "        except InDoubt:\n"
        "            replies = await self._exchange(await self._connected(), commands)\n"
        "        missed",
    ),
)

#: A journal that takes whatever comes at its end, tells whoever asks what he hopes for, and is replayed as it is. Only
#: epochs still count. Undisturbed it works: seqs are right as long as nothing is sent twice.
ORDER_OFF = (
    Change(
        "actors/adapters/redis_appends.py",
        "is_proven = not attachments and ends.get(pool) == (epoch, seq_before)",
        "is_proven = False",
    ),
    Change(
        "actors/adapters/append.lua",
        "if epoch ~= args[1] or seq ~= args[2] or args[3] == '0' then\n    return {tonumber(epoch), tonumber(seq)}",
        "if epoch ~= args[1] or args[3] == '0' then\n    return {tonumber(epoch), tonumber(args[2])}",
    ),
    Change(
        "actors/adapters/append.lua",
        "    at = last + 1\n  end\n  return {tonumber(epoch), tonumber(seq)}",
        "    at = last + 1\n  end\n  return {tonumber(epoch), tonumber(args[2]) + tonumber(args[3])}",
    ),
    Change(
        "actors/rebuilding.py",
        "if record.first_seq != self.pool.state.seq + 1 or record.epoch < self._epoch:",
        "if False:",
    ),
    Change("actors/rebuilding.py", "if self.pool.state.seq != history.position.seq:", "if False:"),
)


def wrong_build(folder: Path, changes: Sequence[Change]) -> Path:
    """A copy of the house with these changes, in a new folder. Raises ValueError when the source has changed."""
    copy_rooms(folder)
    for change in changes:
        source = folder / change.path
        text = source.read_text()
        if text.count(change.before) != 1:
            raise ValueError(f"{change.path} has changed: mend the wrong build that takes out {change.before!r}")
        source.write_text(text.replace(change.before, change.after))
    return folder


#: By name, for whoever asks which there are.
CHANGES: Mapping[str, Sequence[Change]] = {
    "fencing off": FENCING_OFF,
    "retries on": RETRIES_ON,
    "retries on, order off": (*RETRIES_ON, *ORDER_OFF),
}
