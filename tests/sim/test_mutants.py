"""The simulator is worth something: a house broken on purpose is caught.

Each test breaks one promise of the actors in the smallest way, and runs seed after seed until one hears
of it. Which one does changes with every change of the simulator; that one does must not.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

import pytest

from actors.adapters.memory import MemoryStore
from actors.committer import Committer
from actors.dispatch import Dispatch
from actors.link import Link
from engine.names import PoolName
from engine.ports import NOTHING, Append, History, Known, Position
from engine.stock.commands import Remembered
from tests.sim.run import run

Mutate = Callable[[pytest.MonkeyPatch], None]


def append_ignores_epoch(patch: pytest.MonkeyPatch) -> None:
    """The store lets an older owner write as long as the seq fits."""
    whole = MemoryStore.append

    async def unfenced(self: MemoryStore, appends: Sequence[Append]) -> Sequence[Position]:
        positions: list[Position] = []
        for append in appends:
            epoch = (await self.position(append.pool)).epoch
            (position,) = await whole(self, [append._replace(epoch=epoch)])
            positions.append(position._replace(epoch=append.epoch))
        return positions

    patch.setattr(MemoryStore, "append", unfenced)


def answers_before_append(patch: pytest.MonkeyPatch) -> None:
    """The committer lets answers go as soon as they have a place in the group."""
    whole = Committer.board

    def hasty(self: Committer, desk: Any, events: Any, attachments: Any, hear: Any) -> None:
        whole(self, desk, events, attachments, lambda _: None)
        asyncio.get_running_loop().call_soon(hear, None)

    patch.setattr(Committer, "board", hasty)


def asks_again_under_another_name(patch: pytest.MonkeyPatch) -> None:
    """Dispatch takes a new request_id for each try."""
    whole_ask, whole_link = Dispatch.ask_all, Link.ask_all
    tries: ContextVar[list[None]] = ContextVar("tries")

    async def ask_all(self: Dispatch, *args: Any, **kwargs: Any) -> Any:
        tries.set([])
        return await whole_ask(self, *args, **kwargs)

    def renamed(self: Link, pool: Any, commands: Sequence[Any], *args: Any, **kwargs: Any) -> Any:
        suffix = f"-try-{len(tries.get())}" if tries.get() else ""
        tries.get().append(None)
        asked = [
            command._replace(request_id=command.request_id + suffix) if isinstance(command, Remembered) else command
            for command in commands
        ]
        return whole_link(self, pool, asked, *args, **kwargs)

    patch.setattr(Dispatch, "ask_all", ask_all)
    patch.setattr(Link, "ask_all", renamed)


def sweep_boards_late(patch: pytest.MonkeyPatch) -> None:
    """What a sweep decided, which nobody waits for, takes its place in the group only a moment later."""
    whole = Committer.board

    def late(self: Committer, desk: Any, events: Any, attachments: Any, hear: Any) -> None:
        *_, hearer = hear.args
        if hearer is None:
            asyncio.get_running_loop().call_later(0.005, whole, self, desk, events, attachments, hear)
        else:
            whole(self, desk, events, attachments, hear)

    patch.setattr(Committer, "board", late)


def moves_without_fencing(patch: pytest.MonkeyPatch) -> None:
    """Whoever opens a pool reads its journal and takes no epoch of its own."""

    async def unfenced(self: MemoryStore, pool: PoolName, known: Known = NOTHING) -> History:
        return await self.read(pool, known)

    patch.setattr(MemoryStore, "claim", unfenced)


#: Seeds a mutant may live through before the simulator counts as blind to it; most fall within ten.
SEEDS_MAX = 150


@pytest.mark.parametrize(
    "mutate",
    [
        *(append_ignores_epoch, answers_before_append, asks_again_under_another_name, sweep_boards_late),
        moves_without_fencing,
    ],
)
def test_a_broken_promise_is_caught(mutate: Mutate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some seed finds a mistake in the broken house, and none in the house as it is."""
    mutate(monkeypatch)
    caught = next((seed for seed in range(SEEDS_MAX) if run(seed).mistakes), None)
    assert caught is not None
    monkeypatch.undo()
    assert run(caught).mistakes == []
