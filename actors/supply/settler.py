"""Ends doubt: asks a supplier about every attempt that is open, again and again, until it is known how it stands.

What to do next and when, engine/supply/settling.py says; what an answer means, the ledger.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from actors.supply.counter import Counter
from actors.supply.written_ledger import WrittenLedger
from engine.errors import CardkeepError
from engine.supply.attempts import AttemptId, Silent
from engine.supply.entry import Entry
from engine.supply.ports import Ability, Told
from engine.supply.settling import Step, next_step, pause_ms

_log = logging.getLogger(__name__)

TakeIn = Callable[[Entry, Told], Awaitable[object]]
"""Writes down what was told of an attempt, and puts into stock what came."""


class Settler:
    """One desk's. Each open attempt that nobody is dealing with has a task here."""

    def __init__(self, counter: Counter, written: WrittenLedger, take_in: TakeIn) -> None:
        self._counter = counter
        self._written = written
        self._take_in = take_in
        self._tasks: dict[AttemptId, asyncio.Task[None]] = {}

    def watch(self, entry: Entry) -> None:
        """See to it that this attempt is settled, if it is open."""
        if entry.is_open and entry.name not in self._tasks:
            task = asyncio.get_running_loop().create_task(self._settle(entry))
            self._tasks[entry.name] = task
            task.add_done_callback(lambda _: self._tasks.pop(entry.name, None))

    async def close(self) -> None:
        """Stop; what is open is settled by the next copy."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _settle(self, entry: Entry) -> None:
        tries, was_silent = 0, False
        while True:
            await asyncio.sleep(pause_ms(tries) / 1_000)
            if not entry.is_open or self._written.failure is not None:
                return
            tries += 1
            try:
                told = await self._step(entry, was_silent=was_silent)
                if told is None:
                    continue
                was_silent = isinstance(told.finding, Silent)
                await self._take_in(entry, told)
            except CardkeepError as failure:
                _log.warning("attempt_not_settled attempt=%s cause=%s", entry.name, failure)
            except Exception as mistake:  # noqa: BLE001 - it stays open, and its text may quote a code
                _log.error("attempt_not_settled attempt=%s cause=%s", entry.name, type(mistake).__name__)

    async def _step(self, entry: Entry, *, was_silent: bool) -> Told | None:
        can_look_up = self._counter.can(Ability.LOOK_UP)
        written, supplier = self._written, self._counter.supplier
        match next_step(entry, supplier, written.now_ms(), can_look_up=can_look_up, was_silent=was_silent):
            case Step.LOOK_UP:
                return await self._counter.look_up(entry)
            case Step.SEND_AGAIN:
                return await self._counter.send_again(entry, lambda: self._write_sending(entry))
            case _:
                return None

    async def _write_sending(self, entry: Entry) -> None:
        await self._written.write(self._written.ledger.send(entry.name, self._written.now_ms()))
