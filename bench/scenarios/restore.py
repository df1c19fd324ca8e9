"""The restore drill: a backup is taken in mid-sale, then the disk is lost, and the house starts on the copy.

Asks whether `cardkeep backup` copies a running store whole, how long it takes, what the sale notices of it, and how
long it is from the loss until the restored house answers. Nothing is asked of what was sold after the copy: a backup
cannot know it, which docs/operating.md says.

A good answer: every purchase that was acknowledged before the backup began is in the restored house, its books break no
law, its codes open, and no purchase failed meanwhile.
"""

import shutil
import subprocess
import sys
import time
from pathlib import Path

from cardkeep_client.errors import CardUnreadable, Refused

from bench.run import Bench, CannotRun, House, at_least, at_most
from bench.run.buyers import PRICE, Buyers
from bench.run.moments import p99_s

SKUS = 8

_CARDS = 100_000
_BEFORE_S = 8.0
_AFTER_S = 4.0

#: Of the purchases before the backup one in so many is asked for again, from the newest on: those are lost most easily.
_ASKED_EVERY = 200

#: A copy of some tens of MB takes seconds; a machine that is busy besides, a minute.
_COPIED_WITHIN_S = 300.0


def run(bench: Bench) -> None:
    """See above."""
    for _ in bench.rounds(1):
        house = bench.house()
        skus = [house.stock(_CARDS, unit_price=PRICE) for _ in range(SKUS)]
        buyers = Buyers(house.target, skus)
        buyers.start()
        time.sleep(bench.seconds(_BEFORE_S))
        known = {sku: len(holds) for sku, holds in buyers.bought.items()}
        copy = bench.new_folder()
        began_s = time.monotonic()
        _cardkeep("backup", copy, house.folder)
        ended_s = time.monotonic()
        bench.measure("backup_s", ended_s - began_s, unit="s", about="`cardkeep backup`, while it sold")
        time.sleep(_AFTER_S)
        buyers.stop()
        _tell_of_the_sale(bench, buyers, began_s, ended_s)
        _restore(bench, house, copy)
        _tell_of_the_copy(bench, house, buyers, known)
        bench.stop(house)


def _restore(bench: Bench, house: House, copy: Path) -> None:
    """The disk is lost; the copy takes its place."""
    house.stop()
    shutil.rmtree(house.folder)
    began_s = time.monotonic()
    _cardkeep("recover", copy, house.folder)
    house.start(bench.screen.say)
    bench.measure("restore_s", time.monotonic() - began_s, unit="s", about="`cardkeep recover`, and the house is up")


def _tell_of_the_sale(bench: Bench, buyers: Buyers, began_s: float, ended_s: float) -> None:
    for failure in buyers.failures[:5]:
        bench.note(f"failed: {failure}")
    bench.measure("failed_purchases", len(buyers.failures), unit="", about="purchases that failed", goal=at_most(0))
    beside = [took_s for at_s, took_s in buyers.purchases if at_s < ended_s and at_s + took_s > began_s]
    apart = [took_s for at_s, took_s in buyers.purchases if at_s + took_s <= began_s]
    bench.measure("longest_beside_ms", max(beside) * 1000, unit="ms", about="the longest purchase beside the backup")
    bench.measure("p99_before_ms", p99_s(apart) * 1000, unit="ms", about="p99 of those before it")


def _tell_of_the_copy(bench: Bench, house: House, buyers: Buyers, known: dict[str, int]) -> None:
    lost = unread = broken = 0
    for sku, count in known.items():
        (books,) = house.books([sku])
        broken += len(books.violations)
        lost += max(0, count - books.sold)
        for hold in buyers.bought[sku][:count][::-_ASKED_EVERY]:
            try:
                again = house.client.confirm(hold, payment_ref=hold.name, paid_amount=PRICE)
                unread += len(again.delivered) != 1
            except Refused:
                lost += 1
            except CardUnreadable:
                unread += 1
    bench.measure("broken_laws", broken, unit="", about="laws that restored SKUs break", goal=at_most(0))
    bench.measure("known", sum(known.values()), unit="", about="purchases before the backup", goal=at_least(1))
    bench.measure(
        "lost", lost, unit="", about="of those, purchases that the restored house does not know", goal=at_most(0)
    )
    bench.measure(
        "unread", unread, unit="", about=f"of every {_ASKED_EVERY}th, codes that do not open there", goal=at_most(0)
    )


def _cardkeep(what: str, copy: Path, data: Path) -> None:
    words = [str(Path(sys.executable).with_name("cardkeep")), what, str(copy), "--data", str(data)]
    try:
        done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=_COPIED_WITHIN_S)  # noqa: S603
    except subprocess.TimeoutExpired as late:
        raise CannotRun(str(late)) from late
    if done.returncode:
        raise CannotRun(f"`cardkeep {what}` failed: {done.stderr}")
