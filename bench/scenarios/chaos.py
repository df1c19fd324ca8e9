"""Real faults: everything around a sale is killed, frozen, cut off, starved of its disk, and given a wrong time.

Asks whether a card is ever sold twice or an acknowledged hold or sale lost, while real processes really fail: three
legs, each with a house of its own, whose owners are front ends, too, or have one of its own in front of them; buyers in
processes of their own over SKUs that are stocked and SKUs that are bought; and a nemesis that breaks one thing after
another, each alone, and in the last leg two at a time, clocks among them. What is broken when is drawn from the seed.
After each leg, what nobody knew is asked again, owners die once more, and the histories of all buyers are judged by the
audit, by the checker (R1 to R12) and by the suppliers' ledgers. Then the judges are judged: houses that are wrong on
purpose have to be found out.

A good answer: no violation in 200,000 acknowledged operations and 100 faults of ten kinds; a killed owner's SKUs are
served again within 3 s; every wrong house is caught.
"""

from random import Random

from bench.chaos.controls import caught
from bench.chaos.legs import LEGS, run_leg
from bench.chaos.telling import Telling
from bench.run import Bench

#: Of all legs together.
SECONDS = 450.0


def run(bench: Bench) -> None:
    """See above."""
    seconds = bench.seconds(SECONDS) / len(LEGS)
    telling = Telling(bench)
    for number in bench.rounds(len(LEGS)):
        terms = LEGS[number % len(LEGS)]
        chance = Random(f"{bench.options.seed}/{number}")  # noqa: S311 - a seed must break the same things again
        telling.hear(run_leg(bench, terms, seconds, chance))
    telling.tell(caught(bench))
