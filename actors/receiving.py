"""Chunks of an import at their owner: in turns beside those who buy, and without what is in stock already."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from itertools import compress

from actors.asking import Answer, Asked, Hearer, tell_failure
from actors.hosted import Hosted
from actors.import_pace import ImportPace
from engine.errors import Fenced, InDoubt, NotDone, PoolClosed
from engine.names import PoolName
from engine.ports import SealedCards
from engine.stock.commands import Receive

Decide = Callable[[Hosted, Sequence[Asked], Mapping[str, object], set[bytes], Hearer], None]
"""Decides commands of a pool that is ready; the set has the prints of codes that are in stock already."""


class Receiving:
    """One owner's. `ready` raises when a pool decides nothing now."""

    def __init__(
        self, cards: SealedCards, pace: ImportPace, *, ready: Callable[[PoolName], Hosted], answer: Decide
    ) -> None:
        self._cards = cards
        self._pace = pace
        self._ready = ready
        self._answer = answer

    async def receive(self, hosted: Hosted, asked: Sequence[Asked], hearer: Hearer) -> None:
        """Chunks in their turns: all at once, or one after another while anybody buys.

        Cards that somebody waits for do not rest before, nor those of a shelf that is empty or soon would be: a rest
        spares buyers some milliseconds, and they would miss the cards. They have their turn like all others: what is
        in stock is looked up in it, and another chunk must not come in between.
        """
        portions = [[one] for one in asked] if self._pace.is_selling else [asked]
        answers: list[Answer] = []
        try:
            for portion in portions:
                async with self._pace.turn(hurries=bool(hosted.guests) or hosted.is_dry or hosted.runs_dry):
                    answers += await self._received(hosted, portion)
        except (NotDone, Fenced) as failure:
            tell_failure(hearer, InDoubt(*failure.args) if answers else failure)
        except Exception as failure:  # noqa: BLE001 - whoever asked would wait for ever
            tell_failure(hearer, failure)
        else:
            if not hearer.done():
                hearer.set_result(answers)

    async def _received(self, hosted: Hosted, asked: Sequence[Asked]) -> Sequence[Answer]:
        """Chunks received in one step: what is in stock already is looked up before they are decided."""
        prints = [print_ for _, command in asked if type(command) is Receive for print_ in command.prints]
        known = await self._cards.known(hosted.name, prints)
        if self._ready(hosted.name) is not hosted:
            raise PoolClosed(f"{hosted.name} was opened anew while an import looked its cards up")
        written: asyncio.Future[Sequence[Answer]] = asyncio.get_running_loop().create_future()
        self._answer(hosted, asked, {}, set(compress(prints, known)), written)
        hosted.came_since += len(prints) - sum(known)
        return await written
