"""The simulator is worth something: broken on purpose, the house is caught by a named seed.

Each test breaks one promise of the actors in the smallest way, and says which seed hears of it. A seed
that no longer does (the dice fell otherwise after a change of the simulator) is to be replaced by one
that does: run the mutant over a few seeds and take the first.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from typing import Any

import pytest

from actors.adapters.memory import MemoryStore
from actors.committer import Committer
from actors.dispatch import Dispatch
from actors.link import Link
from actors.owner import Owner
from engine.ports import Append, Position
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
    whole = Committer.join

    def hasty(self: Committer, *args: Any) -> asyncio.Future[None]:
        whole(self, *args).add_done_callback(lambda group: group.exception())
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    patch.setattr(Committer, "join", hasty)


def asks_again_under_another_name(patch: pytest.MonkeyPatch) -> None:
    """Dispatch takes a new request_id for each try."""
    whole_ask, whole_link = Dispatch.ask, Link.ask
    tries: ContextVar[list[None]] = ContextVar("tries")

    async def ask(self: Dispatch, *args: Any) -> Any:
        tries.set([])
        return await whole_ask(self, *args)

    async def renamed(self: Link, pool: Any, command: Any, *args: Any, **kwargs: Any) -> Any:
        if tries.get() and isinstance(command, Remembered):
            command = command._replace(request_id=f"{command.request_id}-try-{len(tries.get())}")
        tries.get().append(None)
        return await whole_link(self, pool, command, *args, **kwargs)

    patch.setattr(Dispatch, "ask", ask)
    patch.setattr(Link, "ask", renamed)


def sweep_boards_late(patch: pytest.MonkeyPatch) -> None:
    """What was decided takes its place in the group only when its task gets to run."""
    whole = Owner._commit

    def late(self: Owner, *args: Any) -> Awaitable[None]:
        async def commit() -> None:
            await whole(self, *args)

        return commit()

    patch.setattr(Owner, "_commit", late)


MUTANTS: dict[Mutate, int] = {
    append_ignores_epoch: 24,
    answers_before_append: 28,
    asks_again_under_another_name: 30,
    sweep_boards_late: 5,
}


@pytest.mark.parametrize(("mutate", "seed"), MUTANTS.items(), ids=lambda value: getattr(value, "__name__", None))
def test_a_broken_promise_is_caught_by_its_seed(mutate: Mutate, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seed finds nothing in the house as it is, and a mistake in the broken one."""
    assert run(seed).mistakes == []
    mutate(monkeypatch)
    assert run(seed).mistakes != []
