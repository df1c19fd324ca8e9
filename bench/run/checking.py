"""The end of a load: ask again for what is unknown and for some of what is known, count, and audit it all."""

import gc
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from bench.audit import NOT_DONE, OK, UNKNOWN, Call, Findings, audit
from bench.load.plan import Measured, Plan
from bench.run.asking_again import ask_again
from bench.run.history_file import books_line, write_history
from bench.run.house import House
from bench.run.last_look import HOLDS_MAX, HOLDS_OF_ALL_MAX, last_look
from bench.run.testimony import read_calls

if TYPE_CHECKING:
    from bench.run.bench import Side


class Testimony(Protocol):
    """What some clients were told, and by which plan they had asked."""

    @property
    def plan(self) -> Plan:
        """The plan; whoever asks again does it by the same."""

    def heard(self) -> list[Call]:
        """Every call, in any order."""


class Loaded(NamedTuple):
    """One load that ran and has not been audited."""

    plan: Plan
    measured: Measured

    def heard(self) -> list[Call]:
        """What its clients wrote down. Raises ValueError when a history of theirs is none."""
        return list(read_calls(self.measured.histories))


def look_into(
    side: "Side",
    testimonies: Sequence[Testimony],
    *,
    asked_again_max: int,
    history: Path | None = None,
    clock_wrong_ms: float = 0.0,
    holds_max: int = HOLDS_OF_ALL_MAX,
) -> Findings:
    """Audit all that clients of one side heard of some SKUs together. Takes about 6 s for a million items.

    With `history`, write down there what clients were told, and what a house says of it in the end.
    `clock_wrong_ms`: by how much the side's clock was set wrong at times, either way. `holds_max`: see last_look.
    """
    with _without_collector():
        histories = [(one.plan, one.heard()) for one in testimonies]
        asked_again = [
            (plan, list(ask_again(side.target, plan, _to_ask(calls, asked_again_max, plan.seed))))
            for plan, calls in histories
        ]
        again = [call for _, calls in asked_again for call in calls]
        skus = sorted({sku for one in testimonies for sku in one.plan.work.skus.ids})
        books = side.books(skus) if side.keeps_books else None
        findings = audit(chain(*(calls for _, calls in histories), again), books, clock_wrong_ms=clock_wrong_ms)
        findings.asked_again = len(again)
        if history is not None and isinstance(side, House):
            told = [(plan.work.quantity, calls) for plan, calls in (*histories, *asked_again)]
            holds = _some_holds(chain(*(calls for _, calls in told)), skus)
            rest = chain(map(books_line, books or ()), last_look(side, holds, holds_max=holds_max))
            write_history(history, told, rest, clock_wrong_ms=clock_wrong_ms)
        return findings


def _some_holds(calls: Iterable[Call], skus: Iterable[str]) -> Mapping[str, Sequence[str]]:
    """Of each SKU, the names of holds that were acknowledged: the last ones, of which the fewest can be over."""
    names: dict[str, dict[str, None]] = {sku: {} for sku in skus}
    for call in calls:
        if call.answer == OK:
            names[call.subject.split("/", 4)[3]][call.hold] = None
    return {sku: list(every)[-HOLDS_MAX:] for sku, every in names.items()}


def _to_ask(calls: Sequence[Call], known_max: int, seed: int) -> list[Call]:
    """All whose outcome nobody knows, and a sample of the acknowledged holds, each once."""
    settled = {call.request_id for call in calls if call.answer not in UNKNOWN and call.answer not in NOT_DONE}
    unknown = {call.request_id: call for call in calls if call.answer in UNKNOWN and call.request_id not in settled}
    known = [call for call in calls if call.kind == "allocate" and call.answer == OK]
    chance = random.Random(seed)  # noqa: S311 - a seed must give the same sample again
    return [*unknown.values(), *chance.sample(known, min(known_max, len(known)))]


@contextmanager
def _without_collector() -> Iterator[None]:
    """Millions of young tuples without a cycle among them: searching them would take longer than the audit."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
