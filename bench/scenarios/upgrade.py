"""A rolling upgrade: each of three machines is stopped in good order and started anew, the head last, while people buy.

Asks whether a buyer notices more than a slow answer. The buyers use the Python client with all machines' doors in one
address, and its usual retries: a call asks again under its own id until it has an answer. Every machine but the head
gives its SKUs to others before it stops; while the head is away nobody can sell, since the store is there.

A good answer: no call fails, nothing acknowledged is lost or doubled, and nobody waits longer than the head takes.
"""

import time
from collections import Counter

from bench.run import Bench, at_least, at_most
from bench.run.buyers import PRICE, Buyers
from bench.run.estate import Estate

MACHINES, SKUS = 3, 12

#: Cards of each SKU: a buyer of one buys some 100 a second.
_CARDS = 30_000

#: A sale in which so few buy says little: not a tenth of what twelve buyers do in the rests alone.
_PURCHASES_MIN = 2_000

#: Between two machines: buyers have their machines back, and the load has gone there.
_REST_S = 5.0


def run(bench: Bench) -> None:
    """See above."""
    for _ in bench.rounds(1):
        estate = bench.estate(MACHINES)
        skus = [estate.stock(_CARDS, unit_price=PRICE) for _ in range(SKUS)]
        for number in range(1, MACHINES):
            bench.screen.say(f"machine {number + 1} joins")
            estate.join(number)
        estate.even_out()
        buyers = Buyers(estate.targets, skus)
        buyers.start()
        time.sleep(_REST_S)
        _roll(bench, estate)
        time.sleep(_REST_S)
        buyers.stop()
        _tell(bench, estate, buyers)
        bench.stop(estate)


def _roll(bench: Bench, estate: Estate) -> None:
    """Each machine in turn, the head last."""
    for number in range(1, MACHINES):
        bench.screen.say(f"machine {number + 1} is upgraded")
        began_s = time.monotonic()
        estate.leave(number)
        estate.join(number)
        estate.even_out()
        bench.measure("machine_s", time.monotonic() - began_s, unit="s", about="one machine: down, and up again")
        time.sleep(_REST_S)
    bench.screen.say("the head is upgraded")
    began_s = time.monotonic()
    estate.restart_head(bench.screen.say)
    bench.measure("head_s", time.monotonic() - began_s, unit="s", about="the head: down, and up again")


def _tell(bench: Bench, estate: Estate, buyers: Buyers) -> None:
    for failure in buyers.failures[:5]:
        bench.note(f"failed: {failure}")
    about = "purchases that failed after all retries"
    bench.measure("failed_purchases", len(buyers.failures), unit="", about=about, goal=at_most(0))
    sold = sum(map(len, buyers.bought.values()))
    about = "purchases that were acknowledged"
    bench.measure("purchases", sold, unit="", about=about, goal=at_least(_PURCHASES_MIN))
    cards = Counter(card.name for holds in buyers.bought.values() for hold in holds for card in hold.cards)
    doubled = sum(times > 1 for times in cards.values())
    bench.measure("doubled", doubled, unit="", about="cards that two purchases got", goal=at_most(0))
    missing = sum(max(0, len(holds) - estate.books([sku])[0].sold) for sku, holds in buyers.bought.items())
    about = "acknowledged purchases that the house does not know"
    bench.measure("lost", missing, unit="", about=about, goal=at_most(0))
    broken = sum(bool(book.violations) for book in estate.books(list(buyers.bought)))
    bench.measure("broken_laws", broken, unit="", about="SKUs whose own books break a law", goal=at_most(0))
    longest_s = max(took_s for _, took_s in buyers.calls)
    bench.measure("longest_purchase_s", longest_s, unit="s", about="the longest purchase, the head's time included")
