"""`python -m tests.sim --seed 4711` replays one seed with its trace; `--n 500` runs many and names those that fail."""

import argparse
import gc
import logging
import multiprocessing
import os
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from random import SystemRandom

from bench.run.machine import machine, revision, versions
from tests.sim.document import PATH, write_document
from tests.sim.run import Report, run
from tests.sim.testimony import write

_TELL_EVERY_S = 5.0

#: Seeds handed to a process at a time.
_AT_ONCE = 10


def _begin() -> None:
    """What every run needs is there after the first: the search for cycles after each need not look at it."""
    run(0)
    gc.freeze()


def _short(seed: int) -> Report:
    return run(seed)._replace(noted=[], history=[])


def _replay(seed: int, history: Path | None) -> int:
    report = run(seed)
    if history is not None:
        write(history, report.history)
    sys.stdout.write("\n".join(report.trace) + "\n")
    _tell([report])
    sys.stdout.write(f"trace {report.digest}\n")
    return _end([report])


def _many(first: int, runs: int) -> int:
    PATH.unlink(missing_ok=True)
    around = {"began_at": datetime.now(UTC).isoformat(timespec="seconds"), "seed": first}
    around |= {"machine": machine(), "versions": versions(), "revision": revision()}
    reports: list[Report] = []
    told_s = began_s = time.monotonic()
    with multiprocessing.Pool(os.cpu_count(), _begin, maxtasksperchild=500) as pool:
        for report in pool.imap_unordered(_short, range(first, first + runs), _AT_ONCE):
            reports.append(report)
            if report.mistakes:
                sys.stdout.write(f"seed {report.seed} fails: {report.mistakes[0]}\n")
            if time.monotonic() - told_s > _TELL_EVERY_S:
                told_s = time.monotonic()
                failed = sum(bool(one.mistakes) for one in reports)
                sys.stdout.write(f"{len(reports)} of {runs} seeds, {failed} failed\n")
                sys.stdout.flush()
    around["took_s"] = round(time.monotonic() - began_s, 1)
    _tell(reports)
    write_document(PATH, reports, around)
    sys.stdout.write(f"{PATH}\n")
    return _end(reports)


def _tell(reports: list[Report]) -> None:
    faults: Counter[str] = sum((report.faults for report in reports), Counter())
    hours = sum(report.virtual_s for report in reports) / 3600
    sys.stdout.write(
        f"{sum(report.requests for report in reports)} requests, {sum(report.events for report in reports)} events,"
        f" {sum(report.steps for report in reports)} steps, {hours:.1f} virtual hours\n"
        f"faults: {', '.join(f'{kind} {times}' for kind, times in faults.most_common())}\n"
    )


def _end(reports: list[Report]) -> int:
    failed = sorted((report for report in reports if report.mistakes), key=lambda report: report.steps)
    for report in failed[:10]:
        sys.stdout.write(f"\nseed {report.seed} fails; replay it with: make sim SEED={report.seed}\n")
        for mistake in report.mistakes[:5]:
            sys.stdout.write(f"  {mistake}\n")
    sys.stdout.write(f"{len(reports) - len(failed)} of {len(reports)} seeds hold.\n")
    return 1 if failed else 0


def main() -> int:
    """The process's exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--seed", type=int, help="replay this one, with its trace")
    parser.add_argument("--history", type=Path, help="with --seed: a file for what callers were told")
    parser.add_argument("--n", type=int, default=200, help="how many seeds to run")
    parser.add_argument("--first", type=int, help="the first of them; without it, a new one every time")
    asked = parser.parse_args()
    logging.disable()
    if asked.seed is not None:
        return _replay(asked.seed, asked.history)
    first = SystemRandom().randrange(1_000_000_000) if asked.first is None else asked.first
    return _many(first, asked.n)


if __name__ == "__main__":
    sys.exit(main())
