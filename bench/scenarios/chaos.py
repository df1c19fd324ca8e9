"""Real faults: everything around a sale is killed, frozen, cut off, starved of its disk, and given a wrong time.

Asks whether a card is ever sold twice or an acknowledged hold or sale lost, while real processes really fail: four
legs, each with a house of its own: one whose owners are front ends, too, one with a front end of its own before them,
one in which two things break at a time, clocks among them, and one of two machines, of which one is lost and leaves.
Buyers in processes of their own ask for SKUs that are stocked and SKUs that are bought; and a nemesis breaks one thing
after another. What is broken when is drawn from the seed.
After each leg, what nobody knew is asked again, owners die once more, and the histories of all buyers are judged by the
audit, by the checker (R1 to R12) and by the suppliers' ledgers. Then the judges are judged: houses that are wrong on
purpose have to be found out.

A good answer: no violation in 200,000 acknowledged operations and 100 faults of ten kinds; all of a killed owner's SKUs
are served again within 3 s, all of a lost machine's within 10 s; every wrong house is caught.
"""

from random import Random

from bench.chaos.controls import caught
from bench.chaos.legs import LEGS, run_leg
from bench.chaos.telling import Telling
from bench.run import Bench

#: Of all legs together.
SECONDS = 440.0


def run(bench: Bench) -> None:
    """See above."""
    seconds = bench.seconds(SECONDS) / len(LEGS)
    telling = Telling(bench)
    for number in bench.rounds(len(LEGS)):
        terms = LEGS[number % len(LEGS)]
        chance = Random(f"{bench.options.seed}/{number}")  # noqa: S311 - a seed must break the same things again
        telling.hear(run_leg(bench, terms, seconds, chance))
    telling.tell(caught(bench))
