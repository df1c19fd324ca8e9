"""Where front ends come in: reads requests off the wire, hands them to the owner, writes replies."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from actors.asking import Answer
from actors.owner import Owner
from actors.wire import Address, Frames, Listen, Listening, Verdict, is_hello, listen
from engine.errors import Fenced, InDoubt, InvariantBroken, NotDone, Overloaded, PoolClosed, StoreUnavailable
from engine.names import PoolName
from engine.stock.codec import plain, read_commands

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
        self._under_way: set[_Request] = set()
        self._all_answered = asyncio.Event()

    async def open(self, address: Address) -> Address:
        """Listen, and return the address to announce."""
        self._server, bound = await self._listen(address, self._on_frame, self._on_end)
        return bound

    async def close(self) -> None:
        """Take no more work, finish what is under way, hang up."""
        if self._server is not None:
            self._server.close()
        self._owner.dismiss()
        if self._under_way:
            await self._all_answered.wait()
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
        self._all_answered.clear()
        request = _Request(self, frames, request_id)
        self._under_way.add(request)
        try:
            self._owner.take(name, read_commands(items), request)
        except (TypeError, ValueError, LookupError) as mistake:
            request.set_exception(InvariantBroken(f"a command cannot be read: {mistake!r}"))
        except Exception as mistake:  # noqa: BLE001 - a caller without an answer would wait for ever, and so would its bus
            request.set_exception(mistake)

    def ended(self, request: "_Request") -> None:
        """A request has been answered."""
        self._under_way.discard(request)
        if request.frames in self._callers:
            self._callers[request.frames] -= 1
        if not self._under_way:
            self._all_answered.set()

    def _on_end(self, frames: Frames) -> None:
        self._callers.pop(frames, None)


class _Request:
    """One request under way: hears what the owner decided, and sends it back."""

    __slots__ = ("_gate", "_has_heard", "frames", "request_id")

    def __init__(self, gate: OwnerGate, frames: Frames, request_id: int) -> None:
        self._gate = gate
        self.frames = frames
        self.request_id = request_id
        self._has_heard = False

    def done(self) -> bool:
        """See Hearer."""
        return self._has_heard

    def set_result(self, answers: Sequence[Answer]) -> None:
        """See Hearer."""
        try:
            self.frames.send((self.request_id, Verdict.DONE, (answers[0].epoch if answers else 0, _plain(answers))))
        except Exception as mistake:  # noqa: BLE001 - see _take
            self.set_exception(mistake)
        else:
            self._end()

    def set_exception(self, failure: BaseException) -> None:
        """See Hearer."""
        if isinstance(failure, NotDone | InDoubt | Fenced | InvariantBroken):
            verdict, text = _VERDICTS.get(type(failure), Verdict.RECOVERING), str(failure)
        else:
            _log.error("request_broke", exc_info=failure)
            verdict, text = Verdict.IN_DOUBT, f"the owner made a mistake: {failure!r}"
        self.frames.send((self.request_id, verdict, text))
        self._end()

    def _end(self) -> None:
        self._has_heard = True
        self._gate.ended(self)


def _plain(answers: Sequence[Answer]) -> list[tuple[int, bool, Any]]:
    return [(seq, replayed, None if outcome is None else plain(outcome)) for _, seq, replayed, outcome in answers]
