"""A rolling upgrade: each of three machines is stopped in good order and started with other code, while people buy.

Asks whether a buyer notices more than a slow answer, and whether any card or sale is lost where two builds serve one
sale. The machines begin with the code of an earlier commit (`--from REVISION`, or `FROM=` of make) and end with the one
of this checkout, the head last. Each tells at its own door which it runs. Every machine but the head gives its SKUs to
others before it stops; while the head is away nobody can sell its SKUs, nor any until its store is back.
The buyers use the Python client with all machines' doors in one address, and its usual retries: a call asks again under
its own id until it has an answer. All that they were told is judged by the audit and by the checker (R1 to R12).

A good answer: no call fails, no violation, each machine told the one version before and the other after, and machines
of both sold at one time.
"""

import time
from collections.abc import Mapping
from typing import NamedTuple

from bench.builds import Build, NoRevision, archived, copied
from bench.run import Bench, CannotRun, at_least, at_most
from bench.run.bench import AuditFailed
from bench.run.buyers import PRICE, Buyers
from bench.run.estate import Estate
from bench.run.judging import judge

MACHINES, SKUS = 3, 12

#: The first commit in which a house could have several machines: nothing older can be upgraded machine by machine.
FROM = "07fa6f8"

#: Cards of each SKU: a buyer of one buys some 100 a second.
_CARDS = 30_000

#: A sale in which so few buy says little: not a tenth of what twelve buyers do in the rests alone.
_PURCHASES_MIN = 2_000

#: Between two machines: buyers have their machines back, and the load has gone there.
_REST_S = 5.0


class Look(NamedTuple):
    """What the machines were found at between two steps, each by its number."""

    step: str
    versions: Mapping[int, str]
    #: Commands a second of its owners.
    commands_per_s: Mapping[int, float]

    @property
    def is_shared(self) -> bool:
        """Whether machines of two versions were there, and each of them sold."""
        return len(set(self.versions.values())) > 1 and min(self.commands_per_s.values()) > 0


def run(bench: Bench) -> None:
    """See above."""
    for _ in bench.rounds(1):
        old, new = _builds(bench)
        estate = bench.estate(MACHINES, build=old)
        skus = [estate.stock(_CARDS, unit_price=PRICE) for _ in range(SKUS)]
        for number in range(1, MACHINES):
            bench.screen.say(f"machine {number + 1} joins")
            estate.join(number)
        estate.even_out()
        buyers = Buyers(estate.targets, skus)
        buyers.start()
        time.sleep(_REST_S)
        looks = [_look(estate, "before"), *_roll(bench, estate, new)]
        buyers.stop()
        _tell_of_versions(bench, looks, old, new)
        _tell_of_purchases(bench, buyers)
        _judge(bench, estate, buyers)
        bench.stop(estate)


def _builds(bench: Bench) -> tuple[Build, Build]:
    """From which to which. Raises CannotRun when a revision was asked for that is not there."""
    new = copied(bench.new_folder(), "new")
    revision = bench.options.from_revision
    try:
        old = archived(bench.new_folder(), revision or FROM)
    except NoRevision as why:
        if revision:
            raise CannotRun(f"there is no revision {revision!r} here: {why}") from why
        bench.note(f"both builds are of the same code under two versions: the commit {FROM} is not here ({why})")
        old = copied(bench.new_folder(), "old")
    bench.figures.facts |= {"from_version": old.version, "to_version": new.version}
    return old, new


def _roll(bench: Bench, estate: Estate, new: Build) -> list[Look]:
    """Each machine in turn, the head last; what was found after each."""
    looks = []
    for number in range(1, MACHINES):
        bench.screen.say(f"machine {number + 1} is upgraded")
        began_s = time.monotonic()
        estate.leave(number)
        estate.install(number, new)
        estate.join(number)
        estate.even_out()
        bench.measure("machine_s", time.monotonic() - began_s, unit="s", about="one machine: down, and up again")
        time.sleep(_REST_S)
        looks.append(_look(estate, f"machine {number + 1} upgraded"))
    bench.screen.say("the head is upgraded")
    began_s = time.monotonic()
    estate.install(0, new)
    estate.restart_head(bench.screen.say)
    bench.measure("head_s", time.monotonic() - began_s, unit="s", about="the head: down, and up again")
    time.sleep(_REST_S)
    return [*looks, _look(estate, "head upgraded")]


def _look(estate: Estate, step: str) -> Look:
    found = estate.machines()
    commands_per_s = {
        number: found[address].commands_per_second if address in found else 0.0
        for number, address in enumerate(estate.addresses)
    }
    return Look(step, estate.versions(), commands_per_s)


def _tell_of_versions(bench: Bench, looks: list[Look], old: Build, new: Build) -> None:
    bench.figures.tables["What each machine says that it runs, and its commands a second"] = [
        {"step": look.step}
        | {f"machine {at + 1}": f"{look.versions[at]}, {look.commands_per_s[at]:,.0f}/s" for at in look.versions}
        for look in looks
    ]
    first, last = looks[0].versions, looks[-1].versions
    upgraded = sum(first[at] == old.version and last[at] == new.version for at in range(MACHINES))
    about = f"machines that said {old.version} before and {new.version} after"
    bench.measure("upgraded", upgraded, unit="", about=about, goal=at_least(MACHINES))
    about = "of the looks between machines, those at which machines of both versions sold"
    shared = sum(look.is_shared for look in looks)
    bench.measure("sold_together", shared, unit="", about=about, goal=at_least(MACHINES - 1))


def _tell_of_purchases(bench: Bench, buyers: Buyers) -> None:
    for failure in buyers.failures[:5]:
        bench.note(f"failed: {failure}")
    about = "purchases that failed after all retries"
    bench.measure("failed_purchases", len(buyers.failures), unit="", about=about, goal=at_most(0))
    sold = sum(map(len, buyers.bought.values()))
    about = "purchases that were acknowledged"
    bench.measure("purchases", sold, unit="", about=about, goal=at_least(_PURCHASES_MIN))
    longest_s = max(took_s for _, took_s in buyers.purchases)
    bench.measure("longest_purchase_s", longest_s, unit="s", about="the longest purchase, the head's time included")


def _judge(bench: Bench, estate: Estate, buyers: Buyers) -> None:
    """All that the buyers were told. Raises AuditFailed, and leaves the history where the findings say."""
    bench.screen.say("the judgement")
    history = bench.options.build / "history" / "upgrade" / "buyers.jsonl.gz"
    judgement = judge(estate, [buyers], history)
    bench.findings.add(judgement.findings)
    if judgement.violations:
        raise AuditFailed(bench.findings)
    bench.note(f"what the buyers were told: {history}; owners were killed after it was written")
    about = "what the audit or the checker (R1 to R12) objects to"
    bench.measure("violations", judgement.violations, unit="", about=about, goal=at_most(0))
    about = "operations that were answered well, in the history"
    bench.measure("acknowledged", judgement.verdict.acknowledged, unit="", about=about, goal=at_least(1))
