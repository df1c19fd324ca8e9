"""One machine, two, three, and back to one, while a sale runs through the first one's door.

Asks whether any call fails while machines come and leave, how long a call takes around the moves, whether the load goes
to the machines that come, and how soon. The machines are houses and annexes of their own, each at a loopback address,
with Ray, TLS and all; they share this machine's cores, so nothing gets faster here, and is not meant to.

A good answer: no failed call; a p99 of at most 250 ms around the moves; load that follows a machine within 30 s; on
three machines no machine has less than half of an even share of the commands; and a clean audit.
"""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise

from bench.load.plan import Allocations, Measured, Open, Plan, Skus
from bench.run import Bench, CannotRun, at_least, at_most
from bench.run.estate import Estate
from bench.run.moments import Moment, moments, p99_s
from bench.run.watch import Look, watching
from bench.waiting import until

MACHINES, SKUS = 3, 24

#: More than the steward leaves alone (engine/placing.py), and a fraction of what one owner does.
_HOLDS_PER_S = 1_200.0

#: A connection carries 128 calls: so many of them bear a stall of two seconds without a call that is never sent.
_CONNECTIONS = 16
#: The whole tour: start and join are most of it, on a machine that is busy with the sale.
_SECONDS = 150.0
#: How long each number of machines is stayed at once load has followed, or was waited for.
_STAY_S = 8.0
_FOLLOWS_WITHIN_S = 40.0
#: A good answer: the steward weighs loads once a second (actors/steward.py), and this is thirty times.
_FOLLOWS_SOON_S = 30.0
#: Of an even share: with so much a machine takes part.
_SHARE = 0.5
_LOOK_EVERY_S = 0.1

#: A call belongs to a move when it was under way then, or at most this long before or after.
_AROUND_S = 0.5
_MS = 1_000.0


def run(bench: Bench) -> None:
    """See above."""
    for _ in bench.rounds(1):
        estate = bench.estate(MACHINES)
        seconds = bench.seconds(_SECONDS)
        skus = estate.stock_many(SKUS, int(_HOLDS_PER_S * (seconds + 5) / SKUS * 1.3))
        work = Allocations(Skus(tuple(skus)))
        plan = Plan(work, Open(_HOLDS_PER_S), warmup_s=0.0, measure_s=seconds, connections=_CONNECTIONS)
        with (
            watching(estate.placement, every_s=_LOOK_EVERY_S) as looks,
            bench.beside(estate, "sale", plan) as selling,
        ):
            began_s = time.monotonic()
            _tour(bench, estate)
            if time.monotonic() - began_s > seconds:
                bench.note("the tour took longer than the sale: its end was not under load; give more --seconds")
        _tell(bench, selling.result(), looks)
        bench.stop(estate)


def _tour(bench: Bench, estate: Estate) -> None:
    """Up to three machines and back."""
    for number in range(1, MACHINES):
        began_s = time.monotonic()
        estate.join(number)
        bench.measure(
            "join_s", time.monotonic() - began_s, unit="s", about="from starting a machine until it has joined"
        )
        began_s = time.monotonic()
        if not until(partial(_has_followed, estate, number + 1), _FOLLOWS_WITHIN_S):
            raise CannotRun(f"load did not follow to machine {number + 1} within {_FOLLOWS_WITHIN_S:g} s")
        about = "from then until it has half of an even share of the load, or more"
        followed_s = time.monotonic() - began_s
        bench.measure("follows_s", followed_s, unit="s", about=about, goal=at_most(_FOLLOWS_SOON_S))
    time.sleep(_STAY_S)
    shares = _shares(estate, MACHINES)
    bench.note(f"commands a second by machine: {', '.join(f'{share:,.0f}' for share in shares)}")
    about = "on three machines, the least loaded one's commands ÷ an even share"
    least = _least_share(estate, MACHINES)
    bench.measure("least_share", least, unit="×", about=about, goal=at_least(_SHARE))
    for number in reversed(range(1, MACHINES)):
        began_s = time.monotonic()
        estate.drain(number)
        bench.measure("drain_s", time.monotonic() - began_s, unit="s", about="from asking until the machine had left")
    time.sleep(_STAY_S / 2)
    left = {owner for owner in estate.placement().values() if owner}
    about = "owners that have SKUs when one machine is left"
    bench.measure("owners_at_the_end", len(left), unit="", about=about, goal=at_most(1))


def _tell(bench: Bench, sale: Measured, looks: Sequence[Look[Mapping[str, str]]]) -> None:
    failed = sale.intended - sale.ok
    if failed:
        told = f"{dict(sale.reasons)}, {sale.unanswered} unanswered, {sale.dropped} never sent"
        bench.note(f"{failed:,} of {sale.intended:,} calls failed: {told}")
    bench.measure("failed_calls", failed, unit="", about="calls that failed, of whatever cause", goal=at_most(0))
    changes = [(one.at_s, other.at_s) for one, other in pairwise(looks) if one.seen != other.seen]
    bench.measure("changes", len(changes), unit="", about="times that SKUs were seen to have been placed elsewhere")
    calls = [call for client in moments(sale) for call in client]
    around = [call.took_s for call in calls if _is_around(call, changes)]
    if not around:
        raise CannotRun("no SKU moved: the load was too small, or no machine came")
    apart = [call.took_s for call in calls if not _is_around(call, changes)]
    about = "p99 of the calls around moves"
    bench.measure("p99_moves_ms", p99_s(around) * _MS, unit="ms", about=about, goal=at_most(250))
    bench.measure("p99_apart_ms", p99_s(apart) * _MS, unit="ms", about="p99 of all other calls")
    bench.measure(
        "longest_answer_ms", max(around) * _MS, unit="ms", about="the longest that any call around moves took"
    )


def _has_followed(estate: Estate, machines: int) -> bool:
    return _least_share(estate, machines) >= _SHARE


def _least_share(estate: Estate, machines: int) -> float:
    """The commands of the least loaded of so many machines ÷ an even share; 0 when there are none at all."""
    shares = _shares(estate, machines)
    return min(shares) * machines / sum(shares) if any(shares) else 0.0


def _shares(estate: Estate, machines: int) -> list[float]:
    """Commands a second of each of the first so many machines; 0 where nothing runs yet."""
    found = estate.machines()
    return [found[each].commands_per_second if each in found else 0.0 for each in estate.addresses[:machines]]


def _is_around(call: Moment, changes: Sequence[tuple[float, float]]) -> bool:
    return any(
        call.sent_s < until_s + _AROUND_S and call.answered_s > from_s - _AROUND_S for from_s, until_s in changes
    )
