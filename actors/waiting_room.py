"""Who waits for cards: Allocates for which there are none, of SKUs that let people wait, until their deadlines.

Rules.
1. Whoever enters is decided at once if there are cards after all; else he waits, in order of arrival.
2. When cards come (an import, a release, an expiry, a card restored), those who wait are served first, in their order.
   Who asks for more than there is, is passed over, and keeps his place.
3. Shortly before his deadline a guest is decided as it stands, so that he hears a definite answer in time.
4. The same request twice waits twice, and both hear the one answer.
5. A pool that ends here sends its guests away: nothing happened, and they are asked again elsewhere.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence

from actors.asking import Answer, Hearer, tell_failure
from actors.hosted import Guest, Hosted
from engine import limits
from engine.errors import CardkeepError, InvariantBroken, PoolClosed
from engine.names import PoolName
from engine.ports import Clock
from engine.stock.commands import Allocate
from engine.stock.outcomes import WAITS, Held
from engine.stock.state import Turn

#: How long before his deadline a guest is decided as it stands: an append when the store is busy, and the way back.
last_call_before_ms = 75

#: Guests of all pools of one owner, together: each is about 1 KB, and a timer.
guests_max = 10_000

#: Later than every deadline.
_NEVER_MS = 1 << 62

Board = Callable[[Hosted, Turn, Sequence[Answer], Hearer], None]
"""Lets the journal have what a turn decided, and then the hearer hear the answers."""


class WaitingRoom:
    """The guests of one owner, kept with their pools. `ready` raises when a pool decides nothing now.

    `missing` names what a command needs of the archive, and `again` takes a guest who needs that as if he had just
    come. `nudge` is told of every pool that somebody waits at.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        ready: Callable[[PoolName], Hosted],
        missing: Callable[[Hosted, Guest], object],
        again: Callable[[PoolName, Guest], None],
        board: Board,
        stop: Callable[[Hosted, Exception], None],
        nudge: Callable[[PoolName], None],
    ) -> None:
        self._clock = clock
        self._ready = ready
        self._missing = missing
        self._again = again
        self._board = board
        self._stop = stop
        self._nudge = nudge
        self._guests = 0
        self._is_closed = False

    def waits_after_ms(self, hosted: Hosted, now_ms: int) -> int:
        """An Allocate may wait here now whose deadline is later than this; 0 when nobody may."""
        wait_max = min(limits.wait_max, hosted.pool.state.terms.wait_max)
        here = len(hosted.guests or ())
        return now_ms + last_call_before_ms if here < wait_max and self._guests < guests_max else 0

    def enter(self, hosted: Hosted, guest: Guest) -> None:
        """Serve a guest if that can be, or if he may not wait; else let him. Raises PoolClosed when the owner ends."""
        if self._is_closed:
            raise PoolClosed("this owner ends")
        now_ms = self._clock.now_ms()
        after_ms = self.waits_after_ms(hosted, now_ms)
        may_wait = bool(after_ms) and guest.deadline_ms > after_ms
        if hosted.guests is None:
            hosted.guests = {}
        hosted.guests[guest] = None
        self._guests += 1
        self._attend(hosted, (guest,), is_last_call=not may_wait)
        if guest in hosted.guests:
            wait_s = (guest.deadline_ms - after_ms) / 1_000
            guest.timer = asyncio.get_running_loop().call_later(wait_s, self._last_call, hosted, guest)
            self._nudge(hosted.name)

    def serve(self, hosted: Hosted) -> None:
        """Cards may have come."""
        if hosted.guests and hosted.pool.state.shelf.available(self._clock.now_ms()):
            self._attend(hosted, tuple(hosted.guests))

    def close(self, pools: Iterable[Hosted]) -> None:
        """Let nobody in any more, and send away who is in."""
        self._is_closed = True
        for hosted in pools:
            self.dismiss(hosted, PoolClosed("this owner ends"))

    def dismiss(self, hosted: Hosted, failure: Exception) -> None:
        """Nobody is served here any more."""
        for guest in tuple(hosted.guests or ()):
            self._leaves(hosted, guest)
            tell_failure(guest.hearer, failure)

    def _attend(self, hosted: Hosted, guests: Iterable[Guest], *, is_last_call: bool = False) -> None:
        """Decide those who can be served, in order; on the last call, as it stands."""
        pool = hosted.pool
        turn = pool.turn(self._clock.now_ms())
        turn.may_wait = not is_last_call
        available = pool.state.shelf.available(turn.now_ms)
        answers: list[Answer] = []
        heard: list[Hearer] = []
        try:
            for guest in guests:
                if guest.hearer.done():
                    self._leaves(hosted, guest)
                    continue
                turn.recalled = guest.found.values  # type: ignore[assignment]
                if not is_last_call and not _may_be_served(turn, guest.command, available):
                    continue
                if self._missing(hosted, guest):
                    self._leaves(hosted, guest)
                    self._again(hosted.name, guest)
                    continue
                outcome, replayed = pool.decide(turn, guest.command)
                if outcome is WAITS:
                    continue
                if type(outcome) is Held and not replayed:
                    available -= len(outcome.cards)
                self._leaves(hosted, guest)
                heard.append(guest.hearer)
                answers.append(Answer(hosted.desk.epoch, pool.state.seq, replayed, outcome))
        except Exception as mistake:  # noqa: BLE001 - the pool may have changed without its journal; its neighbours go on
            self._stop(hosted, mistake)
            _All(heard).set_exception(InvariantBroken(hosted.failure))
            return
        if answers or turn.events:
            self._board(hosted, turn, answers, _All(heard))

    def _last_call(self, hosted: Hosted, guest: Guest) -> None:
        try:
            if self._ready(hosted.name) is not hosted:
                raise PoolClosed(f"{hosted.name} was opened anew while somebody waited")
        except CardkeepError as failure:
            self._leaves(hosted, guest)
            tell_failure(guest.hearer, failure)
        else:
            self._attend(hosted, (guest,), is_last_call=True)

    def _leaves(self, hosted: Hosted, guest: Guest) -> None:
        assert hosted.guests is not None
        del hosted.guests[guest]
        self._guests -= 1
        if guest.timer is not None:
            guest.timer.cancel()


def _may_be_served(turn: Turn, command: Allocate, available: int) -> bool:
    """Whether there is an answer already, or enough for one."""
    return turn.known(command) is not None or command.quantity <= available or (command.partial and available > 0)


class _All:
    """Those who are answered together, each with one answer of his own."""

    def __init__(self, hearers: Sequence[Hearer]) -> None:
        self._hearers = hearers

    def done(self) -> bool:
        """See Hearer."""
        return False

    def set_result(self, answers: Sequence[Answer]) -> None:
        """See Hearer."""
        for hearer, answer in zip(self._hearers, answers, strict=True):
            if not hearer.done():
                hearer.set_result((answer,))

    def set_exception(self, failure: Exception) -> None:
        """See Hearer."""
        for hearer in self._hearers:
            tell_failure(hearer, failure)
