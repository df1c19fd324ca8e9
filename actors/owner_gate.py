"""Where front ends come in: reads requests off the wire, hands them to the owner, writes replies."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from actors.owner import Owner, Reply
from actors.wire import Address, Frames, Listen, Listening, Verdict, is_hello, listen
from engine.errors import Fenced, InDoubt, InvariantBroken, NotDone, Overloaded, PoolClosed, StoreUnavailable
from engine.names import PoolName
from engine.stock.codec import plain, read_commands
from engine.stock.commands import Command

#: Requests one front end may have under way here; a front end keeps two per pool.
requests_per_caller_max = 20_000

_log = logging.getLogger(__name__)

_VERDICTS: dict[type[Exception], Verdict] = {
    Fenced: Verdict.NOT_OWNER,
    PoolClosed: Verdict.RECOVERING,
    StoreUnavailable: Verdict.STORE_UNAVAILABLE,
    InDoubt: Verdict.IN_DOUBT,
    Overloaded: Verdict.OVERLOADED,
    InvariantBroken: Verdict.STOPPED,
}


class OwnerGate:
    """The server side of the data plane for one owner."""

    def __init__(self, owner: Owner, token: str, *, listen: Listen = listen) -> None:
        self._owner = owner
        self._token = token
        self._listen = listen
        self._server: Listening | None = None
        self._callers: dict[Frames, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self, address: Address) -> Address:
        """Listen, and return the address to announce."""
        self._server, bound = await self._listen(address, self._on_frame, self._on_end)
        return bound

    async def close(self) -> None:
        """Take no more work, finish what is under way, hang up."""
        if self._server is not None:
            self._server.close()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._owner.finish()
        for frames in list(self._callers):
            frames.close()

    def _on_frame(self, frames: Frames, message: Any) -> None:
        if frames not in self._callers:
            if not is_hello(message, self._token):
                _log.warning("caller_refused reason=bad_hello")
                frames.close()
                return
            self._callers[frames] = 0
            frames.welcome()
            return
        match message:
            case (int(request_id), str(tenant), str(sku), items):
                self._take(frames, request_id, PoolName(tenant, sku), items)
            case _:
                _log.warning("caller_refused reason=bad_request")
                frames.close()

    def _take(self, frames: Frames, request_id: int, name: PoolName, items: Any) -> None:
        if self._callers[frames] >= requests_per_caller_max:
            frames.send((request_id, Verdict.OVERLOADED, "too many requests under way"))
            return
        self._callers[frames] += 1
        task = asyncio.get_running_loop().create_task(self._answer(frames, request_id, name, items))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _on_end(self, frames: Frames) -> None:
        self._callers.pop(frames, None)

    async def _answer(self, frames: Frames, request_id: int, name: PoolName, items: Any) -> None:
        try:
            epoch, replies = await self._owner.submit(name, _read(items))
            frames.send((request_id, Verdict.DONE, (epoch, _plain(replies))))
        except (NotDone, InDoubt, Fenced, InvariantBroken) as failure:
            frames.send((request_id, _VERDICTS.get(type(failure), Verdict.RECOVERING), str(failure)))
        except Exception as mistake:  # noqa: BLE001 - a caller without an answer would wait for ever, and so would its bus
            _log.exception("request_broke pool=%s", name)
            frames.send((request_id, Verdict.IN_DOUBT, f"the owner made a mistake: {mistake!r}"))
        finally:
            if frames in self._callers:
                self._callers[frames] -= 1


def _read(items: Any) -> Sequence[tuple[int, Command]]:
    try:
        return read_commands(items)
    except (TypeError, ValueError, LookupError) as mistake:
        raise InvariantBroken(f"a command cannot be read: {mistake!r}") from mistake


def _plain(replies: Sequence[Reply]) -> list[tuple[int, bool, Any]]:
    return [(seq, replayed, None if outcome is None else plain(outcome)) for seq, replayed, outcome in replies]
