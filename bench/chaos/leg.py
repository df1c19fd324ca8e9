"""One leg of a run: a house of its own, its buyers, its suppliers, one plan of faults; then calm."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from random import Random
from typing import NamedTuple, TypeVar

from cardkeep_client import CardkeepError

from bench.chaos.arena import Arena
from bench.chaos.building import Built, Terms, build
from bench.chaos.nemesis import Injected, Nemesis
from bench.chaos.plan import Step
from bench.run import Bench, CannotRun, House
from bench.run.sandboxes import stop_buying
from bench.run.supply_truth import Truth, compare, wait_settled
from bench.waiting import when_back

#: Buyers go on so long after the last fault.
CALM_S = 4.0

#: With so many of the calls answered that are sent, a house has come back.
_WELL_SHARE = 0.5

_BACK_WITHIN_S = 90.0
_SETTLED_WITHIN_S = 180.0

_Answer = TypeVar("_Answer")


class NotBack(CannotRun):
    """All is put right, and the house does not come back; `injected` is what had been done to it."""

    def __init__(self, why: str, injected: Sequence[Injected]) -> None:
        super().__init__(why)
        self.injected = injected


class Told(NamedTuple):
    """What a leg left behind to be judged: its house still runs, and all is put right."""

    arena: Arena
    injected: Sequence[Injected]
    #: How what was bought compares with what suppliers say; None where nothing is bought.
    truth: Truth | None


Draw = Callable[[Arena, float], Sequence[Step]]


@contextmanager
def leg(bench: Bench, terms: Terms, seconds: float, draw: Draw, chance: Random) -> Iterator[Told]:
    """Run one, with the plan that `draw` makes for so many seconds. The house ends with the body.

    Raises CannotRun; of it NotBack, when all is put right and the house does not answer.
    """

    def say(what: str) -> None:
        bench.screen.say(f"{terms.label}: {what}")

    with ExitStack() as stack:
        built = build(bench, terms, seconds, stack)
        arena = built.arena
        nemesis = Nemesis(
            arena,
            chance,
            lambda what: say(f"{arena.buyers.answered_per_s:5,}/s  {what}"),
            lambda: arena.is_well(terms.calls_per_s * _WELL_SHARE),
        )
        steps = draw(arena, seconds - CALM_S)
        stack.callback(arena.buyers.stop)
        arena.buyers.start()
        nemesis.carry_out(steps, seconds - CALM_S)
        say("all is put right, buyers go on")
        arena.buyers.wait(CALM_S)
        truth = _settle(built, nemesis.injected, say)
        say("the judgement")
        yield Told(arena, nemesis.injected, truth)


def _settle(built: Built, injected: Sequence[Injected], say: Callable[[str], None]) -> Truth | None:
    """Until every SKU answers and no purchase is open. Raises NotBack, and CannotRun."""
    house = built.arena.house
    insist = partial(_insist, house, injected)
    say("until everybody is back")
    for sku in built.stocked:
        insist(partial(house.books, [sku]))
    if not built.suppliers:
        return None
    say("until all purchases are settled")
    bought = {sku: cards for sku, cards in built.stocked.items() if "-BOUGHT-" in sku}
    for sku in bought:
        insist(partial(stop_buying, house, sku))
    wait_settled(house, built.suppliers, _SETTLED_WITHIN_S)
    return insist(partial(compare, house, built.suppliers, bought))


def _insist(house: House, injected: Sequence[Injected], ask: Callable[[], _Answer]) -> _Answer:
    """Ask until it is answered. Raises NotBack."""
    try:
        return when_back(ask, _BACK_WITHIN_S)
    except CardkeepError as failure:
        why = f"the house does not come back: {failure}. It said:\n{house.last_words()}"
        raise NotBack(why, injected) from failure
