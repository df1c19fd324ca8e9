"""What a client process sends next, and what it does with an answer."""

import random
from collections import deque
from collections.abc import Iterator
from itertools import cycle, repeat
from typing import Protocol, TypeVar

from bench.load.exchange import Exchange, Retry
from bench.load.ids import Ids
from bench.load.kinds import AllocateKind, BatchReleaseKind, HoldKind, Kinds, hold_name, hold_names
from bench.load.plan import Allocations, Batches, Journeys, Plan, Skus

#: Choices are drawn before the run and repeat after so many: longer than any pattern a house could learn.
_DRAWS = 1 << 16

#: Calls without an answer that wait to be sent again: more than are ever under way on all connections.
_INSISTED_MAX = 10_000


_Choice = TypeVar("_Choice")


class Script(Protocol):
    """A buyer's habits, as one client process has them."""

    def next(self) -> Exchange:
        """What to send now."""

    def answered(self, call: Exchange) -> None:
        """A call was answered OK; what follows from it comes with one of the next `next`.

        At most one follow-up for each answer, and what waits goes first: so never more wait than calls are under way.
        """


class Allocating:
    """Allocate or BatchAllocate, again and again."""

    def __init__(self, ids: Ids, kinds: Iterator[AllocateKind]) -> None:
        self._ids = ids
        self._kinds = kinds

    def next(self) -> Exchange:
        """A fresh one."""
        return next(self._kinds).call(self._ids.take())

    def answered(self, call: Exchange) -> None:
        """Nothing follows."""


class GivingBack:
    """BatchAllocate; what each one held is given back, so that the stock does not run out."""

    def __init__(self, ids: Ids, kinds: Iterator[AllocateKind], release: BatchReleaseKind) -> None:
        self._ids = ids
        self._kinds = kinds
        self._release = release
        self._held: deque[list[bytes]] = deque()

    def next(self) -> Exchange:
        """What is held first; else a fresh batch."""
        if self._held:
            return self._release.call(self._ids.take(), self._held.popleft())
        return next(self._kinds).call(self._ids.take())

    def answered(self, call: Exchange) -> None:
        """What an allocated batch holds is to be released."""
        if call.kind is not self._release and (names := hold_names(call.reply)):
            self._held.append(names)


class Journeying:
    """Allocate; then confirm, release or leave the hold, as was decided before."""

    def __init__(self, ids: Ids, starts: Iterator[AllocateKind], ends: dict[int, HoldKind]) -> None:
        self._ids = ids
        self._starts = starts
        #: By the number of the kind it started with.
        self._ends = ends
        self._waiting: deque[tuple[HoldKind, bytes]] = deque()

    def next(self) -> Exchange:
        """A hold's end first; else a fresh hold."""
        if self._waiting:
            kind, name = self._waiting.popleft()
            return kind.call(self._ids.take(), name)
        return next(self._starts).call(self._ids.take())

    def answered(self, call: Exchange) -> None:
        """A new hold waits for its end, unless it is to expire."""
        end = self._ends.get(call.kind.number)
        if end is not None:
            self._waiting.append((end, hold_name(call.reply)))


class Retrying:
    """Another script, a share of whose answered calls is sent once more, same id and same body."""

    def __init__(self, script: Script, draws: Iterator[bool]) -> None:
        self._script = script
        self._draws = draws
        self._again: deque[Exchange] = deque()

    def next(self) -> Exchange:
        """A retry first; else what the script sends."""
        return self._again.popleft() if self._again else self._script.next()

    def answered(self, call: Exchange) -> None:
        """The script hears only first answers, for a retry is no new hold."""
        if call.is_retry:
            return
        self._script.answered(call)
        if next(self._draws):
            self._again.append(Retry(call.kind, call.id, call.message, call.items, call.subject))


class Insisting:
    """Another script; what had no answer is sent once more first, same id and same body, and so on."""

    def __init__(self, script: Script) -> None:
        self._script = script
        #: Past its bound the oldest is given up: it is unknown.
        self._again: deque[Exchange] = deque(maxlen=_INSISTED_MAX)

    def next(self) -> Exchange:
        """What had no answer first; else what the script sends."""
        return self._again.popleft() if self._again else self._script.next()

    def answered(self, call: Exchange) -> None:
        """The first answer is what the script waits for, be it to the first asking or a later one."""
        self._script.answered(call)

    def missed(self, call: Exchange) -> None:
        """Nobody knows what became of a call."""
        again = Retry if call.is_retry else Exchange
        self._again.append(again(call.kind, call.id, call.message, call.items, call.subject))


def script_of(plan: Plan, kinds: Kinds, ids: Ids, chance: random.Random) -> Script:
    """The script that does the plan's work; its kinds are made in `kinds`."""
    script: Script
    match plan.work:
        case Allocations(skus, quantity, hold_for_ms):
            made = [kinds.allocate(sku, quantity, hold_for_ms) for sku in skus.ids]
            script = Allocating(ids, _drawn(made, _weights(skus), chance))
        case Batches(skus, items, quantity, hold_for_ms, release):
            made = [kinds.allocate(sku, quantity, hold_for_ms, items) for sku in skus.ids]
            drawn = _drawn(made, _weights(skus), chance)
            script = GivingBack(ids, drawn, kinds.batch_release()) if release else Allocating(ids, drawn)
        case Journeys() as journeys:
            script = _journeying(journeys, kinds, ids, chance)
    if plan.retry_share:
        script = Retrying(script, _drawn([True, False], [plan.retry_share, 1 - plan.retry_share], chance))
    return Insisting(script) if plan.insists else script


def _journeying(work: Journeys, kinds: Kinds, ids: Ids, chance: random.Random) -> Journeying:
    paid_minor = None if work.unit_price_minor is None else work.unit_price_minor * work.quantity
    confirm, release = kinds.confirm(paid_minor, work.currency), kinds.release()
    ends: dict[int, HoldKind] = {}
    starts: list[AllocateKind] = []
    weights: list[float] = []
    for sku, weight in zip(work.skus.ids, _weights(work.skus), strict=True):
        for end, ratio in ((confirm, work.confirm), (release, work.release), (None, work.expire)):
            if ratio:
                hold_for_ms = work.hold_for_ms if end else work.expiring_hold_for_ms
                start = kinds.allocate(sku, work.quantity, hold_for_ms)
                starts.append(start)
                weights.append(weight * ratio)
                if end:
                    ends[start.number] = end
    return Journeying(ids, _drawn(starts, weights, chance), ends)


def _weights(skus: Skus) -> list[float]:
    return [1 / rank**skus.zipf for rank in range(1, len(skus.ids) + 1)]


def _drawn(choices: list[_Choice], weights: list[float], chance: random.Random) -> Iterator[_Choice]:
    """Choices by weight, without end."""
    return repeat(choices[0]) if len(choices) == 1 else cycle(chance.choices(choices, weights, k=_DRAWS))
