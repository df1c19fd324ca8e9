"""What suppliers say was bought, beside what our ledgers and shelves say: to the unit, the cent and the code."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bench.run.bench import CannotRun
from bench.run.house import House
from bench.run.sandboxes import SandboxProcess, attempts, open_attempts


class Truth(NamedTuple):
    """How the two compare. All but `units` and `attempts` should be 0.

    `twice` are units charged under an id of ours a second time; `other_units` and `other_minor` are by how much the
    ledgers differ; `doubled` codes are on the shelf once more than they were delivered, `missing` ones were delivered
    and are not there.
    """

    attempts: int
    units: int
    twice: int
    other_units: int
    other_minor: int
    doubled: int
    missing: int


def wait_settled(house: House, suppliers: Sequence[SandboxProcess], within_s: float) -> float:
    """Wait until no purchase is open and every code is on the shelf; answers how long that took. Raises CannotRun."""
    names = [supplier.name for supplier in suppliers]
    began_s = time.monotonic()
    while (left := open_attempts(house, names)) > 0:
        if time.monotonic() > began_s + within_s:
            raise CannotRun(f"{left} purchases are not settled after {within_s:g} s")
        time.sleep(0.5)
    return time.monotonic() - began_s


def compare(house: House, suppliers: Sequence[SandboxProcess], stocked: Mapping[str, int]) -> Truth:
    """Compare everything bought of these SKUs, each of which began with so many cards."""
    rows: list[Mapping[str, Any]] = []
    ours_units = ours_minor = 0
    for supplier in suppliers:
        rows += [row for row in supplier.ledger(codes=True) if row["orders"][0]["product"] in stocked]
        for attempt in attempts(house, supplier.name):
            if attempt.sku.rpartition("/")[2] in stocked:
                ours_units += attempt.units
                ours_minor += sum(cost.minor for cost in attempt.costs)
    units, minor = sum(row["units"] for row in rows), sum(row["cost_minor"] for row in rows)
    codes = {code for row in rows for code in row["codes_sha256"]}
    received = sum(books.received for books in house.books(list(stocked)))
    more = received - sum(stocked.values()) - len(codes)
    return Truth(
        attempts=len(rows),
        units=units,
        twice=sum(row["units"] // row["times_charged"] * (row["times_charged"] - 1) for row in rows if row["units"]),
        other_units=abs(units - ours_units),
        other_minor=abs(minor - ours_minor),
        doubled=max(0, more),
        missing=max(0, -more),
    )
